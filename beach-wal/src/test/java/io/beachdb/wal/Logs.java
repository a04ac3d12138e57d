package io.beachdb.wal;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.DeletionProof;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableLog;
import io.beachdb.durability.SyncSite;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** A directory of logs for tests, with a writer and a reader of batches that are bytes and their first sequence. */
final class Logs implements AutoCloseable {
    static final DatabaseId ID = new DatabaseId(11, 22);
    static final MemoryBudget BUDGET = MemoryBudget.ofBytes(256L << 20);
    static final long LONG_INTERVAL = 3_600_000_000_000L;

    /** One batch. */
    record Batch(long sequence, byte[] bytes) {
        boolean is(Batch other) {
            return sequence == other.sequence && java.util.Arrays.equals(bytes, other.bytes);
        }
    }

    final Path path;
    final HookedVfs vfs = new HookedVfs();
    final MemoryAccount account = BUDGET.openAccount();
    final AtomicLong numbers = new AtomicLong();
    final DurableDirectory directory;
    final LogSupply supply;
    final WalOptions options;
    final List<Batch> written = new ArrayList<>();
    volatile LongConsumer onSynced = sequence -> {};
    volatile Runnable onClosing = () -> {};
    volatile @Nullable StorageException failed;
    final CountDownLatch toldOfFailure = new CountDownLatch(1);
    WalWriter writer;
    long sequence;

    Logs(Path path, long logBytes) {
        this(path, logBytes, WalOptions.defaults().withIntervalNanos(LONG_INTERVAL), false);
    }

    Logs(Path path, long logBytes, WalOptions options, boolean growing) {
        this.path = path;
        this.options = options;
        this.directory = DurableDirectory.open(
                vfs, path, DurableDirectory.Mode.CREATE, Scheduler.system(), DurabilityListener.none());
        this.supply = new LogSupply(directory, ID, numbers::incrementAndGet, Scheduler.system(), account, logBytes);
        this.writer = writer(growing ? supply.takeGrowing() : supply.take(0), Predecessor.none());
    }

    WalWriter writer(PreparedLog first, Predecessor predecessor) {
        return new WalWriter(supply, first, predecessor, Scheduler.system(), account, options, new WalListener() {
            @Override
            public void synced(long upTo) {
                onSynced.accept(upTo);
            }

            @Override
            public void failed(StorageException failure) {
                failed = failure;
                toldOfFailure.countDown();
            }
        });
    }

    /** Appends a batch of {@code length} bytes and sequence numbers as many as its first byte says. */
    Batch append(int length) {
        byte[] bytes = new byte[length];
        new Random(sequence).nextBytes(bytes);
        return append(bytes);
    }

    Batch append(byte[] bytes) {
        long first = sequence + 1;
        long last = first + (bytes.length & 3);
        NativeBlock block = account.acquire(MemoryUse.QUEUED, bytes.length + 1L);
        try {
            block.memory().set(java.lang.foreign.ValueLayout.JAVA_BYTE, 0, (byte) WalFormat.BATCH);
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, block.memory(), 1, bytes.length);
            long length = bytes.length + 1L;
            if (!writer.fits(length)) {
                writer.rotate(length);
            }
            int checksum = Checksum.crc32c(block.memory(), 0, length);
            writer.append(block.memory(), 0, length, checksum, first, last);
        } finally {
            account.release(MemoryUse.QUEUED, block);
        }
        sequence = last;
        Batch batch = new Batch(first, bytes);
        written.add(batch);
        return batch;
    }

    void logged(int length) {
        append(length);
        writer.handOver();
    }

    void synced(int length) {
        append(length);
        writer.handOverSynced();
        writer.awaitSynced(sequence);
    }

    long syncs(SyncSite site) {
        return directory.stats().fileSyncs().getOrDefault(site, 0L);
    }

    LogRecovery recovery(long oldest, boolean exists) {
        return new LogRecovery(directory, ID, directory.list(), oldest, exists, account);
    }

    List<Batch> recover() {
        try (LogRecovery recovery = recovery(1, true)) {
            return readAll(recovery);
        }
    }

    static List<Batch> readAll(LogRecovery recovery) {
        List<Batch> read = new ArrayList<>();
        while (recovery.next()) {
            byte[] bytes = new byte[(int) recovery.batchLength()];
            MemorySegment.copy(
                    recovery.batchMemory(), recovery.batchOffset(), MemorySegment.ofArray(bytes), 0, bytes.length);
            read.add(new Batch(recovery.firstSequence(), bytes));
        }
        return read;
    }

    static boolean isPrefix(List<Batch> read, List<Batch> written) {
        if (read.size() > written.size()) {
            return false;
        }
        for (int i = 0; i < read.size(); i++) {
            if (!read.get(i).is(written.get(i))) {
                return false;
            }
        }
        return true;
    }

    /** Returns a receipt that lets go of every log. */
    DeletionProof proof() {
        NativeBlock block = account.acquire(MemoryUse.SCRATCH, 64);
        try (DurableLog manifest =
                directory.createLog("MANIFEST-" + System.nanoTime(), block.memory(), 64, 0, SyncSite.MANIFEST_CREATE)) {
            return directory.edit(
                    manifest.sync(64, SyncSite.MANIFEST_EDIT), 64, List.of(), name -> name.endsWith(".wal"));
        } finally {
            account.release(MemoryUse.SCRATCH, block);
        }
    }

    /** Waits, without any timing, for something that a background task of the supply brings about. */
    void awaitReady() {
        supply.prepare();
        Scheduler.system().await(Scheduler.system().newSignal("test", 2_000_000_000L), supply::isReady);
    }

    static void await(CountDownLatch latch) {
        boolean interrupted = false;
        while (true) {
            try {
                latch.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        vfs.hook = (operation, name) -> {};
        onClosing.run();
        if (writer.failure() == null) {
            writer.close();
        } else {
            writer.abandon();
        }
        supply.close();
        directory.close();
    }
}
