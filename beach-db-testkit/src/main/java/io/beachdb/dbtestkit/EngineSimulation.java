package io.beachdb.dbtestkit;

import io.beachdb.BeachDB;
import io.beachdb.Health;
import io.beachdb.Options;
import io.beachdb.Seams;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.Signal;
import io.beachdb.base.StorageException;
import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.durability.Vfs;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedRandom;
import io.beachdb.testkit.SimulatedScheduler;
import io.beachdb.testkit.SimulatedVfs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The whole engine with several clients on a simulated disk and scheduler: one seed, one schedule, one fate. A run is a
 * number of lives; each ends by a clean close, the death of the process, or a power cut somewhere, and the next begins by
 * comparing what is there with what was promised. Some lives have trouble: errors of the disk, a full one, a slow one.
 *
 * <p>What each client checks of its own keys is said at {@code ModelClient}, what all check of the keys that they share at
 * {@code ObservedHistory}. And across clients: with a write of sequence s, every acknowledged write below s is there.
 */
public final class EngineSimulation {
    private static final Path DIRECTORY = Path.of("/data/made/on/open");
    private static final int LONGEST_VALUE = 6000;
    private static final int RESUMES = 6;
    private static final long MILLI = 1_000_000;

    private enum Fate {
        CLOSE,
        KILL,
        POWER_CUT
    }

    /** What goes wrong with the disk in a life. */
    private enum Trouble {
        NONE,
        ERRORS,
        FULL,
        SLOW
    }

    /** What a run is to bring about: one in which none of it happens shows little. */
    public enum Event {
        /** The power was cut while somebody worked, or closed. */
        CUT,
        /** The power was cut during an opening. */
        CUT_IN_OPENING,
        /** The process died while somebody worked, opened or closed. */
        KILL,
        /** An operation of the disk failed. */
        ERROR,
        /** A client finds that the health is DISK_FULL. */
        FULL,
        /** A life with a slow disk. */
        SLOW,
        /** A call was refused, or what became of its write is in doubt. */
        REFUSAL,
        IN_DOUBT,
        RESUME,
        RESUME_REFUSED,
        OPENING_FAILED,
        CLOSE_FAILED,
        CHECKPOINT;

        /** Returns the name for people. */
        public String title() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    /**
     * What a run did, for messages and for comparing two runs of a seed.
     *
     * @param reached how often what happened; not changeable
     */
    public record Result(
            long seed,
            int lives,
            long operations,
            Map<Event, Long> reached,
            long steps,
            long scheduleHash,
            long diskHash) {}

    /**
     * What a run has below the engine; a mistake, to see that it is found out.
     *
     * @param prepare done to the disk at the beginning of each life
     * @param files what the engine gets for the files of its process
     */
    record Below(Consumer<SimulatedDisk> prepare, Function<SimulatedVfs, Vfs> files) {
        static final Below NOTHING = new Below(disk -> {}, process -> process);
    }

    private final SimulationPlan plan;
    private final Consumer<String> log;
    private final Below below;
    private final List<ModelClient> clients = new ArrayList<>();
    private final List<SharedClient> sharers = new ArrayList<>();
    private final SharedClient.Shared shared = new SharedClient.Shared();
    private final Map<Event, Long> reached = new EnumMap<>(Event.class);
    private long operations;
    private int checkpoints;

    private EngineSimulation(SimulationPlan plan, Consumer<String> log, Below below) {
        this.plan = plan;
        this.log = log;
        this.below = below;
        for (int i = 0; i < plan.clients(); i++) {
            String name = "    client " + i + " ";
            ModelClient client = new ModelClient(i, 10, LONGEST_VALUE);
            client.tell(what -> log.accept(name + what));
            clients.add(client);
            sharers.add(new SharedClient(shared, i, what -> log.accept(name + what)));
        }
    }

    /**
     * Plays one seed.
     *
     * @throws AssertionError if a promise was broken; its message says how to repeat the run, after {@link #shrink}
     */
    public static Result run(long seed) {
        return play(SimulationPlan.of(seed), what -> {});
    }

    /**
     * Plays a plan.
     *
     * @param log hears what happens, a line each
     * @throws AssertionError if a promise was broken; its message holds the plan
     */
    public static Result play(SimulationPlan plan, Consumer<String> log) {
        return play(plan, log, Below.NOTHING);
    }

    static Result play(SimulationPlan plan, Consumer<String> log, Below below) {
        return new EngineSimulation(plan, log, below).play();
    }

    /**
     * Makes a plan that breaks a promise shorter, as far as it goes.
     *
     * @return a plan that breaks one too
     * @throws IllegalArgumentException if {@code broken} does not
     */
    public static SimulationPlan shrink(SimulationPlan broken) {
        return shrink(broken, Below.NOTHING);
    }

    static SimulationPlan shrink(SimulationPlan broken, Below below) {
        if (!breaks(broken, below)) {
            throw new IllegalArgumentException("the plan breaks no promise: " + broken);
        }
        return new SimulationShrinker(broken, plan -> breaks(plan, below)).shrink();
    }

    private static boolean breaks(SimulationPlan plan, Below below) {
        try {
            play(plan, what -> {}, below);
            return false;
        } catch (AssertionError broken) {
            return true;
        }
    }

    private SimulatedRandom random(long... what) {
        return SimulationPlan.random(plan.seed(), what);
    }

    private Result play() {
        try (SimulatedScheduler scheduler =
                new SimulatedScheduler(random(3, plan.schedule()).nextLong())) {
            SimulatedDisk disk = new SimulatedDisk(scheduler).makeDirectories(Path.of("/data"));
            disk.setInterruptSafe(random(4).nextInt(3) > 0); // who writes and syncs the log: callers, or engine threads
            boolean held = random(10).nextInt(4) == 0;
            disk.setOpenFilesHeld(held); // as on Windows
            disk.setLinks(!held); // or what a checkpoint links could not be deleted while the database has it open
            int[] lives = plan.lives().stream().toArray();
            for (int life : lives) {
                Fate fate = life == lives[lives.length - 1] ? Fate.CLOSE : fate(life);
                new Life(scheduler, disk, life, fate, trouble(life)).play();
            }
            // Once more: compare what the last one left.
            new Life(scheduler, disk, Integer.MAX_VALUE, Fate.CLOSE, Trouble.NONE).play();
            return new Result(
                    plan.seed(),
                    lives.length,
                    operations,
                    Collections.unmodifiableMap(reached),
                    scheduler.steps(),
                    scheduler.traceHash(),
                    disk.traceHash());
        } catch (RuntimeException | Error e) {
            throw new AssertionError("the plan \"" + plan + "\" repeats this: " + e, e);
        }
    }

    private void reached(Event event) {
        reached.merge(event, 1L, Long::sum);
    }

    private Fate fate(int life) {
        return switch (random(5, life).nextInt(5)) {
            case 0 -> Fate.CLOSE;
            case 1 -> Fate.KILL;
            default -> Fate.POWER_CUT;
        };
    }

    private Trouble trouble(int life) {
        return switch (random(6, life).nextInt(8)) {
            case 0, 1 -> Trouble.ERRORS;
            case 2 -> Trouble.FULL;
            case 3 -> Trouble.SLOW;
            default -> Trouble.NONE;
        };
    }

    /** One life of the engine's process. */
    private final class Life {
        private final SimulatedScheduler scheduler;
        private final SimulatedDisk disk;
        private final int number;
        private final Fate fate;
        private final Trouble trouble;
        private final SimulatedRandom random;
        private final SimulatedVfs vfs;
        private final MemoryBudget budget = MemoryBudget.ofBytes(8L << 20);
        private final Signal changed;
        private @Nullable BeachDB db;
        private boolean failed;
        private boolean over;
        private int running;

        Life(SimulatedScheduler scheduler, SimulatedDisk disk, int number, Fate fate, Trouble trouble) {
            this.scheduler = scheduler;
            this.disk = disk;
            this.number = number;
            this.fate = fate;
            this.trouble = trouble;
            this.random = random(7, number, plan.schedule());
            this.vfs = disk.start("engine");
            this.changed = scheduler.newSignal("simulation", 0);
        }

        void play() {
            log.accept("a process starts" + (trouble == Trouble.NONE ? "" : "; trouble of the disk: " + trouble));
            try {
                below.prepare.accept(disk);
                if (fate == Fate.POWER_CUT) {
                    disk.cutAt(disk.cutPoints() + 1 + random.nextInt(plan.within()));
                }
                makeTrouble();
                start();
                scheduler.run();
                end();
            } finally {
                budget.pool().close(); // not the budget: what a process that was killed had charged stays charged
            }
        }

        private void makeTrouble() {
            switch (trouble) {
                case NONE -> {}
                case ERRORS -> {
                    for (int i = random.nextInt(3); i >= 0; i--) {
                        Fault.Effect[] effects = {
                            Fault.Effect.FAILS, Fault.Effect.FAILS_HALFWAY, Fault.Effect.FAILS_BUT_HAPPENED
                        };
                        long number = disk.operations() + 1 + random.nextInt(2 * plan.within());
                        disk.inject(Fault.on(operation -> isStruck(operation.number(), number))
                                .with(effects[random.nextInt(effects.length)]));
                    }
                }
                case FULL -> {
                    long pause = random.between(1, 2000);
                    long room = random.nextInt(400 << 10);
                    scheduler.spawn(vfs.process(), "owner of the disk", () -> {
                        scheduler.await(changed, () -> db != null || failed);
                        disk.setCapacity(disk.usedBytes() + room);
                        scheduler.sleep(pause * MILLI);
                        disk.setCapacity(Long.MAX_VALUE);
                    });
                }
                case SLOW -> {
                    disk.setStalls(random.split(), 20, 50 * MILLI);
                    reached(Event.SLOW);
                }
            }
        }

        private boolean isStruck(long number, long wanted) {
            if (number != wanted) {
                return false;
            }
            reached(Event.ERROR);
            return true;
        }

        private void end() {
            if (disk.isPowerOff()) {
                reached(db == null ? Event.CUT_IN_OPENING : Event.CUT);
            }
            disk.clearFaults();
            disk.clearStalls();
            disk.setCapacity(Long.MAX_VALUE);
            if (fate == Fate.POWER_CUT) {
                CutPolicy policy = CutPolicy.random(random.nextLong());
                log.accept("the power was cut, " + disk.cutPower(policy));
                clients.forEach(ModelClient::powerLost);
                shared.history().powerLost();
            } else if (vfs.isAlive()) {
                vfs.kill();
            }
        }

        private void start() {
            running = clients.size();
            scheduler.spawn(vfs.process(), "opener", this::open);
            for (int i = 0; i < clients.size(); i++) {
                int client = i;
                scheduler.spawn(vfs.process(), "client " + i, () -> work(client));
            }
            if (fate == Fate.KILL) {
                long pause = random.nextInt(plan.within() / 2 + 1);
                scheduler.spawn("killer", () -> {
                    for (long i = 0; i < pause; i++) {
                        scheduler.reach("before the kill");
                    }
                    log.accept("the process is killed");
                    if (!over) {
                        reached(Event.KILL);
                    }
                    vfs.kill();
                });
            }
        }

        private void open() {
            try {
                BeachDB opened = BeachDB.open(DIRECTORY, options());
                compare(opened);
                db = opened;
            } catch (StorageException e) {
                checkTroubled(e);
                log.accept("the opening fails: " + e.getMessage());
                reached(Event.OPENING_FAILED);
                failed = true;
            }
            changed.wake();
            scheduler.await(changed, () -> running == 0);
            BeachDB opened = db;
            if (opened != null) {
                close(opened);
            }
            over = true;
        }

        private void close(BeachDB opened) {
            try {
                opened.close();
            } catch (StorageException e) {
                checkTroubled(e);
                log.accept("the close fails: " + e.getMessage());
                reached(Event.CLOSE_FAILED);
                failed = true;
            }
            if (budget.usedBytes() != 0) {
                throw new AssertionError(budget.usedBytes() + " bytes are still charged after a close");
            }
            if (!failed) {
                log.accept("closed");
                clients.forEach(ModelClient::closed);
                shared.history().durable(shared.history().returnedWrites());
            }
        }

        private void checkTroubled(RuntimeException e) {
            if (trouble != Trouble.ERRORS && trouble != Trouble.FULL) {
                throw e;
            }
        }

        private Options options() {
            SimulatedRandom own = random(8, number);
            return Options.builder()
                    .memoryBudget(budget)
                    .writeBufferBytes(64 << 10)
                    .blockBytes(1 << own.nextInt(13))
                    .filterBitsPerKey(own.nextInt(2) * 10)
                    .compression(own.nextInt(2) == 0 ? Options.Compression.LZ4 : Options.Compression.NONE)
                    .targetTableBytes(4 << 10 << own.nextInt(4))
                    .level0CompactionTables(1 + own.nextInt(3))
                    .level0StopTables(6)
                    .baseLevelBytes(64 << 10)
                    .levelMultiplier(2 + own.nextInt(3))
                    .manifestBytes(4 << 10)
                    .checkLifetimes(own.nextInt(2) == 0)
                    .seams(new Seams(below.files.apply(vfs), scheduler, own.split()))
                    .build();
        }

        private void work(int client) {
            scheduler.await(changed, () -> db != null || failed);
            BeachDB database = db;
            boolean well = true;
            for (int i = 0; i < SimulationPlan.STEPS && database != null && well; i++) {
                int step = SimulationPlan.step(number == Integer.MAX_VALUE ? 0 : number, client, i);
                if (number != Integer.MAX_VALUE && plan.steps().get(step)) {
                    well = step(database, client, random(9, step));
                    operations++;
                }
            }
            running--;
            changed.wake();
        }

        /** Does one step; returns whether the client can go on. */
        private boolean step(BeachDB database, int client, SimulatedRandom own) {
            try {
                switch (own.nextInt(24)) {
                    case 0 -> {
                        log.accept("    client " + client + " pauses");
                        scheduler.sleep(own.between(1, 300) * MILLI); // timers fire
                    }
                    case 1 -> {
                        clients.get(client)
                                .checkpoint(database, Path.of("/data/checkpoint" + checkpoints++), options());
                        reached(Event.CHECKPOINT);
                    }
                    case 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 -> sharers.get(client).step(database, own);
                    default -> clients.get(client).step(database, own);
                }
                if (trouble == Trouble.FULL && database.health().state() == Health.State.DISK_FULL) {
                    reached(Event.FULL);
                }
                return true;
            } catch (StorageException | WriteRefusedException | WriteIndeterminateException e) {
                // A killed process ends here: what its tasks unwound through is no state that a database is ever in.
                scheduler.reach("told");
                checkTroubled(e);
                log.accept("    client " + client + " is told: " + e.getMessage());
                reached(e instanceof WriteIndeterminateException ? Event.IN_DOUBT : Event.REFUSAL);
                return resume(database, client);
            }
        }

        /** What an application does after an error: it resumes, now and then; meanwhile it reads. */
        private boolean resume(BeachDB database, int client) {
            for (int i = 0; i < RESUMES; i++) {
                try {
                    database.resume();
                    clients.get(client).compareVisible(database);
                    log.accept("    client " + client + " resumes");
                    reached(Event.RESUME);
                    return true;
                } catch (CorruptionException e) {
                    throw e;
                } catch (StorageException | WriteRefusedException e) {
                    log.accept("    client " + client + " cannot resume: " + e.getMessage());
                    reached(Event.RESUME_REFUSED);
                    readOnly(database, client);
                    scheduler.sleep(400 * MILLI);
                }
            }
            return false;
        }

        private void readOnly(BeachDB database, int client) {
            try {
                clients.get(client).compareVisible(database);
            } catch (StorageException e) {
                log.accept("    client " + client + " cannot read: " + e.getMessage());
            }
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
        shared.check(db);
        clients.forEach(ModelClient::goOn);
        log.accept("opened; what was promised is there");
    }
}
