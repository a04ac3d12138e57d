package io.beachdb.wal;

import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FileName;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.DeletionProof;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableLog;
import io.beachdb.durability.SyncSite;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes logs ahead of need, in the background, and takes back those that nothing needs any more: they are recycled, or
 * deleted. Keeps one log ready. Any number of threads.
 *
 * <p>A log has its final size, and header and name are on disk, before it is handed out: so appending to it changes no
 * file-system metadata, and everything acknowledged from it has a name.
 */
public final class LogSupply implements AutoCloseable {
    /*
     * S1  Logs are handed out in the order of their numbers: recovery reads them in that order.
     * S2  A log is recycled or deleted only when its writer has let go of it and a proof allows it; one that failed is
     *     never recycled.
     * S3  A number is used for one log only. One whose making failed is tried again: a file of that name, if there is
     *     one, holds no record.
     * S4  Logs grow with their use, up to logBytes: who writes little should not find a large file beside it. Only logs of
     *     the size at hand are recycled, so what is kept for that is never larger than what is needed.
     */
    /** Smallest size of a log. */
    public static final long MIN_LOG_BYTES = 4096;

    private static final int MAX_RECYCLABLE = 4;
    private static final int FIRST_PART = 16; // of a full log's size, for the first one that is allocated
    private static final long SMALLEST_FIRST_BYTES = 1 << 20;
    private static final int GROWTH = 4;
    private static final long NONE = -1;

    private record Retired(long allocatedBytes, boolean whole) {}

    private record Recyclable(long number, DeletionProof proof) {}

    // Set once.
    private final DurableDirectory directory;
    private final DatabaseId databaseId;
    private final LongSupplier numbers;
    private final Scheduler scheduler;
    private final MemoryAccount account;
    private final long logBytes;
    private final Signal changed;
    private final AtomicLong failedCloses = new AtomicLong();

    // Guarded by this.
    private final TreeMap<Long, Retired> retired = new TreeMap<>(); // let go of by their writer, maybe still needed
    private final Deque<Recyclable> recyclable = new ArrayDeque<>();
    private long neededFrom = NONE; // everything below is let go of by proof
    private @Nullable DeletionProof proof;
    private @Nullable RuntimeException failure; // of the last try
    private long nextBytes; // size of the next log
    private boolean preparing;
    private int deleting; // tasks
    private long startedNumber = NONE; // drawn for a log that is not made yet
    private long failedDeletions;
    private boolean closed;
    // Stored under this, loaded by anyone.
    private volatile @Nullable PreparedLog ready;

    /**
     * Makes an empty supply.
     *
     * @param numbers draws the next file number; called on engine threads
     * @param logBytes size of a full log: allocated ones come to it step by step, and one that is not allocated grows to it
     */
    public LogSupply(
            DurableDirectory directory,
            DatabaseId databaseId,
            LongSupplier numbers,
            Scheduler scheduler,
            MemoryAccount account,
            long logBytes) {
        if (logBytes < MIN_LOG_BYTES) {
            throw new IllegalArgumentException("logBytes is " + logBytes + ", allowed " + MIN_LOG_BYTES + " and more");
        }
        this.directory = directory;
        this.databaseId = databaseId;
        this.numbers = numbers;
        this.scheduler = scheduler;
        this.account = account;
        this.logBytes = logBytes;
        this.nextBytes = Math.min(logBytes, Math.max(logBytes / FIRST_PART, SMALLEST_FIRST_BYTES));
        this.changed = scheduler.newSignal("log-supply", 0);
    }

    /** Returns the size of a full log. */
    public long logBytes() {
        return logBytes;
    }

    /** Returns whether a log stands ready. */
    public boolean isReady() {
        return ready != null;
    }

    /** Begins to make the next log, unless one is ready or being made. Does not wait. */
    public void prepare() {
        begin(nextBytes());
    }

    private synchronized long nextBytes() {
        return nextBytes;
    }

    /** Says how much of a log was used when the next one was needed. */
    void used(long bytes) {
        List<Recyclable> outgrown;
        synchronized (this) {
            if (nextBytes == logBytes || bytes < nextBytes / 2) {
                return;
            }
            nextBytes = Math.min(logBytes, GROWTH * nextBytes);
            outgrown = List.copyOf(recyclable);
            recyclable.clear();
        }
        deleteLater(outgrown);
    }

    private void begin(long allocateBytes) {
        synchronized (this) {
            if (closed || preparing || ready != null) {
                return;
            }
            preparing = true;
            failure = null;
        }
        try {
            scheduler.execute("log-supply", () -> make(allocateBytes));
        } catch (RuntimeException | Error e) {
            settle(null, null); // no thread to be had
            throw e;
        }
    }

    /**
     * Makes a log now that is not allocated ahead and grows by its writes: quick, for an opening. Waits for the disk.
     *
     * @throws StorageException if it cannot be made; nothing is lost
     */
    public PreparedLog takeGrowing() {
        return take(0, 0);
    }

    /**
     * Takes a log of at least {@code minBytes}, and begins to make the next. Waits only if none is ready, or the ready one
     * is too small.
     *
     * @throws StorageException if it cannot be made; nothing is lost, and a further call tries again
     * @throws ClosedException if the supply is closed
     */
    public PreparedLog take(long minBytes) {
        PreparedLog taken = take(minBytes, Math.max(minBytes, nextBytes()));
        boolean begun = false;
        try {
            prepare();
            begun = true;
            return taken;
        } finally {
            if (!begun) { // no thread to be had: the next call tries again
                putBack(taken);
            }
        }
    }

    private void putBack(PreparedLog taken) {
        synchronized (this) {
            if (!closed) {
                ready = taken;
                return;
            }
        }
        abandon(taken);
    }

    private PreparedLog take(long minBytes, long allocateBytes) {
        forgetFailure();
        while (true) {
            PreparedLog found = pollReady(minBytes);
            if (found != null) {
                return found;
            }
            begin(allocateBytes);
            scheduler.await(changed, this::isSettled);
        }
    }

    /** Forgets a try in the background that failed before anybody waited for it: there may be room by now. */
    private synchronized void forgetFailure() {
        failure = null;
    }

    private synchronized boolean isSettled() {
        return !preparing;
    }

    private @Nullable PreparedLog pollReady(long minBytes) {
        PreparedLog tooSmall;
        synchronized (this) {
            if (closed) {
                throw new ClosedException("the supply of logs was closed with its database");
            }
            PreparedLog found = ready;
            if (found == null) {
                RuntimeException last = failure;
                failure = null;
                if (last != null) {
                    throw last;
                }
                return null;
            }
            ready = null;
            if (found.file().allocatedBytes() >= minBytes || found.file().allocatedBytes() == 0) {
                return found;
            }
            tooSmall = found;
        }
        // S1: the larger one gets a higher number, so this one can not come after it. It stays behind, empty.
        retire(tooSmall.number(), tooSmall.file(), true);
        return null;
    }

    private void make(long allocateBytes) {
        PreparedLog made = null;
        RuntimeException failed = new IllegalStateException("the making of a log ended with an error");
        try {
            Recyclable old = pollRecyclable(allocateBytes);
            made = old == null ? create(allocateBytes) : recycleOrCreate(old, allocateBytes);
            failed = null;
        } catch (RuntimeException e) {
            failed = e; // thrown by the take that waits for it, else forgotten by the next
        } finally {
            settle(made, failed);
        }
    }

    private void settle(@Nullable PreparedLog made, @Nullable RuntimeException failed) {
        boolean late;
        synchronized (this) {
            late = closed;
            if (!late) {
                ready = made;
            }
            failure = failed;
        }
        try {
            if (late && made != null) {
                abandon(made);
            }
        } finally {
            synchronized (this) {
                preparing = false; // last: a close waits for it, and what it lets go of is in use until here
            }
            changed.wake();
        }
    }

    private synchronized @Nullable Recyclable pollRecyclable(long bytes) {
        return bytes == nextBytes ? recyclable.pollFirst() : null;
    }

    /** A log is recycled to save time; where that fails (somebody reads the old one, say), a new one does as well. */
    private PreparedLog recycleOrCreate(Recyclable old, long allocateBytes) {
        try {
            return recycle(old);
        } catch (StorageException e) {
            deleteLater(List.of(old));
            return create(allocateBytes);
        }
    }

    private PreparedLog create(long allocateBytes) {
        FileHeader header = nextHeader();
        NativeBlock block = account.acquire(MemoryUse.SCRATCH, FileHeader.BYTES);
        try {
            header.write(block.memory(), 0);
            DurableLog file = directory.createLog(
                    FileName.log(header.fileNumber()),
                    block.memory(),
                    FileHeader.BYTES,
                    allocateBytes,
                    SyncSite.LOG_CREATE);
            return used(header, file);
        } finally {
            account.release(MemoryUse.SCRATCH, block);
        }
    }

    private PreparedLog recycle(Recyclable old) {
        FileHeader header = nextHeader();
        NativeBlock block = account.acquire(MemoryUse.SCRATCH, FileHeader.BYTES);
        try {
            header.write(block.memory(), 0);
            DurableLog file = directory.recycleLog(
                    FileName.log(old.number),
                    FileName.log(header.fileNumber()),
                    old.proof,
                    block.memory(),
                    FileHeader.BYTES,
                    SyncSite.LOG_RECYCLE);
            return used(header, file);
        } finally {
            account.release(MemoryUse.SCRATCH, block);
        }
    }

    private FileHeader nextHeader() {
        long number = startedNumber();
        return FileHeader.plain(WalFormat.MAGIC, WalFormat.VERSION, databaseId, number);
    }

    private long startedNumber() {
        synchronized (this) {
            if (startedNumber != NONE) {
                return startedNumber;
            }
        }
        long drawn = numbers.getAsLong();
        synchronized (this) {
            startedNumber = drawn;
        }
        return drawn;
    }

    private synchronized PreparedLog used(FileHeader header, DurableLog file) {
        startedNumber = NONE;
        return new PreparedLog(header, file);
    }

    /** Takes a log back from its writer, and closes it. Everything in it that counts has been synced before. */
    void retire(long number, DurableLog file, boolean whole) {
        retire(number, file, whole, file::close);
    }

    /** Takes a log back that ended for good at {@code end}, as far as it is synced: it takes no more room than it needs. */
    void retireAt(long number, DurableLog file, long end) {
        retire(number, file, false, () -> file.closeAt(end));
    }

    private void retire(long number, DurableLog file, boolean whole, Runnable close) {
        try {
            close.run();
        } catch (StorageException e) {
            // The log keeps it as its failure, so that it is not recycled; nothing in it was waiting for the close.
            failedCloses.incrementAndGet();
        }
        synchronized (this) {
            retired.put(number, new Retired(file.allocatedBytes(), whole && file.failure() == null));
        }
        sweep();
    }

    /**
     * Says that no log below {@code oldestNeeded} is needed any more: those that writers of this supply have let go of are
     * recycled or deleted in the background, now or when they are let go of. Does not wait.
     *
     * @param proof receipt that the manifest on disk needs none of them
     */
    public void letGoBelow(long oldestNeeded, DeletionProof proof) {
        synchronized (this) {
            neededFrom = Math.max(neededFrom, oldestNeeded);
            this.proof = proof;
        }
        sweep();
    }

    private void sweep() {
        List<Recyclable> obsolete = new ArrayList<>();
        synchronized (this) {
            DeletionProof allowed = proof;
            if (allowed == null || closed) {
                return;
            }
            while (!retired.isEmpty() && retired.firstKey() < neededFrom) {
                var oldest = retired.pollFirstEntry();
                Recyclable log = new Recyclable(oldest.getKey(), allowed);
                boolean usable = oldest.getValue().whole && oldest.getValue().allocatedBytes == nextBytes;
                if (usable && recyclable.size() < MAX_RECYCLABLE) {
                    recyclable.addLast(log);
                } else {
                    obsolete.add(log);
                }
            }
        }
        deleteLater(obsolete);
    }

    private void deleteLater(List<Recyclable> obsolete) {
        if (obsolete.isEmpty()) {
            return;
        }
        synchronized (this) {
            deleting++;
        }
        boolean begun = false;
        try {
            scheduler.execute("log-delete", () -> delete(obsolete));
            begun = true;
        } finally {
            if (!begun) {
                deleted();
            }
        }
    }

    private void delete(List<Recyclable> obsolete) {
        try {
            for (Recyclable log : obsolete) {
                attempt(() -> directory.delete(FileName.log(log.number), log.proof));
            }
        } finally {
            deleted();
        }
    }

    private void deleted() {
        synchronized (this) {
            deleting--;
        }
        changed.wake();
    }

    private void abandon(PreparedLog unused) {
        attempt(() -> unused.file().abandon());
    }

    private void attempt(Runnable deletion) {
        try {
            deletion.run();
        } catch (StorageException | ClosedException e) {
            synchronized (this) {
                failedDeletions++;
            }
        }
    }

    /** Returns how many logs could not be closed without an error; what they hold had been synced. */
    public long failedCloses() {
        return failedCloses.get();
    }

    /** Returns how many obsolete logs could not be deleted; they only take space, and the next open deletes them. */
    public synchronized long failedDeletions() {
        return failedDeletions;
    }

    /**
     * Deletes what was made or kept for later, after what is being made or deleted at this moment. Logs that were handed out
     * stay. Closing twice is harmless.
     */
    @Override
    public void close() {
        PreparedLog unused;
        List<Recyclable> kept;
        synchronized (this) {
            closed = true;
            unused = ready;
            ready = null;
            kept = List.copyOf(recyclable);
            recyclable.clear();
        }
        scheduler.await(changed, this::isIdle);
        if (unused != null) {
            abandon(unused);
        }
        for (Recyclable log : kept) {
            attempt(() -> directory.delete(FileName.log(log.number), log.proof));
        }
    }

    private synchronized boolean isIdle() {
        return !preparing && deleting == 0;
    }
}
