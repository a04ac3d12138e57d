package io.beachdb.dbtestkit;

import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.Durability;
import io.beachdb.Options;
import io.beachdb.Range;
import io.beachdb.Seams;
import io.beachdb.Snapshot;
import io.beachdb.WriteBatch;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.Signal;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedRandom;
import io.beachdb.testkit.SimulatedScheduler;
import io.beachdb.testkit.SimulatedVfs;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The whole engine with several clients on a simulated disk and scheduler: one seed, one schedule, one fate. A run is a
 * number of lives; each ends by a clean close, the death of the process, or a power cut somewhere, and the next begins by
 * comparing what is there with what was promised.
 *
 * <p>Each client writes batches to keys of its own, and in each batch its own counter. So the counter that is found says how
 * many of the client's writes are there; all its other keys must be as they were after exactly that many (batches are whole,
 * order is kept, nothing comes from nowhere). The counter must not be below what was promised: synced writes always, logged
 * ones after a death of the process, everything that an earlier opening showed. And across clients: with a write of sequence
 * s, every acknowledged write below s is there.
 */
public final class EngineSimulation {
    private static final Path DIRECTORY = Path.of("/data/made/on/open");
    private static final int KEYS = 12;
    private static final int STEPS = 40;
    private static final int MAX_LIVES = 4;
    private static final int LONGEST_VALUE = 6000;

    private enum Fate {
        CLOSE,
        KILL,
        POWER_CUT
    }

    /** One acknowledged write of a client. */
    private record Acknowledged(int count, long sequence) {}

    /** What one client has done in all lives. */
    private static final class Client {
        final int index;
        /** Contents after each number of writes; index 0: nothing. */
        final List<Map<String, byte[]>> states = new ArrayList<>(List.of(new TreeMap<>()));

        final List<Acknowledged> acknowledged = new ArrayList<>();
        int promisedAgainstPowerLoss;
        int promisedAgainstDeath;
        int unloggedWritten;
        int unloggedPromised;

        Client(int index) {
            this.index = index;
        }

        int written() {
            return states.size() - 1;
        }

        String key(int k) {
            return "c" + index + "/k" + k;
        }

        String counterKey() {
            return "c" + index + "/n";
        }

        String unloggedKey() {
            return "u" + index;
        }

        Range range() {
            return Range.prefix(bytes("c" + index + "/"));
        }
    }

    /** What a run did, for messages and for comparing two runs of a seed. */
    public record Result(long seed, int lives, long operations, long steps, long scheduleHash, long diskHash) {}

    private final long seed;
    private final SimulatedRandom random;
    private final List<Client> clients = new ArrayList<>();
    private long operations;
    private String trail = "";

    private EngineSimulation(long seed) {
        this.seed = seed;
        this.random = new SimulatedRandom(seed);
        int count = 1 + random.nextInt(4);
        for (int i = 0; i < count; i++) {
            clients.add(new Client(i));
        }
    }

    /**
     * Plays one seed.
     *
     * @throws AssertionError if a promise was broken; its message says how to repeat the run
     */
    public static Result run(long seed) {
        return new EngineSimulation(seed).play();
    }

    private Result play() {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
            SimulatedDisk disk = new SimulatedDisk(scheduler).makeDirectories(Path.of("/data"));
            disk.setInterruptSafe(
                    random.nextInt(3) > 0); // who writes and syncs the log: its callers, or engine threads
            int lives = 1 + random.nextInt(MAX_LIVES);
            for (int life = 0; life < lives; life++) {
                liveOnce(scheduler, disk, life + 1 < lives ? fate() : Fate.CLOSE);
            }
            liveOnce(scheduler, disk, Fate.CLOSE); // once more: compare what the last one left
            return new Result(seed, lives, operations, scheduler.steps(), scheduler.traceHash(), disk.traceHash());
        } catch (RuntimeException | Error e) {
            throw new AssertionError("EngineSimulation.run(" + seed + "L) repeats this: " + trail + ": " + e, e);
        }
    }

    private Fate fate() {
        return switch (random.nextInt(5)) {
            case 0 -> Fate.CLOSE;
            case 1 -> Fate.KILL;
            default -> Fate.POWER_CUT;
        };
    }

    private void liveOnce(SimulatedScheduler scheduler, SimulatedDisk disk, Fate fate) {
        SimulatedVfs vfs = disk.start("engine");
        trail += fate + " ";
        try (MemoryBudget budget = MemoryBudget.ofBytes(8L << 20)) {
            Life life = new Life(scheduler, vfs, budget);
            if (fate == Fate.POWER_CUT) {
                disk.cutAt(disk.cutPoints() + 1 + random.nextInt(900));
            }
            life.start(fate);
            scheduler.run();
            if (fate == Fate.POWER_CUT) {
                CutPolicy policy = CutPolicy.random(random.nextLong());
                disk.cutPower(policy);
                clients.forEach(client -> client.promisedAgainstDeath = client.promisedAgainstPowerLoss);
            } else if (vfs.isAlive()) {
                vfs.kill();
            }
        }
    }

    /** One life of the engine's process. */
    private final class Life {
        private final SimulatedScheduler scheduler;
        private final SimulatedVfs vfs;
        private final MemoryBudget budget;
        private final Signal changed;
        private final long clientSeeds = random.nextLong();
        private @Nullable BeachDB db;
        private int running;

        Life(SimulatedScheduler scheduler, SimulatedVfs vfs, MemoryBudget budget) {
            this.scheduler = scheduler;
            this.vfs = vfs;
            this.budget = budget;
            this.changed = scheduler.newSignal("simulation", 0);
        }

        void start(Fate fate) {
            running = clients.size();
            long pause = fate == Fate.KILL ? random.nextInt(400) : -1;
            scheduler.spawn(vfs.process(), "opener", this::open);
            for (Client client : clients) {
                scheduler.spawn(vfs.process(), "client " + client.index, () -> work(client));
            }
            if (pause >= 0) {
                scheduler.spawn("killer", () -> {
                    for (long i = 0; i < pause; i++) {
                        scheduler.reach("before the kill");
                    }
                    vfs.kill();
                });
            }
        }

        private void open() {
            BeachDB opened = BeachDB.open(DIRECTORY, options());
            compare(opened);
            db = opened;
            changed.wake();
            scheduler.await(changed, () -> running == 0);
            opened.close();
            for (Client client : clients) {
                client.promisedAgainstPowerLoss = client.written();
                client.promisedAgainstDeath = client.written();
                client.unloggedPromised = client.unloggedWritten;
            }
        }

        private Options options() {
            return Options.builder()
                    .memoryBudget(budget)
                    .writeBufferBytes(64 << 10)
                    .blockBytes(1 << random.nextInt(13))
                    .filterBitsPerKey(random.nextInt(2) * 10)
                    .compression(random.nextInt(2) == 0 ? Options.Compression.LZ4 : Options.Compression.NONE)
                    .targetTableBytes(4 << 10 << random.nextInt(4))
                    .level0CompactionTables(1 + random.nextInt(3))
                    .level0StopTables(6)
                    .baseLevelBytes(64 << 10)
                    .levelMultiplier(2 + random.nextInt(3))
                    .manifestBytes(4 << 10)
                    .checkLifetimes(random.nextInt(2) == 0)
                    .seams(new Seams(vfs, scheduler, new SimulatedRandom(random.nextLong())))
                    .build();
        }

        private void work(Client client) {
            SimulatedRandom own = new SimulatedRandom(clientSeeds + client.index);
            scheduler.await(changed, () -> db != null);
            BeachDB database = db;
            for (int i = 0; i < STEPS && database != null; i++) {
                step(database, client, own);
                operations++;
            }
            running--;
            changed.wake();
        }
    }

    private void step(BeachDB db, Client client, SimulatedRandom own) {
        switch (own.nextInt(16)) {
            case 0 -> {
                int written = client.written();
                int unlogged = client.unloggedWritten;
                db.flush();
                promise(client, written);
                client.unloggedPromised = Math.max(client.unloggedPromised, unlogged);
            }
            case 1 -> db.compact();
            case 2 -> {
                int written = client.written();
                db.awaitDurable(db.sequence());
                promise(client, written);
            }
            case 3 -> {
                client.unloggedWritten++;
                db.put(bytes(client.unloggedKey()), counter(client.unloggedWritten), Durability.UNLOGGED);
            }
            case 4, 5 -> compareOwn(db, client, client.written());
            case 6 -> {
                int written = client.written();
                try (Snapshot snapshot = db.snapshot()) {
                    for (int i = own.nextInt(3); i >= 0; i--) {
                        write(db, client, own);
                    }
                    compareCursor(snapshot.cursor(client.range()), client.states.get(written), client);
                }
            }
            case 7 -> compareGets(db, client);
            default -> write(db, client, own);
        }
    }

    private void write(BeachDB db, Client client, SimulatedRandom own) {
        Map<String, byte[]> next = new TreeMap<>(client.states.getLast());
        int count = client.states.size();
        WriteBatch batch = new WriteBatch();
        batch.put(bytes(client.counterKey()), counter(count));
        next.put(client.counterKey(), counter(count));
        for (int i = own.nextInt(4); i > 0; i--) {
            String key = client.key(own.nextInt(KEYS));
            if (own.nextInt(4) == 0) {
                batch.delete(bytes(key));
                next.remove(key);
            } else {
                byte[] value = new byte[own.nextInt(10) == 0 ? own.nextInt(LONGEST_VALUE) : own.nextInt(60)];
                Arrays.fill(value, (byte) (count * 31 + i));
                batch.put(bytes(key), value);
                next.put(key, value);
            }
        }
        Durability durability = own.nextInt(2) == 0 ? Durability.SYNCED : Durability.LOGGED;
        client.states.add(next);
        long sequence = db.write(batch, durability);
        client.acknowledged.add(new Acknowledged(count, sequence));
        client.promisedAgainstDeath = Math.max(client.promisedAgainstDeath, count);
        if (durability == Durability.SYNCED) {
            promise(client, count);
        }
    }

    private static void promise(Client client, int count) {
        client.promisedAgainstPowerLoss = Math.max(client.promisedAgainstPowerLoss, count);
        client.promisedAgainstDeath = Math.max(client.promisedAgainstDeath, count);
    }

    /** Compares what an opening shows with what was promised, and goes on from there. */
    private void compare(BeachDB db) {
        long newestPresent = 0;
        List<Integer> found = new ArrayList<>();
        for (Client client : clients) {
            byte[] value = db.get(bytes(client.counterKey()));
            int count = value == null ? 0 : Integer.parseInt(new String(value, StandardCharsets.UTF_8));
            check(
                    count >= client.promisedAgainstDeath && count <= client.written(),
                    "client " + client.index + " has " + count + " writes, promised " + client.promisedAgainstDeath
                            + ", asked for " + client.written());
            compareOwn(db, client, count);
            found.add(count);
            for (Acknowledged write : client.acknowledged) {
                if (write.count <= count) {
                    newestPresent = Math.max(newestPresent, write.sequence);
                }
            }
            byte[] unlogged = db.get(bytes(client.unloggedKey()));
            int seen = unlogged == null ? 0 : Integer.parseInt(new String(unlogged, StandardCharsets.UTF_8));
            check(
                    seen >= client.unloggedPromised && seen <= client.unloggedWritten,
                    "unlogged counter is " + seen + ", promised " + client.unloggedPromised);
        }
        for (Client client : clients) {
            int count = found.get(client.index);
            for (Acknowledged write : client.acknowledged) {
                check(
                        write.count <= count || write.sequence > newestPresent,
                        "write " + write + " of client " + client.index + " is missing, but one of sequence "
                                + newestPresent + " is there");
            }
            // What this opening showed, no later one may lose.
            client.states.subList(count + 1, client.states.size()).clear();
            client.acknowledged.removeIf(write -> write.count > count);
            client.promisedAgainstPowerLoss = count;
            client.promisedAgainstDeath = count;
            byte[] unlogged = db.get(bytes(client.unloggedKey()));
            client.unloggedWritten =
                    unlogged == null ? 0 : Integer.parseInt(new String(unlogged, StandardCharsets.UTF_8));
            client.unloggedPromised = client.unloggedWritten;
        }
    }

    private void compareOwn(BeachDB db, Client client, int count) {
        compareCursor(db.cursor(client.range()), client.states.get(count), client);
    }

    private static void compareCursor(Cursor opened, Map<String, byte[]> expected, Client client) {
        try (Cursor cursor = opened) {
            Map<String, byte[]> forwards = new TreeMap<>();
            for (cursor.first(); cursor.valid(); cursor.next()) {
                take(cursor, forwards);
            }
            checkEqual(expected, forwards, client, "forwards");
            Map<String, byte[]> backwards = new TreeMap<>();
            for (cursor.last(); cursor.valid(); cursor.previous()) {
                take(cursor, backwards);
            }
            checkEqual(expected, backwards, client, "backwards");
        }
    }

    private static void take(Cursor cursor, Map<String, byte[]> into) {
        String key = new String(cursor.key().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        check(
                into.put(key, cursor.value().toArray(ValueLayout.JAVA_BYTE)) == null,
                "a cursor showed " + key + " twice");
    }

    private static void compareGets(BeachDB db, Client client) {
        Map<String, byte[]> expected = client.states.getLast();
        for (int k = 0; k < KEYS; k++) {
            String key = client.key(k);
            check(Arrays.equals(expected.get(key), db.get(bytes(key))), "get of " + key + " is not what was put last");
        }
    }

    private static void checkEqual(
            Map<String, byte[]> expected, Map<String, byte[]> actual, Client client, String direction) {
        check(
                expected.keySet().equals(actual.keySet()),
                "client " + client.index + " " + direction + ": keys " + actual.keySet() + ", expected "
                        + expected.keySet());
        expected.forEach((key, value) ->
                check(Arrays.equals(value, actual.get(key)), direction + ": the value of " + key + " differs"));
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    private static byte[] counter(int count) {
        return bytes(Integer.toString(count));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
