package io.beachdb.wal;

import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.format.RecordFramer;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.base.memory.Parts;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Appends write batches to the log, in groups, across numbered files; says how far they are on disk.
 *
 * <p>The appending side belongs to one leader at a time ({@link #fits}, {@link #rotate}, {@link #append}, {@link #handOver},
 * {@link #handOverSynced}; the engine passes leadership on). A leader appends the records of its group, then hands them
 * over: when that returns, they are with the operating system and survive the death of the process. A leader waits for
 * writes, never for a sync. Any thread may ask or wait for the sync of what was handed over ({@link #sync},
 * {@link #awaitSynced}, {@link #awaitSequence}); one sync serves everybody who handed over before it began.
 *
 * <p>After any failure of a write, a store or a sync the writer takes nothing more, for good: what is on disk behind
 * {@link #syncedSequence} is unknown, and everybody who waits for it gets a {@link StorageException}. To go on, the engine
 * makes a new writer on a fresh log, after it has brought to disk by other ways what memory holds.
 */
public final class WalWriter implements AutoCloseable {
    /*
     * W1  Bytes reach the file in order: a leader's store through the mapping begins after every earlier write has ended.
     *     So what the operating system has is a prefix of the log.
     * W2  The first record of each log is START, framed with the first batch: a log without records was never used.
     * W3  A batch is one record and never spans two logs.
     * W4  Small groups nobody waits for go through the mapping, on the leader's thread: a copy, no system call, and no channel
     *     that an interrupt of the caller could close. Groups with a synced writer go by a write: a sync of bytes that came
     *     by a mapping takes three times as long. The leader writes them itself if the file's calls are safe from interrupts.
     */

    /** Groups up to this length are stored: a longer one would fault on pages it dirties, which costs more than a write. */
    private static final int MAX_STORED_BYTES = 2048;

    // Set once.
    private final LogSupply supply;
    private final Scheduler scheduler;
    private final MemoryAccount account;
    private final NativeBlock buffer;
    private final NativeBlock scratch; // payloads of our own records
    private final LogTask task;
    private final long intervalNanos;
    private final AtomicBoolean timerSet = new AtomicBoolean();

    // The leader's.
    private int buffered;
    private long ordinal; // of the last record
    private long lastSequence;
    private Predecessor predecessor;

    // Stored by the leader, loaded by anyone.
    private volatile OpenLog current;
    private volatile boolean closed;
    private volatile Scheduler.@Nullable Cancellable timer;

    // The timer's: what had been handed over when it was set.
    private long timerSequence;

    /**
     * Begins to write at a fresh log.
     *
     * @param first empty; comes from {@code supply}
     * @param predecessor what came before, from recovery or from a writer that failed
     * @param account what the buffers are charged to
     */
    public WalWriter(
            LogSupply supply,
            PreparedLog first,
            Predecessor predecessor,
            Scheduler scheduler,
            MemoryAccount account,
            WalOptions options,
            WalListener listener) {
        this.supply = supply;
        this.scheduler = scheduler;
        this.account = account;
        this.predecessor = predecessor;
        this.ordinal = predecessor.lastOrdinal();
        this.lastSequence = predecessor.lastSequence();
        this.intervalNanos = options.intervalNanos();
        this.current = open(first);
        this.task = new LogTask(current, supply, scheduler, options, listener);
        try (Parts parts = new Parts()) {
            this.buffer = parts.add(
                    account.acquire(MemoryUse.LOG, options.bufferBytes()), b -> account.release(MemoryUse.LOG, b));
            this.scratch = parts.add(
                    account.acquire(MemoryUse.LOG, WalFormat.START_BYTES), b -> account.release(MemoryUse.LOG, b));
            parts.complete();
        }
    }

    private OpenLog open(PreparedLog prepared) {
        return new OpenLog(prepared, supply.logBytes(), lastSequence);
    }

    /**
     * Returns whether a record of this payload length may be appended to the current log. If not, the leader calls
     * {@link #rotate}.
     */
    public boolean fits(long payloadLength) {
        OpenLog log = current;
        if (!log.isAllocated()) {
            // A growing log takes any first record, and gives way to an allocated one as soon as there is one.
            return !supply.isReady() && (log.isUnused() || hasRoom(log, payloadLength));
        }
        return hasRoom(log, payloadLength);
    }

    private static boolean hasRoom(OpenLog log, long payloadLength) {
        long from = log.isUnused() ? WalFormat.AFTER_START : log.end;
        return from + RecordFramer.framedLength(from, payloadLength) <= log.limit;
    }

    /**
     * Goes on in the next log, if the current one has records. Hands over what was appended; its sync begins at once.
     *
     * @param payloadLength of the record that is to follow, 0 if that is not known
     * @return number of the current log: everything appended from now on is in it or in later ones
     * @throws StorageException if no log can be made (nothing is lost, the current one goes on) or the hand-over failed
     */
    public long rotate(long payloadLength) {
        checkUsable();
        OpenLog old = current;
        if (old.isUnused() && fits(payloadLength)) {
            return old.number;
        }
        transfer(false);
        supply.used(old.end);
        long batch = RecordFramer.framedLength(WalFormat.AFTER_START, payloadLength);
        PreparedLog prepared = supply.take(WalFormat.AFTER_START + batch + WalFormat.END_ROOM);
        if (!old.isUnused()) {
            predecessor = new Predecessor(old.number, old.end, ordinal, lastSequence);
        }
        OpenLog next = open(prepared);
        current = next;
        old.next = next; // last: the log task takes the old log's hand-overs for final from here on
        scheduler.reach("log rotated");
        task.rotated();
        return next.number;
    }

    /**
     * Appends one batch. It is in our memory until {@link #handOver} or {@link #handOverSynced}, or goes on its way in pieces
     * when it is long.
     *
     * @param payload native memory: {@link WalFormat#BATCH} in the first byte, then the batch
     * @param checksum CRC-32C of the payload
     * @param firstSequence the batch's first sequence, greater than any before
     * @param last the batch's last sequence
     * @return the record's ordinal
     * @throws StorageException if the writer has failed, or fails here
     */
    public long append(MemorySegment payload, long offset, long length, int checksum, long firstSequence, long last) {
        checkUsable();
        OpenLog log = current;
        if (log.isAllocated() && !hasRoom(log, length)) {
            throw new IllegalStateException("a record of " + length + " bytes does not fit log " + log.number);
        }
        if (firstSequence <= lastSequence || last < firstSequence) {
            throw new IllegalArgumentException(
                    "sequences " + firstSequence + " to " + last + " come after " + lastSequence);
        }
        if (log.isUnused()) {
            appendStart(log);
        }
        frame(log, payload, offset, length, checksum, firstSequence);
        lastSequence = last;
        return ordinal;
    }

    private void appendStart(OpenLog log) {
        WalFormat.writeStart(scratch.memory(), 0, predecessor);
        int checksum = Checksum.crc32c(scratch.memory(), 0, WalFormat.START_BYTES);
        frame(log, scratch.memory(), 0, WalFormat.START_BYTES, checksum, lastSequence);
    }

    private void frame(OpenLog log, MemorySegment payload, long offset, long length, int checksum, long sequence) {
        RecordFramer framer = log.framer;
        framer.begin(payload, offset, length, checksum, ordinal + 1, log.syncedOffset, sequence);
        while (true) {
            int framed = framer.appendPart(buffer, buffered, (int) buffer.bytes(), log.end);
            buffered += framed;
            log.end += framed;
            if (!framer.unfinished()) {
                break;
            }
            transfer(false);
        }
        ordinal++;
    }

    /** Hands over what was appended. When this returns, it survives the death of the process. */
    public void handOver() {
        checkUsable();
        transfer(false);
        if (!timerSet.getPlain()) {
            setTimer();
        }
    }

    /**
     * Hands over what was appended for a sync, which {@link #sync} or {@link #awaitSynced} of its last sequence is to ask
     * for. When this returns, it survives the death of the process.
     */
    public void handOverSynced() {
        checkUsable();
        transfer(true);
    }

    /** Brings the buffer to the file. */
    private void transfer(boolean sync) {
        OpenLog log = current;
        if (buffered == 0) {
            log.handedOver(log.end, lastSequence);
            if (sync) {
                task.requestGroup();
            }
            return;
        }
        long position = log.end - buffered;
        int length = buffered;
        buffered = 0;
        if (sync || !log.mapped || length > MAX_STORED_BYTES && length <= log.file.interruptSafeBytes()) {
            task.write(log, position, buffer, length, log.end, lastSequence, sync);
            return;
        }
        try {
            log.file.put(position, buffer.memory(), 0, length); // W4
        } catch (RuntimeException e) {
            StorageException failed = LogTask.asStorageException(e);
            task.fail(failed);
            throw failed;
        } catch (Error e) {
            fail(e);
            throw e;
        }
        log.handedOver(log.end, lastSequence);
        scheduler.reach("log stored");
    }

    private void checkUsable() {
        if (closed) {
            throw new ClosedException("the log was closed with its database");
        }
        task.throwIfFailed();
    }

    /**
     * Sees to it that what {@link #handOverSynced} handed over, up to {@code sequence}, is synced: on this thread if it may
     * and nobody is at it, so that a single writer's sync costs no change of threads. May return before it is on disk; the
     * listener is told when it is, and when a sync fails.
     */
    public void sync(long sequence) {
        task.sync(sequence);
    }

    /**
     * Waits until everything up to {@code sequence} is on disk; for what {@link #handOverSynced} handed over.
     *
     * @throws StorageException if a sync failed before: whether it is on disk is unknown
     */
    public void awaitSynced(long sequence) {
        task.awaitSynced(sequence);
    }

    /**
     * Asks for a sync, and waits until every record up to {@code sequence} that was handed over before this call is on disk.
     *
     * @throws StorageException if a sync failed before: whether it is on disk is unknown
     */
    public void awaitSequence(long sequence) {
        long target = Math.min(sequence, current.handedOverSequence());
        task.awaitSynced(target);
    }

    /** Asks for a sync of what has been handed over, without waiting; the listener is told. */
    public void requestSync() {
        task.requestGroup();
    }

    /** Returns the sequence up to which every record is on disk. */
    public long syncedSequence() {
        return task.syncedSequence();
    }

    /** Returns the last sequence that was handed over. */
    public long handedOverSequence() {
        return current.handedOverSequence();
    }

    /** Returns the number of the log that is appended to. */
    public long currentLog() {
        return current.number;
    }

    /** Takes nothing more, as after a failed write: for a leader that met an error of its own midway. */
    public void fail(Throwable cause) {
        task.fail(LogTask.asStorageException(cause));
    }

    /** Returns the failure after which this writer takes nothing more; null while all is well. */
    public @Nullable StorageException failure() {
        return task.failure();
    }

    /** Returns what a writer that is to follow this one, closed or failed, says about it in its first log. The leader's. */
    public Predecessor asPredecessor() {
        OpenLog log = current;
        return log.isUnused() ? predecessor : new Predecessor(log.number, log.syncedOffset, ordinal, lastSequence);
    }

    private void setTimer() {
        if (timerSet.compareAndSet(false, true)) {
            startTimer();
        }
    }

    private void startTimer() {
        timerSequence = current.handedOverSequence();
        timer = scheduler.after(intervalNanos, "log-interval", this::onTimer);
    }

    private void onTimer() {
        if (closed || task.failure() != null) {
            return;
        }
        long handedOver = current.handedOverSequence();
        long synced = task.syncedSequence();
        if (synced < timerSequence) {
            task.requestInterval();
        }
        // It ends only after an interval in which nothing came: a leader that found it running is then long done.
        if (handedOver > synced || handedOver > timerSequence) {
            startTimer();
        } else {
            timerSet.set(false);
            // A leader that hands over at this moment may still have seen the timer set.
            timer = scheduler.after(intervalNanos, "log-interval", this::lookOnceMore);
        }
    }

    private void lookOnceMore() {
        if (!closed && task.failure() == null && current.handedOverSequence() > task.syncedSequence()) {
            setTimer();
        }
    }

    /** Ends the log cleanly, as {@link #close(long)}, where nothing was given out that is not in the log. */
    @Override
    public void close() {
        close(lastSequence);
    }

    /**
     * Ends the log cleanly: syncs everything, then END, and syncs that; then gives back what was allocated behind it. Nobody
     * may lead any more. Closing twice is harmless.
     *
     * @param givenOut the last sequence given out, also to what is not in the log; END says it, so that none of them is given
     *     out again
     * @throws StorageException if something could not be synced; the writer is closed all the same
     */
    public void close(long givenOut) {
        if (closed) {
            return;
        }
        closed = true;
        boolean ended = false;
        try {
            task.throwIfFailed();
            finish(givenOut);
            ended = true;
        } finally {
            release(ended);
        }
    }

    private void finish(long givenOut) {
        transfer(false);
        OpenLog log = current;
        task.requestClose();
        task.awaitSynced(lastSequence);
        if (log.isUnused()) {
            return;
        }
        task.awaitSynced(log, log.end);
        WalFormat.writeEnd(scratch.memory(), 0);
        int checksum = Checksum.crc32c(scratch.memory(), 0, WalFormat.END_BYTES);
        frame(log, scratch.memory(), 0, WalFormat.END_BYTES, checksum, givenOut);
        transfer(false);
        task.requestClose();
        task.awaitSynced(log, log.end);
    }

    /** Ends the writer as it is, without a sync: for one that failed. Who waits gets an exception. Nobody may lead any more. */
    public void abandon() {
        if (!closed) {
            closed = true;
            task.fail(new StorageException("the log was given up before it was synced.", null));
            release(false);
        }
    }

    private void release(boolean ended) {
        Scheduler.Cancellable set = timer;
        if (set != null) {
            set.cancel();
        }
        task.stop(ended);
        account.release(MemoryUse.LOG, buffer);
        account.release(MemoryUse.LOG, scratch);
    }
}
