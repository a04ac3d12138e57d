package io.beachdb.dbtestkit;

import io.beachdb.BeachDB;
import io.beachdb.Health;
import io.beachdb.base.BeachException;
import io.beachdb.base.StorageException;
import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Vfs;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedRandom;
import io.beachdb.testkit.SimulatedVfs;
import io.beachdb.testkit.Workers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Plays a scenario once for each of its operations and each way in which that may fail, goes on, and looks whether the engine
 * kept its word: it may stop, never lie. Some errors last: then it is closed on the failing disk, or refused each resume(),
 * until the disk is repaired.
 *
 * <p>Looked at are, during the run, what refusals and {@code health()} say, and what readers see; and the power cut, or the
 * process killed, right after the error, at the end, after a {@code resume()}, and after the close: what an opening finds then.
 */
public final class ErrorSweep {
    /*
     * S1  An operation is known by its number: a run is the same as the one without an error, up to it.
     * S2  The error is over at the end of the play at the latest, or once what a lasting one does to a close or to a resume()
     *     has been seen. From then on all must go well: the database resumes, unless a sync of a directory failed, and then it
     *     opens anew.
     * S3  What stays behind when the sync of a new directory's name fails, and the directory cannot be removed either, nobody
     *     can tell from one whose name is on disk. So what a process finds after that is not looked at.
     * S4  Equal states of the disk, with equal promises of equal histories, need one look.
     */
    private static final String RIGHT_AFTER = "right after it";
    private static final long MAX_STEPS = 500_000;
    private static final long RETRIES_NANOS = 3_000_000_000L;
    private static final int MAX_VIOLATIONS = 5;
    private static final int MAX_RESUMES = 3;
    private static final int MAX_LOST_ONE_BY_ONE = 4;

    /** What is done after a refusal. */
    private enum Then {
        /** Nothing: the scenario goes on, and is refused again. */
        GO_ON,
        /** It is resumed at once. */
        RESUME
    }

    /** A run with an error. */
    private record Case(DiskOperation operation, DiskError error, Then then) {
        @Override
        public String toString() {
            return operation.number() + " " + error.title() + (then == Then.RESUME ? " resume" : "");
        }
    }

    /** What a run came to that needs a look: the disk, what was promised, and what was going on. */
    private record Moment(
            String when,
            SimulatedDisk disk,
            ModelClients clients,
            Aftermath.Promise promise,
            Aftermath.Promise againstDeath) {}

    /** S4. */
    private record State(long disk, boolean death, Aftermath.Promise promise, long history) {}

    /**
     * What a sweep came to.
     *
     * @param operations of the run without an error
     * @param cases runs with an error
     * @param refused of them, those in which a call was refused
     * @param resumed how often a {@code resume()} brought the database back
     * @param notResumed how often one was refused
     * @param notOpened how often an opening was refused, or a destruction
     * @param closedInDoubt how often a close told that not all is on disk
     * @param states distinct states that a cut or a death left, each opened
     * @param violations a few texts that say what was broken, and by which case
     */
    public record Result(
            long operations,
            long cases,
            long refused,
            long resumed,
            long notResumed,
            long notOpened,
            long closedInDoubt,
            long states,
            List<String> violations) {}

    private final EngineScenario scenario;
    private final long seed;
    private final int oneIn;
    private final int threads;
    private final Consumer<SimulatedDisk> prepare;
    private final Function<SimulatedVfs, Vfs> files;
    private final Aftermath aftermath;

    private final Set<State> seen = ConcurrentHashMap.newKeySet();
    private final AtomicLong cases = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();
    private final AtomicLong resumed = new AtomicLong();
    private final AtomicLong notResumed = new AtomicLong();
    private final AtomicLong notOpened = new AtomicLong();
    private final AtomicLong closedInDoubt = new AtomicLong();
    private final ConcurrentLinkedQueue<String> violations = new ConcurrentLinkedQueue<>();

    /**
     * @param seed of the scenario, and of what is left to chance
     * @param oneIn of how many cases one is played; the seed chooses
     */
    public ErrorSweep(EngineScenario scenario, long seed, int oneIn, int threads) {
        this(scenario, seed, oneIn, threads, disk -> {}, process -> process);
    }

    /**
     * Makes one with a mistake below the engine, to see that it is found out.
     *
     * @param prepare done to each disk before anything runs on it
     * @param files what the engine gets for the files of its process
     */
    ErrorSweep(
            EngineScenario scenario,
            long seed,
            int oneIn,
            int threads,
            Consumer<SimulatedDisk> prepare,
            Function<SimulatedVfs, Vfs> files) {
        this.scenario = scenario;
        this.seed = seed;
        this.oneIn = oneIn;
        this.threads = threads;
        this.prepare = prepare;
        this.files = files;
        this.aftermath = new Aftermath(seed, files);
    }

    /** Sweeps. */
    public Result sweep() {
        List<DiskOperation> operations = record();
        List<Case> all = new ArrayList<>();
        for (DiskOperation operation : operations) {
            for (DiskError error : DiskError.values()) {
                Case goOn = new Case(operation, error, Then.GO_ON);
                if (error.fits(operation.kind()) && !leavesADirectoryInDoubt(goOn) && isChosen(goOn)) {
                    all.add(goOn);
                }
            }
        }
        Workers.forEach("error-sweep", threads, all, goOn -> {
            if (playAndReport(goOn)) {
                playAndReport(new Case(goOn.operation, goOn.error, Then.RESUME));
            }
        });
        return new Result(
                operations.size(),
                cases.get(),
                refused.get(),
                resumed.get(),
                notResumed.get(),
                notOpened.get(),
                closedInDoubt.get(),
                seen.size(),
                List.copyOf(violations));
    }

    /** S3. */
    private static boolean leavesADirectoryInDoubt(Case one) {
        return isCreationSync(one.operation) && one.error.isOfTheWholeDisk();
    }

    private static boolean isCreationSync(DiskOperation operation) {
        return operation.kind() == DiskOperation.Kind.SYNC_DIRECTORY && operation.site() == SyncSite.DIRECTORY_CREATE;
    }

    private boolean isChosen(Case one) {
        return Math.floorMod(CrashWorkload.mix(seed, one.toString().hashCode()), oneIn) == 0;
    }

    /**
     * Repeats one case of a sweep with the same seed.
     *
     * @param text as a violation names it
     * @throws AssertionError if a promise is broken there
     * @throws IllegalArgumentException if there is no such case
     */
    public void replay(String text) {
        seen.clear(); // or what a sweep has looked at would not be looked at
        for (DiskOperation operation : record()) {
            for (DiskError error : DiskError.values()) {
                for (Then then : Then.values()) {
                    Case one = new Case(operation, error, then);
                    if (error.fits(operation.kind()) && one.toString().equals(text)) {
                        new Run(one).play();
                        return;
                    }
                }
            }
        }
        throw new IllegalArgumentException("no case is called '" + text
                + "': it is the number of an operation, an error ("
                + String.join(
                        ", ",
                        Arrays.stream(DiskError.values()).map(DiskError::title).toList())
                + ") that fits it, and perhaps 'resume'");
    }

    private List<DiskOperation> record() {
        List<DiskOperation> operations = new ArrayList<>();
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(Stage.GIVEN);
        prepare.accept(disk);
        disk.onOperation(operations::add);
        try (SteppedEngine engine =
                new SteppedEngine(seed, disk).withScheduledDisk().through(files)) {
            scenario.play(new Stage(engine, seed, EngineScenario.newClients(), (refusal, client, db) -> {
                throw refusal;
            }));
        }
        return operations;
    }

    /** Returns whether something was refused. */
    private boolean playAndReport(Case one) {
        if (violations.size() >= MAX_VIOLATIONS) {
            return false;
        }
        cases.incrementAndGet();
        Run run = new Run(one);
        try {
            run.play();
        } catch (RuntimeException | Error e) {
            violations.add("seed " + seed + ", case \"" + one + "\" of " + scenario.title() + ", where operation "
                    + one.operation + " failed: " + e);
        }
        refused.addAndGet(run.refusals > 0 ? 1 : 0);
        return run.refusals > 0;
    }

    /** One case. */
    private final class Run {
        private final Case one;
        private final SimulatedDisk disk = new SimulatedDisk().makeDirectories(Stage.GIVEN);
        private final ModelClients clients = EngineScenario.newClients();
        private final List<Moment> moments = new ArrayList<>();
        private int refusals;
        private boolean struck;
        private boolean directorySyncFailed;
        private boolean over; // the error
        private @Nullable Stage playing;

        Run(Case one) {
            this.one = one;
        }

        void play() {
            prepare.accept(disk);
            try (SteppedEngine engine =
                    new SteppedEngine(seed, disk).withScheduledDisk().through(files)) {
                engine.setMaxSteps(MAX_STEPS);
                Stage stage = new Stage(engine, seed, clients, this::refused);
                playing = stage;
                one.error.strike(disk, one.operation, operation -> {
                    struck = true;
                    directorySyncFailed |= operation.kind() == DiskOperation.Kind.SYNC_DIRECTORY;
                });
                disk.onOperation(operation -> {
                    if (moments.isEmpty()
                            && operation.number() > one.operation.number()
                            && operation.kind().isCutPoint()) {
                        take(RIGHT_AFTER, stage);
                    }
                });
                scenario.play(stage);
                take("at the end", stage);
                if (!struck) {
                    throw new AssertionError("the error never struck");
                }
                if (one.error.lasts()) {
                    endure(stage);
                }
                disk.clearFaults();
                prepare.accept(disk);
                over = true;
                finish(stage);
            }
            assertNoViolation(disk);
            moments.forEach(this::look);
        }

        private void take(String when, Stage stage) {
            moments.add(new Moment(when, disk.copy(), clients.copy(), stage.promise(), stage.promiseAgainstDeath()));
        }

        // ---- while it runs

        private void refused(BeachException refusal, ModelClient client, @Nullable BeachDB db) {
            refusals++;
            if (over) {
                throw new AssertionError("refused, though the error is over: " + refusal, refusal);
            }
            if (db == null) {
                notOpened.incrementAndGet();
                checkStorage(refusal);
                return;
            }
            Health health = db.health();
            boolean mended = health.state() == Health.State.OK && isShared(); // by the other client, meanwhile
            switch (refusal) {
                case WriteRefusedException e when mended -> {}
                case WriteIndeterminateException e when mended -> {}
                case WriteIndeterminateException e -> checkState(health, Health.State.READ_ONLY_AFTER_FAILURE, e);
                case WriteRefusedException e ->
                    checkState(
                            health,
                            health.state() == Health.State.DISK_FULL
                                    ? Health.State.DISK_FULL
                                    : Health.State.READ_ONLY_AFTER_FAILURE,
                            e);
                default -> checkStorage(refusal);
            }
            if (one.then == Then.RESUME && health.state() != Health.State.CLOSED) {
                resume(db, List.of(client));
            }
        }

        private boolean isShared() {
            return playing != null && playing.isShared();
        }

        /** An error of the disk is none of the caller's, and no damage. */
        private static void checkStorage(BeachException refusal) {
            if (!(refusal instanceof StorageException)) {
                throw new AssertionError("an error of the disk was told as " + refusal, refusal);
            }
        }

        private static void checkState(Health health, Health.State expected, @Nullable BeachException after) {
            boolean failed = health.state() == Health.State.READ_ONLY_AFTER_FAILURE;
            if (health.state() != expected || failed != (health.cause() != null)) {
                throw new AssertionError(health + ", expected " + expected + ", after " + after, after);
            }
        }

        /**
         * Resumes.
         *
         * @param silent clients that write nothing meanwhile, so that all they wrote is durable afterwards
         * @return the refusal; null if it is writable again
         */
        private @Nullable BeachException resume(BeachDB db, List<ModelClient> silent) {
            boolean stopped = db.health().state() == Health.State.READ_ONLY_AFTER_FAILURE;
            try {
                db.resume();
            } catch (BeachException e) {
                checkStorage(e);
                if (!isShared()) {
                    checkState(db.health(), Health.State.READ_ONLY_AFTER_FAILURE, e);
                }
                notResumed.incrementAndGet();
                return e;
            }
            if (stopped) {
                silent.forEach(ModelClient::allDurable);
                resumed.incrementAndGet();
            }
            return null;
        }

        /** The error lasts: nothing is different for a second resume(), and a close does not wait for better times. */
        private void endure(Stage stage) {
            stage.step((c, db) -> {
                if (one.then == Then.RESUME) {
                    for (int i = 0; i < MAX_RESUMES; i++) {
                        endureResume(stage, db);
                    }
                } else {
                    close(db, true);
                }
            });
            if (one.then == Then.GO_ON && stage.engine.isOpen()) {
                checkLeft(stage.engine);
                stage.engine.closed();
                take("after a close on a failing disk", stage);
            }
        }

        private void endureResume(Stage stage, BeachDB db) {
            boolean stopped = db.health().state() == Health.State.READ_ONLY_AFTER_FAILURE;
            BeachException refusal = resume(db, clients.both());
            if (stopped && refusal == null && one.error.isOfTheWholeDisk()) {
                throw new AssertionError("resumed on a disk that does nothing");
            }
            if (refusal != null) {
                checkTakesNothing(db);
            }
            stage.engine.pause(RETRIES_NANOS);
        }

        // ---- afterwards

        private void finish(Stage stage) {
            if (stage.isDestroyed()) {
                stage.destroy();
                take("after a further destruction", stage);
                return;
            }
            if (!stage.engine.isOpen()) {
                stage.open();
            }
            stage.step((c, db) -> {
                stage.engine.pause(RETRIES_NANOS);
                goOn(stage, db);
            });
            stage.step((c, db) -> close(db, db.health().state() != Health.State.OK));
            checkLeft(stage.engine);
            stage.engine.closed();
            take("after the close", stage);
        }

        private void checkLeft(SteppedEngine engine) {
            if (engine.chargedBytes() != 0 || leaks(engine)) {
                throw new AssertionError("after the close " + engine.chargedBytes()
                        + " bytes are charged, and open are " + engine.openPaths());
            }
        }

        /** What is open, but for what a simulated error opened and nobody got. */
        private boolean leaks(SteppedEngine engine) {
            return one.error != DiskError.HAPPENED && !engine.openPaths().isEmpty();
        }

        private void goOn(Stage stage, BeachDB db) {
            if (db.health().state() == Health.State.READ_ONLY_AFTER_FAILURE) {
                checkTakesNothing(db);
                clients.compareVisible(db);
                BeachException refusal = resume(db, clients.both());
                if (refusal != null && directorySyncFailed) {
                    checkTakesNothing(db);
                    clients.compareVisible(db);
                    return;
                }
                if (refusal != null) {
                    throw new AssertionError("a resume() was refused, though the error is over: " + refusal, refusal);
                }
                take("after a resume()", stage);
            }
            checkState(db.health(), Health.State.OK, null);
            clients.compareVisible(db);
            clients.first().write(db, stage.random);
            clients.first().write(db, stage.random);
            take("after further writes", stage);
            clients.first().flush(db);
            if (db.durableSequence() != db.sequence()) {
                throw new AssertionError("after a flush of " + db.sequence() + ", durable is " + db.durableSequence());
            }
        }

        private void checkTakesNothing(BeachDB db) {
            try {
                clients.first().write(db, new SimulatedRandom(seed));
            } catch (WriteRefusedException expected) {
                checkState(db.health(), Health.State.READ_ONLY_AFTER_FAILURE, expected);
                return;
            }
            throw new AssertionError("a write was taken, though the health is " + db.health());
        }

        private void close(BeachDB db, boolean mayFail) {
            try {
                db.close();
                clients.closed();
            } catch (BeachException e) {
                if (!mayFail) {
                    throw new AssertionError("a close, though the error is over", e);
                }
                checkStorage(e);
                closedInDoubt.incrementAndGet();
            }
        }

        // ---- after a cut

        private void look(Moment moment) {
            List<CutPolicy> policies = new ArrayList<>(List.of(
                    CutPolicy.none(),
                    CutPolicy.all(),
                    CutPolicy.random(seed + one.operation.number()),
                    CutPolicy.random(seed - one.operation.number())));
            int pending = moment.disk.pendingChanges();
            int step = Math.max(1, pending / MAX_LOST_ONE_BY_ONE);
            for (int i = 0; i < pending; i += step) {
                policies.add(CutPolicy.allButOne(i));
            }
            for (CutPolicy policy : policies) {
                lookAfter(moment, policy);
            }
            if (!isCreationSync(one.operation) || !moment.when.equals(RIGHT_AFTER)) { // S3
                lookAfter(moment, null);
            }
        }

        /** @param policy null: the process dies, and the machine stays up; its power is cut after the next one */
        private void lookAfter(Moment moment, @Nullable CutPolicy policy) {
            SimulatedDisk left = moment.disk.copy();
            if (policy != null) {
                left.cutPower(policy);
            }
            Aftermath.Promise promise = policy == null ? moment.againstDeath : moment.promise;
            if (!seen.add(new State(left.fingerprint(), policy == null, promise, moment.clients.fingerprint()))) {
                return;
            }
            try {
                Aftermath.Promise[] latest = {promise};
                aftermath.check(moment.clients, left, promise, told -> latest[0] = told);
                if (policy == null) {
                    left.cutPower(CutPolicy.none());
                    aftermath.check(moment.clients, left, latest[0], told -> {});
                }
                assertNoViolation(left);
            } catch (RuntimeException | Error e) {
                throw new AssertionError(
                        (policy == null ? "death of the process " : "power cut " + policy + " ") + moment.when + ": "
                                + e,
                        e);
            }
        }

        private static void assertNoViolation(SimulatedDisk disk) {
            if (!disk.violations().isEmpty()) {
                throw new AssertionError(disk.violations().getFirst());
            }
        }
    }
}
