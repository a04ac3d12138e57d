package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.Options;
import io.beachdb.Seams;
import io.beachdb.base.BeachException;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.RandomSource;
import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.ForwardingScheduler;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedRandom;
import io.beachdb.testkit.SimulatedScheduler;
import io.beachdb.testkit.SimulatedVfs;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * An opening that fails, wherever it does, leaves nothing behind in its process: no memory in a budget that others may share,
 * no open file, no lock. And it can be repeated, with all data there.
 */
class FailedOpeningTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final long SEED = 5;
    private static final int KEYS = 300;

    /** What the opening finds, and how it opens. */
    enum History {
        NOTHING(false),
        CLOSED(false),
        KILLED(false),
        KILLED_AND_READ_ONLY(true);

        private final boolean readOnly;

        History(boolean readOnly) {
            this.readOnly = readOnly;
        }

        int keys() {
            return this == NOTHING ? 0 : KEYS;
        }
    }

    private static SimulatedDisk prepare(History history) {
        try (SteppedEngine engine = new SteppedEngine(SEED)) {
            if (history != History.NOTHING) {
                engine.open(DIRECTORY, options -> options);
                for (int i = 0; i < KEYS; i++) { // more than a memtable, so that recovery writes several tables
                    byte[] key = bytes("key" + i);
                    engine.step(db -> db.put(key, new byte[1000], Durability.LOGGED));
                }
                if (history == History.CLOSED) {
                    engine.step(BeachDB::close);
                }
                engine.kill();
            }
            return engine.disk().copy();
        }
    }

    /** One process that opens, and in which something fails once. */
    private static final class Attempt implements AutoCloseable {
        private final SimulatedDisk disk;
        private final SimulatedScheduler scheduler = new SimulatedScheduler(SEED);
        private final MemoryBudget budget = MemoryBudget.ofBytes(16L << 20);
        private final SimulatedVfs vfs;
        private final Failing seams = new Failing(scheduler, new SimulatedRandom(SEED));
        private final History history;
        private long operations; // of the disk, in the opening
        private @Nullable Throwable failure;

        Attempt(SimulatedDisk disk, History history) {
            this.disk = disk;
            this.history = history;
            this.vfs = disk.start("engine");
        }

        void open() {
            Options options = Options.builder()
                    .memoryBudget(budget)
                    .writeBufferBytes(64 << 10)
                    .readOnly(history.readOnly)
                    .seams(new Seams(vfs, seams, seams))
                    .build();
            long before = disk.operations();
            failure = null;
            scheduler.spawn(vfs.process(), "client", () -> {
                boolean opened = false;
                try (BeachDB db = BeachDB.open(DIRECTORY, options)) {
                    opened = true;
                    seams.opened = true;
                    operations = disk.operations() - before;
                    for (int i = 0; i < history.keys(); i++) {
                        assertThat(db.get(bytes("key" + i))).as("key" + i).hasSize(1000);
                    }
                } catch (BeachException | OutOfMemoryError e) {
                    if (!opened) {
                        failure = e;
                    }
                }
            });
            scheduler.run();
            assertThat(vfs.openPaths()).as("open after " + failure).isEmpty();
            assertThat(budget.usedBytes()).as("charged after " + failure).isZero();
        }

        void openAgain() {
            Throwable first = failure;
            disk.clearFaults();
            disk.checkReliance(
                    false); // after a failed sync of a directory only a restart of the machine would content it
            seams.failAt = 0;
            open();
            assertThat(failure).as("opening after " + first).isNull();
        }

        @Override
        public void close() {
            scheduler.close();
            budget.close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void anyFileOperationFails_nothingIsLeftBehind(History history) {
        SimulatedDisk prepared = prepare(history);
        long operations;
        try (Attempt attempt = new Attempt(prepared.copy(), history)) {
            attempt.openAgain();
            operations = attempt.operations;
        }
        int failed = 0;
        for (long n = 1; n <= operations; n++) {
            SimulatedDisk disk = prepared.copy();
            try (Attempt attempt = new Attempt(disk, history)) {
                disk.inject(Fault.onOperation(disk.operations() + n));
                attempt.open();
                failed += attempt.failure == null ? 0 : 1;
                attempt.openAgain();
            }
        }
        assertThat(failed).as("failed openings of " + operations).isGreaterThan((int) (operations / 2));
    }

    @ParameterizedTest
    @EnumSource
    void virtualMachineHasNoMemoryOrThread_nothingIsLeftBehind(History history) {
        SimulatedDisk prepared = prepare(history);
        long calls;
        try (Attempt attempt = new Attempt(prepared.copy(), history)) {
            attempt.openAgain();
            calls = attempt.seams.calls.get();
        }
        assertThat(calls).isPositive();
        for (long n = 1; n <= calls; n++) {
            try (Attempt attempt = new Attempt(prepared.copy(), history)) {
                attempt.seams.failAt = n;
                attempt.open();
                assertThat(attempt.failure).as("call " + n).isInstanceOf(OutOfMemoryError.class);
                attempt.openAgain();
            }
        }
    }

    /** Seams of which one call of an opening, where something is made or begun, ends with an error. */
    private static final class Failing extends ForwardingScheduler implements RandomSource {
        private final RandomSource random;
        private final AtomicLong calls = new AtomicLong(); // until the opening has all it needs
        private boolean opened;
        private long failAt;

        Failing(Scheduler scheduler, RandomSource random) {
            super(scheduler);
            this.random = random;
        }

        private void mayFail(String what) {
            if (!opened && calls.incrementAndGet() == failAt) {
                throw new OutOfMemoryError(what);
            }
        }

        @Override
        public Signal newSignal(String name, long spinNanos) {
            mayFail("no memory for the signal " + name);
            return super.newSignal(name, spinNanos);
        }

        @Override
        public void execute(String name, Runnable task) {
            mayFail("no thread for " + name);
            opened |= name.equals("after-open");
            super.execute(name, task);
        }

        @Override
        public long nextLong() {
            mayFail("no memory for a random number");
            return random.nextLong();
        }
    }
}
