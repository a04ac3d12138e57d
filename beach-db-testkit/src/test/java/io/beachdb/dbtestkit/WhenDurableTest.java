package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.Options;
import io.beachdb.Seams;
import io.beachdb.base.ClosedException;
import io.beachdb.base.RandomSource;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.ForwardingScheduler;
import io.beachdb.testkit.SimulatedDisk;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of one future of {@link BeachDB#whenDurable} is no matter of the others. */
class WhenDurableTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final int SEEDS = 60;

    /** What needs a flush is refused while the disk is full; what needs a sync of the log only is not. */
    @Test
    void refusalOfOne_leavesTheOthers() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                engine.open(DIRECTORY, options -> options.failWhenDiskFull(true).maxImmutableMemtables(1));
                engine.step(db -> db.put(bytes("a"), bytes("1"), Durability.LOGGED));
                engine.disk().setCapacity(0);
                engine.begin("flush", db -> assertThatThrownBy(db::flush).isInstanceOf(WriteRefusedException.class));
                List<CompletableFuture<Long>> futures = new ArrayList<>();
                engine.step(db -> {
                    engine.pause(100_000_000); // the flush has met the full disk, and waits before it tries again
                    long logged = db.put(bytes("b"), bytes("1"), Durability.LOGGED);
                    long unlogged = db.put(bytes("c"), bytes("1"), Durability.UNLOGGED);
                    futures.add(db.whenDurable(unlogged, Runnable::run));
                    futures.add(db.whenDurable(logged, Runnable::run));
                    engine.pause(100_000_000);
                    engine.disk().setCapacity(Long.MAX_VALUE);
                });
                assertThat(futures.getFirst())
                        .as("seed " + seed)
                        .failsWithin(0, TimeUnit.SECONDS)
                        .withThrowableThat()
                        .withCauseInstanceOf(WriteRefusedException.class);
                assertThat(futures.getLast()).as("seed " + seed).isCompletedWithValueMatching(durable -> durable >= 2);
                engine.step(BeachDB::close);
            }
        }
    }

    /** A flush whose tables are seen before its caller looks whether it is over: also what is durable must be told by then. */
    @Test
    void flush_returns_durableSequenceHasAll() {
        try (SteppedEngine engine = new SteppedEngine(1)) {
            engine.open(DIRECTORY, options -> {
                Seams seams = options.build().seams();
                return options.seams(new Seams(seams.vfs(), new FlushFirst(seams.scheduler()), seams.random()));
            });
            engine.step(db -> {
                long sequence = db.put(bytes("a"), bytes("1"), Durability.LOGGED);
                db.flush();
                assertThat(db.durableSequence()).isEqualTo(sequence);
            });
            engine.step(BeachDB::close);
        }
    }

    /** Lets a flush run before the one who asked for it goes on, up to the new view, and then the other way round. */
    private static final class FlushFirst extends ForwardingScheduler {
        FlushFirst(Scheduler scheduler) {
            super(scheduler);
        }

        @Override
        public void execute(String name, Runnable task) {
            super.execute(name, name.equals("log-sync") ? () -> syncLate(task) : task);
            if (name.equals("flush")) {
                pause(1_000_000);
            }
        }

        @Override
        public void reach(String point) {
            super.reach(point);
            if (point.equals("view") && Thread.currentThread().getName().equals("flush")) {
                pause(2_000_000);
            }
        }

        /** So that only the flush makes what was logged durable. */
        private void syncLate(Runnable task) {
            pause(10_000_000);
            task.run();
        }

        private void pause(long nanos) {
            await(newSignal("pause", 0), () -> false, nanos);
        }
    }

    /** The flush that it waits for failed with the close, which must not wait for it in turn. */
    @Test
    void closeThatCannotFlush_endsAndSaysSo() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                engine.open(DIRECTORY, options -> options);
                List<CompletableFuture<Long>> futures = new ArrayList<>();
                engine.disk().setCapacity(0);
                engine.step(db -> {
                    long unlogged = db.put(bytes("a"), bytes("1"), Durability.UNLOGGED);
                    futures.add(db.whenDurable(unlogged, Runnable::run));
                    engine.pause(1_000_000_000);
                });
                engine.step(db -> assertThatThrownBy(db::close).isInstanceOf(StorageException.class));
                assertThat(futures.getFirst()).as("seed " + seed).isCompletedExceptionally();
            }
        }
    }

    @Test
    void closingRefusesOne_theOthersHearOfTheirWrites() {
        int asked = 0;
        for (long seed = 0; seed < 5 * SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                engine.open(DIRECTORY, options -> options);
                List<CompletableFuture<Long>> futures = new ArrayList<>();
                AtomicBoolean closing = new AtomicBoolean();
                engine.begin("close", db -> {
                    closing.set(true);
                    db.close();
                });
                List<CompletableFuture<Long>> late = new ArrayList<>();
                for (int i = 0; i < 6; i++) {
                    engine.begin("late " + i, db -> {
                        try {
                            late.add(db.whenDurable(Long.MAX_VALUE, Runnable::run));
                        } catch (ClosedException | IllegalArgumentException e) {
                            assertThat(e).isNotNull(); // of a database that is closed, or of a sequence not given yet
                        }
                    });
                }
                engine.step(db -> {
                    try {
                        long sequence = db.put(bytes("a"), bytes("1"), Durability.LOGGED);
                        CompletableFuture<Long> future = db.whenDurable(sequence, Runnable::run);
                        if (!closing.get()) {
                            futures.add(future);
                        }
                    } catch (ClosedException e) {
                        assertThat(closing).isTrue();
                    }
                });
                asked += futures.size();
                assertThat(late).as("seed " + seed).allMatch(CompletableFuture::isCompletedExceptionally);
                for (CompletableFuture<Long> future : futures) {
                    assertThat(future).as("seed " + seed).isCompletedWithValueMatching(durable -> durable >= 1);
                }
            }
        }
        assertThat(asked).isPositive();
    }

    @Test
    void onDiskBeforeAFailure_isAnsweredAfterIt() {
        try (SteppedEngine engine = new SteppedEngine(1)) {
            engine.open(DIRECTORY, options -> options);
            engine.step(db -> {
                long durable = db.put(bytes("a"), bytes("1"), Durability.SYNCED);
                engine.disk().inject(Fault.on(operation -> operation.site() == SyncSite.LOG_GROUP));
                assertThatThrownBy(() -> db.put(bytes("b"), bytes("1"), Durability.SYNCED))
                        .isInstanceOf(WriteIndeterminateException.class);
                CompletableFuture<Long> first = db.whenDurable(durable, Runnable::run);
                CompletableFuture<Long> second = db.whenDurable(durable + 1, Runnable::run);
                engine.pause(1);
                assertThat(first).isCompletedWithValue(durable);
                assertThat(second).isCompletedExceptionally();
            });
        }
    }

    @Test
    @Timeout(120)
    void noThreadForItsFlush_isTold() throws Exception {
        Scheduler scheduler = new ForwardingScheduler(Scheduler.system()) {
            @Override
            public void execute(String name, Runnable task) {
                if (name.equals("flush")) {
                    throw new OutOfMemoryError("no thread");
                }
                super.execute(name, task);
            }
        };
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(Path.of("/data"));
        Options options = Options.builder()
                .seams(new Seams(disk.start("engine"), scheduler, RandomSource.seeded(1)))
                .build();
        try (BeachDB db = BeachDB.open(DIRECTORY, options)) {
            long sequence = db.put(bytes("a"), bytes("1"), Durability.UNLOGGED);
            assertThat(db.whenDurable(sequence, Runnable::run))
                    .failsWithin(60, TimeUnit.SECONDS)
                    .withThrowableThat()
                    .withRootCauseInstanceOf(OutOfMemoryError.class);
        }
    }

    /** No thread for the answer to one: it comes all the same, the others' too, and no sync fails of it. */
    @Test
    @Timeout(120)
    void noThreadForOne_allAreAnswered() throws Exception {
        AtomicInteger refused = new AtomicInteger();
        Scheduler scheduler = new ForwardingScheduler(Scheduler.system()) {
            @Override
            public void execute(String name, Runnable task) {
                if (name.equals("durable-future") && refused.getAndIncrement() % 2 == 0) {
                    throw new OutOfMemoryError("no thread");
                }
                super.execute(name, task);
            }
        };
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(Path.of("/data"));
        Options options = Options.builder()
                .memoryBytes(16L << 20)
                .writeBufferBytes(1L << 20)
                .seams(new Seams(disk.start("engine"), scheduler, RandomSource.seeded(1)))
                .build();
        List<CompletableFuture<Long>> futures = new ArrayList<>();
        try (BeachDB db = BeachDB.open(DIRECTORY, options)) {
            for (int i = 0; i < 100; i++) {
                long sequence = db.put(bytes("k" + i), bytes("1"), Durability.LOGGED);
                futures.add(db.whenDurable(sequence, Runnable::run).thenApply(durable -> {
                    if (db.get(bytes("k0")) == null) {
                        throw new AssertionError("not there");
                    }
                    return durable;
                }));
            }
            for (CompletableFuture<Long> future : futures) {
                assertThat(future.get(60, TimeUnit.SECONDS)).isPositive();
            }
            db.put(bytes("last"), bytes("1"), Durability.SYNCED);
        }
        assertThat(refused.get()).isPositive();
    }
}
