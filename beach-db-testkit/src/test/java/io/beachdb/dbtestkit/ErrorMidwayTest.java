package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.Health;
import io.beachdb.Options;
import io.beachdb.Seams;
import io.beachdb.WriteBatch;
import io.beachdb.base.BeachException;
import io.beachdb.base.Clock;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Signal;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.testkit.ForwardingScheduler;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedRandom;
import io.beachdb.testkit.SimulatedScheduler;
import io.beachdb.testkit.SimulatedVfs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The virtual machine runs out of memory in the middle of a write or a flush: whoever waits goes on, the database takes no
 * more writes and says why, reads go on, a close ends, and what was acknowledged is there after it.
 */
class ErrorMidwayTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final int SEEDS = 60;
    private static final int CLIENTS = 6;
    private static final long BUDGET_BYTES = 16L << 20;
    private static final int LARGE_VALUE_BYTES = 600 << 10; // takes memory of its own in a memtable

    private int asked; // futures, of runs in which it was thrown

    enum Where {
        /** Between the log and the memtable, with a part of the batch inserted. */
        INSERT,
        /** While leading, with sequences given and bytes handed over. */
        LEAD,
        /** In a writer's wait: queued, perhaps, or with the log behind it, or inserted. */
        WAIT,
        /** On the flush's thread. */
        FLUSH
    }

    /** Throws at one place, once. */
    private static final class Machine extends ForwardingScheduler {
        private final Where where;
        private final MemoryBudget budget;
        private final MemoryAccount hog;
        private final boolean afterWait;
        private int waits;
        private boolean armed;
        private boolean thrown;

        Machine(SimulatedScheduler scheduler, MemoryBudget budget, Where where) {
            super(scheduler);
            this.where = where;
            this.waits = (int) (scheduler.seed() / 2 % 8);
            this.afterWait = scheduler.seed() % 2 == 0;
            this.budget = budget;
            this.hog = budget.openAccount();
            budget.addReclaimer(bytes -> {
                if (hog.usedBytes() > 0 && isIn("CommitPipeline", "insertAll")) {
                    throwOnce();
                }
                return 0;
            });
        }

        private static boolean isIn(String className, String method) {
            return StackWalker.getInstance()
                    .walk(frames ->
                            frames.anyMatch(frame -> frame.getClassName().endsWith("." + className)
                                    && frame.getMethodName().equals(method)));
        }

        /** Lets go of the memory last: that wakes others, who may come to the same place. */
        private void disarm() {
            armed = false;
            hog.release(MemoryUse.SCRATCH, hog.usedBytes());
        }

        private void throwOnce() {
            if (armed) {
                disarm();
                thrown = true;
                throw new OutOfMemoryError("of the test");
            }
        }

        @Override
        public void reach(String point) {
            super.reach(point);
            if (!armed || !isIn("CommitPipeline", "lead")) {
                return;
            }
            if (where == Where.LEAD && (point.equals("log written") || point.equals("log stored"))) {
                throwOnce();
            }
            if (where == Where.INSERT && point.startsWith("log ") && hog.usedBytes() == 0) {
                hog.charge(MemoryUse.SCRATCH, BUDGET_BYTES); // from now on the caches are asked to shrink
            }
        }

        @Override
        public void await(Signal signal, BooleanSupplier condition) {
            boolean here = armed && where == Where.WAIT && isCalledBy("CommitPipeline", "settle") && waits-- == 0;
            if (here && !afterWait) {
                throwOnce();
            }
            super.await(signal, condition);
            if (here) {
                throwOnce();
            }
        }

        private static boolean isCalledBy(String className, String method) {
            return StackWalker.getInstance()
                    .walk(frames -> frames.dropWhile(
                                    frame -> frame.getClassName().startsWith(ErrorMidwayTest.class.getName()))
                            .limit(1)
                            .anyMatch(frame -> frame.getClassName().endsWith("." + className)
                                    && frame.getMethodName().equals(method)));
        }

        @Override
        public Clock clock() {
            if (armed && where == Where.FLUSH && isIn("Flusher", "flush")) {
                throwOnce();
            }
            return super.clock();
        }

        @Override
        public void execute(String name, Runnable task) {
            super.execute(name, () -> {
                try {
                    task.run();
                } catch (OutOfMemoryError e) {
                    assertThat(e).hasMessage("of the test"); // what a thread ends with
                }
            });
        }
    }

    @ParameterizedTest
    @EnumSource
    void error_inTheMiddle_endsWritesAndSaysWhy(Where where) {
        int thrown = 0;
        for (long seed = 0; seed < SEEDS; seed++) {
            thrown += play(where, seed) ? 1 : 0;
        }
        assertThat(thrown).isGreaterThan(SEEDS / 2);
        assertThat(asked).as("futures").isPositive();
    }

    private boolean play(Where where, long seed) {
        try (MemoryBudget budget = MemoryBudget.ofBytes(BUDGET_BYTES);
                SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
            SimulatedDisk disk = new SimulatedDisk(scheduler).makeDirectories(Path.of("/data"));
            SimulatedVfs vfs = disk.start("engine");
            Machine machine = new Machine(scheduler, budget, where);
            List<String> acknowledged = new ArrayList<>();
            List<CompletableFuture<Long>> futures = new ArrayList<>();
            @Nullable BeachDB[] opened = new BeachDB[1];
            scheduler.spawn(vfs.process(), "opener", () -> {
                BeachDB db = BeachDB.open(DIRECTORY, options(vfs, machine, seed));
                db.put(bytes("before"), bytes("1"), Durability.SYNCED);
                acknowledged.add("before");
                opened[0] = db;
            });
            scheduler.run();
            BeachDB db = Objects.requireNonNull(opened[0]);
            machine.armed = true;
            for (int i = 0; i < CLIENTS; i++) {
                String key = "key" + i;
                Durability durability = i % 3 == 1 ? Durability.LOGGED : Durability.SYNCED;
                byte[] value = new byte[i % 2 == 0 ? LARGE_VALUE_BYTES : 10];
                scheduler.spawn(vfs.process(), key, () -> {
                    try {
                        if (value.length == 10) { // waits for a flush, which may be what meets the error
                            long unlogged = db.put(bytes(key), value, Durability.UNLOGGED);
                            futures.add(db.whenDurable(unlogged, Runnable::run));
                        }
                        WriteBatch batch = new WriteBatch()
                                .put(bytes(key + "/first"), bytes("1"))
                                .put(bytes(key), value);
                        long sequence = db.write(batch, durability);
                        acknowledged.add(key);
                        futures.add(db.whenDurable(sequence, Runnable::run));
                        db.flush();
                    } catch (BeachException | OutOfMemoryError e) {
                        assertThat(e).hasStackTraceContaining("of the test");
                    }
                });
            }
            // So that a flush waits for an insert that breaks off: half a batch must not come to a table.
            scheduler.spawn(vfs.process(), "flusher", () -> {
                try {
                    for (int i = 0; i < 2 * CLIENTS; i++) {
                        db.put(bytes("flushed"), bytes("1"), Durability.UNLOGGED);
                        db.flush();
                    }
                } catch (BeachException | OutOfMemoryError e) {
                    assertThat(e).hasStackTraceContaining("of the test");
                }
            });
            scheduler.run(); // finds out who waits for ever
            if (!machine.thrown) {
                machine.disarm();
                scheduler.spawn(vfs.process(), "closer", db::close);
                scheduler.run();
                return false;
            }
            assertThat(futures).as("seed " + seed).allMatch(CompletableFuture::isDone);
            asked += futures.size();
            scheduler.spawn(vfs.process(), "after", () -> {
                Signal never = scheduler.newSignal("never", 0);
                scheduler.await(never, () -> false, 1_000_000_000); // for a flush that waits for what was broken off
                assertThat(db.health().state()).isEqualTo(Health.State.READ_ONLY_AFTER_FAILURE);
                assertThat(db.health().cause()).hasRootCauseInstanceOf(OutOfMemoryError.class);
                assertThatThrownBy(() -> db.put(bytes("after"), bytes("1")))
                        .isInstanceOf(WriteRefusedException.class)
                        .hasRootCauseInstanceOf(OutOfMemoryError.class);
                assertThat(db.get(bytes("before"))).isEqualTo(bytes("1"));
                try {
                    db.close();
                } catch (BeachException e) {
                    assertThat(e).hasStackTraceContaining("of the test");
                }
                assertThat(db.health().state()).isEqualTo(Health.State.CLOSED);
            });
            scheduler.run();
            scheduler.spawn(vfs.process(), "reopener", () -> {
                try (BeachDB again = BeachDB.open(DIRECTORY, options(vfs, machine, seed))) {
                    for (String key : acknowledged) {
                        assertThat(again.get(bytes(key))).as(key).isNotNull();
                    }
                    for (int i = 0; i < CLIENTS; i++) {
                        boolean first = again.get(bytes("key" + i + "/first")) != null;
                        byte[] second = again.get(bytes("key" + i));
                        boolean unlogged = second != null && second.length == 10;
                        assertThat(first == (second != null) || unlogged && !first)
                                .as("seed " + seed + ": half a batch of client " + i)
                                .isTrue();
                    }
                }
            });
            scheduler.run();
            return true;
        }
    }

    private static Options options(SimulatedVfs vfs, Machine machine, long seed) {
        return Options.builder()
                .memoryBudget(machine.budget)
                .writeBufferBytes(4L << 20)
                .seams(new Seams(vfs, machine, new SimulatedRandom(seed)))
                .build();
    }
}
