package io.beachdb.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.ClosedException;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.FileName;
import io.beachdb.durability.SyncSite;
import io.beachdb.wal.HookedVfs.Operation;
import io.beachdb.wal.Logs.Batch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

@ParameterizedClass(name = "callers write and sync: {0}")
@ValueSource(booleans = {true, false})
class WalWriterTest {
    private static final long LOG_BYTES = 256 << 10;

    /** Whether callers write and sync, as on Linux, or engine threads do, as elsewhere. */
    @Parameter
    boolean interruptSafe;

    @BeforeEach
    void chooseWhoWrites() {
        HookedVfs.interruptSafe = interruptSafe;
    }

    @TempDir
    Path path;

    /** Holds the next sync of a log until told to go on. */
    private static final class HeldSync implements HookedVfs.Hook {
        final CountDownLatch begun = new CountDownLatch(1);
        final CountDownLatch goOn = new CountDownLatch(1);
        private final String file;
        private final boolean fails;
        private final AtomicInteger left = new AtomicInteger(1);

        HeldSync(String file, boolean fails) {
            this.file = file;
            this.fails = fails;
        }

        @Override
        public void before(Operation operation, String name) throws IOException {
            if (operation == Operation.SYNC && name.equals(file) && left.getAndDecrement() == 1) {
                begun.countDown();
                Logs.await(goOn);
                if (fails) {
                    throw new IOException("the disk is gone");
                }
            }
        }
    }

    private static HookedVfs.Hook failing(Operation which) {
        return (operation, name) -> {
            if (operation == which && name.endsWith(".wal")) {
                throw new IOException("the disk is gone");
            }
        };
    }

    private static Thread start(Runnable task) {
        return Thread.ofPlatform().start(task);
    }

    /** The leader's thread stays free for more. */
    private static void handOverAndSyncElsewhere(Logs logs) {
        logs.writer.handOverSynced();
        long sequence = logs.sequence;
        start(() -> logs.writer.sync(sequence));
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void batches_handedOver_surviveTheDeathOfTheProcess() {
        for (boolean growing : new boolean[] {false, true}) {
            try (Logs logs = new Logs(path.resolve("" + growing), LOG_BYTES, WalOptions.defaults(), growing)) {
                for (int i = 0; i < 500; i++) {
                    logs.logged(1 + i * 7 % 3000);
                    if (i % 100 == 0) {
                        assertThat(Logs.isPrefix(logs.recover(), logs.written)).isTrue();
                        assertThat(logs.recover()).hasSize(i + 1);
                    }
                }
                assertThat(logs.recover()).hasSize(500);
                assertThat(logs.syncs(SyncSite.LOG_GROUP)).isZero();
            }
        }
    }

    @Test
    void batch_appendedOnly_isNotInTheFile() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            logs.logged(10);
            logs.append(10);
            assertThat(logs.recover()).hasSize(1);
            logs.writer.handOver();
            assertThat(logs.recover()).hasSize(2);
        }
    }

    @Test
    void syncedBatch_whenItsWaitEnds_hasBeenSynced() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            for (int i = 1; i <= 20; i++) {
                logs.synced(100);
                assertThat(logs.writer.syncedSequence()).isEqualTo(logs.sequence);
                assertThat(logs.syncs(SyncSite.LOG_GROUP)).isEqualTo(i);
            }
        }
    }

    @Test
    void groups_handedOverDuringASync_areWrittenAtOnceAndShareTheNext() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            HeldSync held = new HeldSync(FileName.log(1), false);
            logs.vfs.hook = held;
            logs.append(10);
            handOverAndSyncElsewhere(logs);
            long firstSequence = logs.sequence;
            Logs.await(held.begun);
            for (int i = 0; i < 5; i++) {
                logs.append(50);
                logs.writer.handOverSynced();
                logs.logged(20);
            }
            assertThat(logs.recover()).hasSize(11);
            assertThat(logs.writer.syncedSequence()).isZero();
            held.goOn.countDown();
            logs.writer.awaitSynced(firstSequence);
            logs.writer.awaitSynced(logs.sequence - 21 % 4);
            logs.writer.awaitSequence(logs.sequence);
            assertThat(logs.syncs(SyncSite.LOG_GROUP)).isLessThanOrEqualTo(3);
        }
    }

    @Test
    void record_largerThanBufferAndLog_isReadBack() {
        WalOptions small = new WalOptions(64 << 10, Logs.LONG_INTERVAL, 0, 0, 0, 0);
        try (Logs logs = new Logs(path, LOG_BYTES, small, false)) {
            logs.logged(10);
            logs.logged(100_000);
            logs.synced(3_000_000);
            logs.logged(10);
            assertThat(logs.writer.currentLog()).isGreaterThan(1);
            List<Batch> read = logs.recover();
            assertThat(read).hasSize(4);
            assertThat(Logs.isPrefix(read, logs.written)).isTrue();
        }
    }

    @Test
    void batch_neverSpansTwoLogs_andLogsAreChained() {
        try (Logs logs = new Logs(path, 20_000)) {
            for (int i = 0; i < 300; i++) {
                logs.logged(1 + new Random(i).nextInt(2000));
            }
            assertThat(logs.writer.currentLog()).isGreaterThan(15);
            List<Batch> read = logs.recover();
            assertThat(read).hasSize(300);
            assertThat(Logs.isPrefix(read, logs.written)).isTrue();
        }
    }

    @Test
    void rotate_ofAnUnusedLog_keepsIt() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            assertThat(logs.writer.rotate(0)).isEqualTo(1);
            logs.logged(10);
            long next = logs.writer.rotate(0);
            assertThat(next).isGreaterThan(1);
            assertThat(logs.writer.rotate(0)).isEqualTo(next);
        }
    }

    @Test
    void growingLog_givesWayToAnAllocatedOne() {
        try (Logs logs = new Logs(path, LOG_BYTES, WalOptions.defaults(), true)) {
            logs.logged(10);
            assertThat(logs.writer.currentLog()).isEqualTo(1);
            logs.awaitReady();
            logs.logged(10);
            assertThat(logs.writer.currentLog()).isGreaterThan(1);
            logs.synced(10);
            assertThat(logs.recover()).hasSize(3);
        }
    }

    /** O4, S6: a sync of the new log counts only after the old one's. */
    @Test
    void rotatedLog_whileItsSyncRuns_holdsBackTheNewOnes() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            logs.awaitReady();
            logs.logged(10);
            long inOld = logs.sequence;
            HeldSync held = new HeldSync(FileName.log(1), false);
            logs.vfs.hook = held;
            logs.writer.rotate(0);
            Logs.await(held.begun);
            logs.append(10);
            logs.writer.handOverSynced();
            assertThat(logs.recover()).hasSize(2);
            assertThat(logs.writer.syncedSequence()).isZero();
            List<Long> seen = Collections.synchronizedList(new ArrayList<>());
            logs.onSynced = seen::add;
            held.goOn.countDown();
            logs.writer.awaitSynced(logs.sequence);
            assertThat(logs.syncs(SyncSite.LOG_ROTATE)).isEqualTo(1);
            assertThat(logs.syncs(SyncSite.LOG_GROUP)).isEqualTo(1);
            logs.writer.close();
            assertThat(seen).containsExactly(inOld, logs.sequence);
        }
    }

    @Test
    void rotatedLog_whoseSyncFails_failsTheNewOnesWaiters() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            logs.awaitReady();
            logs.logged(10);
            HeldSync held = new HeldSync(FileName.log(1), true);
            logs.vfs.hook = held;
            logs.writer.rotate(0);
            Logs.await(held.begun);
            logs.append(10);
            logs.writer.handOverSynced();
            held.goOn.countDown();
            assertThatThrownBy(() -> logs.writer.awaitSynced(logs.sequence)).isInstanceOf(StorageException.class);
            assertThat(logs.writer.syncedSequence()).isZero();
            assertThat(logs.syncs(SyncSite.LOG_GROUP)).isZero();
        }
    }

    @Test
    void sync_thatFails_failsAllWaitersAndEverythingAfter() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            logs.synced(10);
            long good = logs.sequence;
            HeldSync held = new HeldSync(FileName.log(1), true);
            logs.vfs.hook = held;
            logs.append(10);
            handOverAndSyncElsewhere(logs);
            long inDoubt = logs.sequence;
            Logs.await(held.begun);
            logs.append(10);
            logs.writer.handOverSynced();
            AtomicReference<Throwable> seen = new AtomicReference<>();
            Thread waiter = start(() -> {
                try {
                    logs.writer.awaitSynced(inDoubt);
                } catch (StorageException e) {
                    seen.set(e);
                }
            });
            held.goOn.countDown();
            join(waiter);
            assertThat(seen.get()).hasRootCauseMessage("the disk is gone");
            assertThatThrownBy(() -> logs.writer.awaitSynced(logs.sequence)).isInstanceOf(StorageException.class);
            assertThatThrownBy(() -> logs.writer.awaitSequence(logs.sequence)).isInstanceOf(StorageException.class);
            logs.writer.awaitSynced(good);
            logs.writer.awaitSequence(good);
            assertThatThrownBy(() -> logs.append(10))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("earlier failure");
            assertThatThrownBy(() -> logs.writer.rotate(0)).isInstanceOf(StorageException.class);
            assertThatThrownBy(logs.writer::handOver).isInstanceOf(StorageException.class);
            assertThat(logs.writer.syncedSequence()).isEqualTo(good);
            assertThat(logs.writer.failure()).hasRootCauseMessage("the disk is gone");
            Logs.await(logs.toldOfFailure);
            assertThat(logs.failed).isSameAs(logs.writer.failure());
            assertThat(logs.syncs(SyncSite.LOG_GROUP)).isEqualTo(1);
            assertThatThrownBy(logs.writer::close).isInstanceOf(StorageException.class);
            logs.writer.close();
            assertThat(logs.account.usedBytes(io.beachdb.base.MemoryUse.LOG)).isZero();
        }
    }

    @Test
    void write_thatFails_failsTheHandOver() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            logs.logged(10);
            logs.vfs.hook = failing(Operation.WRITE);
            logs.append(10);
            assertThatThrownBy(logs.writer::handOverSynced).isInstanceOf(StorageException.class);
            assertThatThrownBy(() -> logs.writer.awaitSynced(logs.sequence)).isInstanceOf(StorageException.class);
            assertThat(logs.writer.failure()).isNotNull();
        }
    }

    @Test
    void store_thatFaults_failsTheHandOver() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            logs.vfs.hook = failing(Operation.PUT);
            logs.append(10);
            assertThatThrownBy(logs.writer::handOver).isInstanceOf(StorageException.class);
            assertThat(logs.writer.failure()).hasRootCauseMessage("the disk is gone");
            assertThatThrownBy(() -> logs.append(10)).isInstanceOf(StorageException.class);
        }
    }

    @Test
    void error_ofOurOwnInTheLogTask_isAFailureToo() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            logs.vfs.hook = (operation, name) -> {
                if (operation == Operation.SYNC) {
                    throw new IllegalStateException("a bug");
                }
            };
            logs.append(10);
            logs.writer.handOverSynced();
            assertThatThrownBy(() -> logs.writer.awaitSynced(logs.sequence)).hasRootCauseMessage("a bug");
        }
    }

    @Test
    void writer_afterAFailedOne_goesOnInAFreshLog() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            logs.synced(10);
            long end = logs.writer.asPredecessor().length();
            logs.vfs.hook = new HeldSync(FileName.log(1), true);
            ((HeldSync) logs.vfs.hook).goOn.countDown();
            assertThatThrownBy(() -> logs.synced(10)).isInstanceOf(StorageException.class);
            logs.vfs.hook = (operation, name) -> {};
            Predecessor before = logs.writer.asPredecessor();
            assertThat(before).isEqualTo(new Predecessor(1, end, 3, logs.sequence));
            logs.writer.abandon();
            logs.writer = logs.writer(logs.supply.take(0), before);
            long fresh = logs.writer.currentLog();
            logs.synced(10);
            logs.synced(10);
            // As after the engine moved the manifest's oldest log to the fresh one.
            try (LogRecovery recovery = logs.recovery(fresh, true)) {
                assertThat(Logs.readAll(recovery)).hasSize(2);
                assertThat(recovery.result().last().lastOrdinal()).isEqualTo(6);
            }
            // It is deleted, never recycled.
            List<Operation> done = Collections.synchronizedList(new ArrayList<>());
            CountDownLatch deleted = new CountDownLatch(1);
            logs.vfs.hook = (operation, name) -> {
                done.add(operation);
                if (operation == Operation.DELETE && name.equals(FileName.log(1))) {
                    deleted.countDown();
                }
            };
            logs.supply.letGoBelow(fresh, logs.proof());
            Logs.await(deleted);
        }
    }

    @Test
    void logLetGo_isRecycled_andItsPastIsNotRead() {
        try (Logs logs = new Logs(path, 40_000)) {
            for (int i = 0; i < 30; i++) {
                logs.logged(5000);
            }
            logs.writer.awaitSequence(logs.sequence);
            long oldest = logs.writer.rotate(0);
            logs.logged(100);
            logs.writer.awaitSequence(logs.sequence);
            logs.supply.letGoBelow(oldest, logs.proof());
            logs.written.clear();
            for (int i = 0; i < 25; i++) {
                logs.synced(5000);
                try (LogRecovery recovery = logs.recovery(oldest, true)) {
                    List<Batch> read = Logs.readAll(recovery);
                    assertThat(Logs.isPrefix(read.subList(1, read.size()), logs.written))
                            .isTrue();
                    assertThat(read).hasSize(i + 2);
                }
            }
            assertThat(logs.syncs(SyncSite.LOG_RECYCLE)).isPositive();
            assertThat(logs.supply.failedDeletions()).isZero();
        }
    }

    @Test
    void log_thatCannotBeMade_leavesTheWriterAsItWas() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            logs.awaitReady();
            logs.logged(10);
            logs.writer.rotate(0);
            logs.logged(10);
            logs.awaitReady();
            logs.writer.rotate(0);
            logs.supply.prepare();
            logs.logged(10);
            // Whatever is being made or ready by now, the one after it fails.
            logs.vfs.hook = failingCreate();
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 5; i++) {
                            logs.writer.rotate(0);
                            logs.logged(10);
                        }
                    })
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("Nothing was written to it");
            assertThat(logs.writer.failure()).isNull();
            logs.synced(10);
            logs.vfs.hook = (operation, name) -> {};
            logs.writer.rotate(0);
            logs.synced(10);
            assertThat(logs.recover()).hasSize(logs.written.size());
        }
    }

    private static HookedVfs.Hook failingCreate() {
        return (operation, name) -> {
            if (operation == Operation.CREATE) {
                throw new IOException("No space left on device");
            }
        };
    }

    @Test
    void interval_afterLoggedBatches_syncsThem() {
        WalOptions quick = WalOptions.defaults().withIntervalNanos(1_000_000);
        try (Logs logs = new Logs(path, LOG_BYTES, quick, false)) {
            for (int round = 0; round < 3; round++) {
                logs.append(10);
                long wanted = logs.sequence;
                CountDownLatch synced = new CountDownLatch(1);
                logs.onSynced = sequence -> {
                    if (sequence >= wanted) {
                        synced.countDown();
                    }
                };
                logs.writer.handOver();
                Logs.await(synced);
            }
            assertThat(logs.syncs(SyncSite.LOG_INTERVAL)).isEqualTo(3);
            assertThat(logs.syncs(SyncSite.LOG_GROUP)).isZero();
        }
    }

    @Test
    void awaitSequence_ofLoggedBatches_asksForASync() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            logs.logged(10);
            logs.writer.awaitSequence(logs.sequence);
            assertThat(logs.writer.syncedSequence()).isEqualTo(logs.sequence);
            logs.writer.awaitSequence(logs.sequence);
            logs.writer.awaitSequence(Long.MAX_VALUE);
            assertThat(logs.syncs(SyncSite.LOG_GROUP)).isEqualTo(1);
        }
    }

    @Test
    void interrupt_ofALeader_harmsNothing() {
        for (boolean growing : new boolean[] {false, true}) {
            try (Logs logs = new Logs(path.resolve("" + growing), LOG_BYTES, WalOptions.defaults(), growing)) {
                Thread.currentThread().interrupt();
                logs.logged(10);
                logs.synced(10);
                logs.writer.awaitSequence(logs.sequence);
                assertThat(Thread.interrupted()).isTrue();
                logs.synced(10);
                assertThat(logs.recover()).hasSize(3);
            }
        }
    }

    @Test
    void close_syncsEverythingAndEndsTheLog() {
        Logs logs = new Logs(path, LOG_BYTES);
        logs.logged(10);
        logs.logged(10);
        logs.writer.close();
        logs.writer.close();
        assertThat(logs.writer.syncedSequence()).isEqualTo(logs.sequence);
        assertThat(logs.syncs(SyncSite.LOG_CLOSE)).isEqualTo(2);
        assertThatThrownBy(() -> logs.append(1)).isInstanceOf(ClosedException.class);
        assertThatThrownBy(logs.writer::handOver).isInstanceOf(ClosedException.class);
        logs.writer.awaitSequence(logs.sequence);
        try (LogRecovery recovery = logs.recovery(1, true)) {
            assertThat(Logs.readAll(recovery)).hasSize(2);
            assertThat(recovery.result().logs().getLast().clean()).isTrue();
            assertThat(recovery.result().last().lastSequence()).isEqualTo(logs.sequence);
            assertThat(recovery.result().last().lastOrdinal()).isEqualTo(4);
        }
        logs.supply.close();
        logs.supply.close();
        assertThat(logs.account.usedBytes()).isZero();
        logs.directory.close();
    }

    /** What was made or kept for later goes, and the log is cut behind its end: a closed database takes what it holds. */
    @Test
    void close_leavesNothingThatWasAllocatedAhead() throws IOException {
        Logs logs = new Logs(path, LOG_BYTES);
        for (int i = 0; i < 3; i++) {
            logs.synced(100_000);
            logs.writer.rotate(0);
        }
        logs.synced(5000);
        logs.supply.letGoBelow(logs.writer.currentLog(), logs.proof());
        logs.awaitReady();
        String current = FileName.log(logs.writer.currentLog());
        List<Batch> expected = List.of(logs.written.getLast());

        logs.writer.close();
        logs.supply.close();
        assertThat(logs.directory.list())
                .filteredOn(name -> name.endsWith(".wal"))
                .containsExactly(current);
        assertThat(Files.size(path.resolve(current))).isEqualTo(8192);
        assertThat(logs.supply.failedDeletions() + logs.supply.failedCloses()).isZero();
        try (LogRecovery recovery = logs.recovery(logs.numbers.get() - 1, false)) {
            List<Batch> read = Logs.readAll(recovery);
            assertThat(read).hasSize(1);
            assertThat(Logs.isPrefix(read, expected)).isTrue();
            assertThat(recovery.result().logs().getLast().clean()).isTrue();
        }
        logs.directory.close();
    }

    @Test
    void close_ofAFailedWriter_cutsNothing() throws IOException {
        Logs logs = new Logs(path, LOG_BYTES);
        logs.synced(10);
        logs.vfs.hook = failing(Operation.SYNC);
        logs.append(10);
        logs.writer.handOverSynced();
        assertThatThrownBy(() -> logs.writer.awaitSynced(logs.sequence)).isInstanceOf(StorageException.class);
        assertThatThrownBy(logs.writer::close).isInstanceOf(StorageException.class);
        assertThat(Files.size(path.resolve(FileName.log(1)))).isEqualTo(LOG_BYTES);
        logs.close();
    }

    @Test
    void logs_growWithTheirUse() throws IOException {
        long full = 20 << 20;
        try (Logs logs = new Logs(path, full)) {
            long first = full / 16;
            assertThat(currentBytes(logs)).isEqualTo(first);
            logs.logged(100);
            logs.awaitReady();
            logs.writer.rotate(0);
            assertThat(currentBytes(logs)).isEqualTo(first); // hardly used
            logs.awaitReady();
            logs.logged((int) first / 2);
            logs.writer.rotate(0); // into the one that was ready
            assertThat(currentBytes(logs)).isEqualTo(first);
            logs.logged(100);
            logs.awaitReady();
            logs.writer.rotate(0);
            assertThat(currentBytes(logs)).isEqualTo(4 * first);
        }
    }

    private long currentBytes(Logs logs) throws IOException {
        return Files.size(path.resolve(FileName.log(logs.writer.currentLog())));
    }

    @Test
    void close_ofAnUnusedLog_leavesItEmpty() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            logs.writer.close();
            assertThat(logs.syncs(SyncSite.LOG_CLOSE)).isZero();
            assertThat(logs.recover()).isEmpty();
        }
    }

    @Test
    void close_ofAFullLog_stillHasRoomForItsEnd() {
        for (int tail = 1; tail <= 120; tail++) {
            try (Logs logs = new Logs(path.resolve("" + tail), 8192)) {
                logs.append(7000);
                logs.append(tail);
                while (logs.writer.fits(11)) {
                    logs.append(10);
                }
                logs.writer.handOver();
                assertThat(logs.writer.currentLog()).isEqualTo(1);
                logs.writer.close();
                try (LogRecovery recovery = logs.recovery(1, true)) {
                    assertThat(Logs.readAll(recovery)).hasSize(logs.written.size());
                    assertThat(recovery.result().logs().getLast().clean()).isTrue();
                    assertThat(recovery.result().logs()).hasSize(1);
                }
            }
        }
    }

    @Test
    void sequences_thatDoNotGrow_areRefused() {
        try (Logs logs = new Logs(path, LOG_BYTES)) {
            logs.logged(10);
            logs.sequence -= 1;
            assertThatThrownBy(() -> logs.append(10)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void options_outOfRange_areRefused() {
        assertThatThrownBy(() -> new WalOptions(1000, 1, 0, 0, 0, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("bufferBytes is 1000");
        assertThatThrownBy(() -> WalOptions.defaults().withIntervalNanos(0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new WalOptions(1 << 20, 1, -1, 0, 0, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Logs(path, 100))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("logBytes is 100");
    }

    /**
     * Many writers, some of whom wait for their sync, lead in turn, while logs rotate and are synced; between two hand-overs
     * a reader recovers what is in the files: it must see every batch handed over before, in order.
     */
    @Test
    void groups_ofManyWriters_areReadBackInOrderAndWhole() {
        try (Logs logs = new Logs(path, 60_000)) {
            int writers = 6;
            int each = 120;
            AtomicReference<Throwable> broken = new AtomicReference<>();
            List<Thread> threads = new ArrayList<>();
            for (int w = 0; w < writers; w++) {
                Random random = new Random(w);
                threads.add(start(() -> {
                    try {
                        for (int i = 0; i < each && broken.get() == null; i++) {
                            boolean sync = random.nextInt(3) == 0;
                            long mine;
                            synchronized (logs) {
                                for (int k = random.nextInt(4); k >= 0; k--) {
                                    logs.append(1 + random.nextInt(2000));
                                }
                                if (sync) {
                                    logs.writer.handOverSynced();
                                } else {
                                    logs.writer.handOver();
                                }
                                mine = logs.sequence;
                            }
                            if (sync) {
                                logs.writer.awaitSynced(mine);
                                if (logs.writer.syncedSequence() < mine) {
                                    throw new AssertionError("not synced");
                                }
                            }
                        }
                    } catch (Throwable e) {
                        broken.compareAndSet(null, e);
                    }
                }));
            }
            for (int round = 0; round < 10; round++) {
                synchronized (logs) { // no hand-over meanwhile: recovery is for logs that nobody writes
                    assertThat(logs.recover()).hasSameSizeAs(logs.written);
                    assertThat(Logs.isPrefix(logs.recover(), logs.written)).isTrue();
                }
            }
            threads.forEach(WalWriterTest::join);
            assertThat(broken.get()).isNull();
            List<Batch> read = logs.recover();
            assertThat(read).hasSameSizeAs(logs.written);
            assertThat(Logs.isPrefix(read, logs.written)).isTrue();
        }
    }
}
