package io.beachdb.dbtestkit;

import io.beachdb.BeachDB;
import io.beachdb.Options;
import io.beachdb.Seams;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.Signal;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedRandom;
import io.beachdb.testkit.SimulatedScheduler;
import io.beachdb.testkit.SimulatedVfs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The whole engine with several clients on a simulated disk and scheduler: one seed, one schedule, one fate. A run is a
 * number of lives; each ends by a clean close, the death of the process, or a power cut somewhere, and the next begins by
 * comparing what is there with what was promised.
 *
 * <p>What each client checks is said at {@code ModelClient}. And across clients: with a write of sequence s, every
 * acknowledged write below s is there.
 */
public final class EngineSimulation {
    private static final Path DIRECTORY = Path.of("/data/made/on/open");
    private static final int LONGEST_VALUE = 6000;
    private static final int STEPS = 40;
    private static final int MAX_LIVES = 4;
    private static final int HELD_ONE_IN = 4;

    private enum Fate {
        CLOSE,
        KILL,
        POWER_CUT
    }

    /** What a run did, for messages and for comparing two runs of a seed. */
    public record Result(long seed, int lives, long operations, long steps, long scheduleHash, long diskHash) {}

    private final long seed;
    private final SimulatedRandom random;
    private final List<ModelClient> clients = new ArrayList<>();
    private long operations;
    private String trail = "";

    private EngineSimulation(long seed) {
        this.seed = seed;
        this.random = new SimulatedRandom(seed);
        int count = 1 + random.nextInt(4);
        for (int i = 0; i < count; i++) {
            clients.add(new ModelClient(i, 10, LONGEST_VALUE));
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
            if (seed % HELD_ONE_IN == 0) {
                disk.setOpenFilesHeld(true); // as on Windows
            }
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
        MemoryBudget budget = MemoryBudget.ofBytes(8L << 20);
        try {
            Life life = new Life(scheduler, vfs, budget);
            if (fate == Fate.POWER_CUT) {
                disk.cutAt(disk.cutPoints() + 1 + random.nextInt(900));
            }
            life.start(fate);
            scheduler.run();
            if (fate == Fate.POWER_CUT) {
                CutPolicy policy = CutPolicy.random(random.nextLong());
                disk.cutPower(policy);
                clients.forEach(ModelClient::powerLost);
            } else if (vfs.isAlive()) {
                vfs.kill();
            }
        } finally {
            budget.pool().close(); // not the budget: what a process that was killed had charged stays charged
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
            for (ModelClient client : clients) {
                scheduler.spawn(vfs.process(), "client " + client.index(), () -> work(client));
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
            if (budget.usedBytes() != 0) {
                throw new AssertionError(budget.usedBytes() + " bytes are still charged after a close");
            }
            clients.forEach(ModelClient::closed);
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

        private void work(ModelClient client) {
            SimulatedRandom own = new SimulatedRandom(clientSeeds + client.index());
            scheduler.await(changed, () -> db != null);
            BeachDB database = db;
            for (int i = 0; i < STEPS && database != null; i++) {
                client.step(database, own);
                operations++;
            }
            running--;
            changed.wake();
        }
    }

    /** Compares what an opening shows with what was promised, and goes on from there. */
    private void compare(BeachDB db) {
        long newestPresent = 0;
        for (ModelClient client : clients) {
            newestPresent = Math.max(newestPresent, client.recover(db));
        }
        for (ModelClient client : clients) {
            client.checkNothingMissingBelow(newestPresent);
        }
        clients.forEach(ModelClient::goOn);
    }
}
