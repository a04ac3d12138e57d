package io.beachdb.wal;

import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import io.beachdb.base.StorageException;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.SyncedTo;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes what the leader hands over, syncs, and says how far the log is on disk. Where a file's calls are safe from
 * interrupts, its callers do so themselves: the leader writes, and a writer that finds nobody syncing syncs. The rest is
 * done on engine threads, by two loops: one writes and syncs; while a sync runs, the other writes, so that no hand-over
 * waits for the disk.
 */
final class LogTask {
    /*
     * T1  syncedSequence grows in log order: bytes of a log count only after all logs before it were wholly synced. So what
     *     it covers is a prefix of the log, whatever becomes of the files.
     * T2  What a sync covers is read before it begins, after the requests it answers were taken: a request made later is
     *     answered by a later sync.
     * T3  After a failure nothing is written or synced any more, syncedSequence stays, and everybody who waits is told.
     * T4  A submitted write is taken by one loop. Who submits and finds no sync running wakes the first loop; that one
     *     takes its turn before it looks for a submitted write a last time. So no write is left lying while it syncs.
     * T5  One syncs at a time, whoever holds the turn. A request is made before a look at the turn, and looked for after
     *     the turn is let go: so none is left lying. Only the loop goes on to another log, and closes one.
     */
    private static final int FREE = 0;
    private static final int SUBMITTED = 1;
    private static final int TAKEN = 2;

    // What is wanted, in bits.
    private static final int GROUP = 1;
    private static final int INTERVAL = 2;

    private static final VarHandle SUBMISSION;
    private static final VarHandle TURN;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            SUBMISSION = lookup.findVarHandle(LogTask.class, "submission", int.class);
            TURN = lookup.findVarHandle(LogTask.class, "syncing", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    // Set once.
    private final Scheduler scheduler;
    private final LogSupply supply;
    private final WalListener listener;
    private final OnDemandTask syncer;
    private final OnDemandTask helper;
    private final Signal written;
    private final Signal[] synced = new Signal[2]; // of even and odd syncs
    private final Signal turnFree;
    private final BooleanSupplier isWritten = this::isWritten;
    private final BooleanSupplier takeTurn = this::takeTurn;
    private final AtomicInteger wanted = new AtomicInteger();
    private final AtomicReference<@Nullable StorageException> failure = new AtomicReference<>();

    // The write at hand: stored by the leader before submission, loaded by the loop that took it.
    private OpenLog writeLog;
    private long writePosition;
    private @Nullable NativeBlock writeFrom;
    private int writeLength;
    private long writeEnd;
    private long writeSequence;
    private boolean writeSync;
    private boolean writeDone; // stored before the submission is freed
    private volatile int submission = FREE;

    private volatile boolean syncing; // the turn, see T5
    private volatile boolean closing; // nothing is asked for any more but by the close, which stores it

    // Stored by who has the turn.
    private volatile OpenLog oldest;
    private volatile long coveredSequence; // of the latest sync that began
    private volatile long syncsBegun;
    private volatile long syncedSequence;

    LogTask(OpenLog first, LogSupply supply, Scheduler scheduler, WalOptions options, WalListener listener) {
        this.scheduler = scheduler;
        this.supply = supply;
        this.listener = listener;
        this.oldest = first;
        this.writeLog = first;
        this.syncedSequence = first.handedOverSequence();
        this.coveredSequence = syncedSequence;
        this.written = scheduler.newSignal("log-written", options.writeSpinNanos());
        this.synced[0] = scheduler.newSignal("log-synced", options.syncSpinNanos());
        this.synced[1] = scheduler.newSignal("log-synced", options.syncSpinNanos());
        this.turnFree = scheduler.newSignal("log-turn", 0);
        this.syncer = new OnDemandTask(
                scheduler, "log-sync", this::hasWork, this::work, options.taskSpinNanos(), options.idleNanos());
        this.helper = new OnDemandTask(
                scheduler, "log-write", this::isSubmitted, this::writeSubmitted, 0, options.idleNanos());
    }

    /**
     * Writes; waits until the bytes are with the operating system, never for a sync.
     *
     * @param end where the log's records end then, and {@code sequence} the last one in it
     * @param sync whether a sync is to follow; if an engine thread writes, it goes on with that at once
     * @throws StorageException if it fails; the log takes nothing more
     */
    void write(OpenLog log, long position, NativeBlock from, int length, long end, long sequence, boolean sync) {
        throwIfFailed();
        if (length <= log.file.interruptSafeBytes()) {
            writeHere(log, position, from, length, end, sequence);
            return;
        }
        writeLog = log;
        writePosition = position;
        writeFrom = from;
        writeLength = length;
        writeEnd = end;
        writeSequence = sequence;
        writeSync = sync;
        writeDone = false;
        submission = SUBMITTED;
        scheduler.reach("log write submitted");
        (syncing ? helper : syncer).wake();
        scheduler.await(written, isWritten);
        if (!writeDone) {
            throwIfFailed();
        }
    }

    private void writeHere(OpenLog log, long position, NativeBlock from, int length, long end, long sequence) {
        try {
            log.file.write(position, from.memory(), 0, length);
        } catch (RuntimeException e) {
            StorageException failed = asStorageException(e);
            fail(failed);
            throw failed;
        } catch (Error e) {
            fail(brokenBy(e));
            throw e;
        }
        log.handedOver(end, sequence);
        scheduler.reach("log written");
    }

    private boolean isWritten() {
        return submission == FREE;
    }

    private boolean isSubmitted() {
        return submission == SUBMITTED;
    }

    private void writeSubmitted() {
        if (submission != SUBMITTED || !SUBMISSION.compareAndSet(this, SUBMITTED, TAKEN)) {
            return;
        }
        boolean sync = writeSync;
        try {
            if (failure.get() == null) {
                doWrite();
            }
        } catch (RuntimeException e) {
            fail(asStorageException(e));
        } catch (Error e) {
            fail(brokenBy(e));
            throw e;
        } finally {
            if (sync) {
                wanted.getAndUpdate(bits -> bits | GROUP);
            }
            submission = FREE;
            written.wake();
        }
        scheduler.reach("log written");
        if (sync) {
            // Also by the loop that writes only: the other one may have gone idle meanwhile.
            syncer.wake();
        }
    }

    private void doWrite() {
        OpenLog log = writeLog;
        NativeBlock from = writeFrom;
        if (from != null) {
            log.file.write(writePosition, from.memory(), 0, writeLength);
            log.handedOver(writeEnd, writeSequence);
            writeDone = true;
        }
    }

    private boolean hasWork() {
        return submission == SUBMITTED || !syncing && failure.get() == null && isSyncWanted();
    }

    private boolean isSyncWanted() {
        return wanted.get() != 0 || oldest.next != null;
    }

    private void work() {
        writeSubmitted();
        if (failure.get() == null && isSyncWanted() && takeTurn()) {
            try {
                writeSubmitted(); // T4
                syncOldest(true);
            } catch (RuntimeException e) {
                fail(asStorageException(e));
            } catch (Error e) {
                fail(brokenBy(e));
                throw e;
            } finally {
                letGoOfTurn(); // the loop itself looks for what was wanted meanwhile
            }
        }
    }

    private boolean takeTurn() {
        return !syncing && TURN.compareAndSet(this, false, true);
    }

    private void letGoOfTurn() {
        syncing = false;
        turnFree.wake();
    }

    /**
     * Sees to it that everything up to {@code sequence}, which was handed over before, is synced: here, if the file allows
     * that on any thread and nobody is at it; otherwise somebody else does it, and the caller waits for that.
     */
    void sync(long sequence) {
        while (coveredSequence < sequence && failure.get() == null) {
            wanted.getAndUpdate(bits -> bits | GROUP);
            if (oldest.next != null || oldest.file.interruptSafeBytes() == 0) {
                syncer.wake();
                return;
            }
            if (!takeTurn()) {
                return; // T5: whoever has it looks for our request after letting go
            }
            syncHere();
        }
    }

    private void syncHere() {
        try {
            syncOldest(false);
        } catch (RuntimeException e) {
            fail(asStorageException(e));
        } catch (Error e) {
            fail(brokenBy(e));
            throw e;
        } finally {
            letGoOfTurn();
            if (isSyncWanted()) { // T5; the loop's part: we have what we came for
                syncer.wake();
            }
        }
    }

    /** A mistake of our own counts as a failed sync: nobody may wait for what will not come. */
    static StorageException asStorageException(Throwable e) {
        return e instanceof StorageException failed ? failed : brokenBy(e);
    }

    private static StorageException brokenBy(Throwable e) {
        return new StorageException("the log met an error of its own and takes nothing more.", e);
    }

    /** @param onLoop whether it may go on to the next log */
    private void syncOldest(boolean onLoop) {
        // The requests first: one for the next log was made after that was there, so it is seen here, and put back.
        int requests = wanted.getAndSet(0);
        scheduler.reach("sync requests taken");
        OpenLog log = oldest;
        OpenLog next = log.next; // once it is there, the log's hand-overs are final
        if (next != null) {
            int later = requests;
            wanted.getAndUpdate(bits -> bits | later);
            if (!onLoop) {
                return;
            }
            requests = 0;
        }
        long sequence = log.handedOverSequence();
        long offset = log.handedOverOffset();
        coveredSequence = sequence;
        long number = syncsBegun + 1;
        syncsBegun = number;
        SyncSite site = site(next != null, requests);
        if (offset > log.syncedOffset) {
            SyncedTo receipt = log.file.sync(offset, site);
            log.syncedOffset = receipt.offset();
        }
        boolean grown = sequence > syncedSequence;
        if (grown) {
            log.file.acknowledged(offset, site);
        }
        syncedSequence = sequence;
        scheduler.reach("log synced");
        if (next != null) {
            oldest = next;
            supply.retire(log.number, log.file, true);
        }
        synced[(int) (number & 1)].wake();
        if (!isSyncWanted()) {
            // Who took the wrong one of two signals (see awaitSynced) would wait for a sync that nobody asked for.
            synced[(int) (number + 1 & 1)].wake();
        }
        if (grown) {
            listener.synced(sequence);
        }
    }

    private SyncSite site(boolean rotated, int requests) {
        if (rotated) {
            return SyncSite.LOG_ROTATE;
        }
        if (closing) {
            return SyncSite.LOG_CLOSE;
        }
        return (requests & GROUP) != 0 ? SyncSite.LOG_GROUP : SyncSite.LOG_INTERVAL;
    }

    /** Asks for a sync of everything handed over so far. */
    void requestGroup() {
        request(GROUP);
    }

    void requestInterval() {
        request(INTERVAL);
    }

    void requestClose() {
        closing = true;
        request(GROUP);
    }

    private void request(int bit) {
        wanted.getAndUpdate(bits -> bits | bit);
        syncer.wake();
    }

    /** Lets the loop see that the oldest log got a successor: its rest is synced at once. */
    void rotated() {
        syncer.wake();
    }

    /**
     * Waits until everything up to {@code sequence}, which was handed over before, is on disk.
     *
     * @throws StorageException if that failed: whether it is on disk is unknown
     */
    void awaitSynced(long sequence) {
        sync(sequence);
        if (syncedSequence < sequence) {
            // Waiters of the running sync and those of the next take different signals, so that the end of one does not
            // wake
            // the others. A guess: a wrong one costs time only.
            long begun = syncsBegun;
            long awaited = coveredSequence >= sequence ? begun : begun + 1;
            scheduler.await(synced[(int) (awaited & 1)], () -> syncedSequence >= sequence || failure.get() != null);
            if (syncedSequence < sequence) {
                throwIfFailed();
            }
        }
    }

    /** Waits until the bytes of {@code log} up to {@code offset} are on disk. A sync has been asked for. */
    void awaitSynced(OpenLog log, long offset) {
        scheduler.await(synced[(int) (syncsBegun + 1 & 1)], () -> log.syncedOffset >= offset || failure.get() != null);
        if (log.syncedOffset < offset) {
            throwIfFailed();
        }
    }

    long syncedSequence() {
        return syncedSequence;
    }

    /** Ends all work for good. The first failure counts. */
    void fail(StorageException first) {
        if (failure.compareAndSet(null, first)) {
            scheduler.reach("log failed");
            try {
                listener.failed(first);
            } finally {
                written.wake();
                synced[0].wake();
                synced[1].wake();
            }
        }
    }

    @Nullable
    StorageException failure() {
        return failure.get();
    }

    void throwIfFailed() {
        StorageException first = failure.get();
        if (first != null) {
            throw new StorageException(
                    "the log takes nothing more since an earlier failure. Resume or reopen the database.",
                    first,
                    first.diskFull());
        }
    }

    /**
     * Ends both loops, and lets go of the logs that are still open.
     *
     * @param ended whether the newest was brought to its end, which is synced
     */
    void stop(boolean ended) {
        helper.stop();
        syncer.stop();
        if (!takeTurn()) {
            scheduler.await(turnFree, takeTurn); // for good: no writer may sync what we close
        }
        for (OpenLog log = oldest; log != null; log = log.next) {
            if (ended && log.next == null) {
                supply.retireAt(log.number, log.file, log.syncedOffset);
            } else {
                supply.retire(log.number, log.file, failure.get() == null);
            }
        }
    }
}
