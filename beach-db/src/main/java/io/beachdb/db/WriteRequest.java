package io.beachdb.db;

import io.beachdb.Durability;
import io.beachdb.base.BeachException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.memtable.Inserter;
import io.beachdb.wal.WalFormat;
import java.lang.foreign.MemorySegment;
import java.util.function.BooleanSupplier;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * One write on its way: its record, encoded into memory of ours by its own caller, and where it stands. Used again and
 * again, by one caller at a time.
 *
 * <pre>
 *   QUEUED ──led──▶ LOGGED   its caller inserts it
 *          ──led──▶ LED      the leader has inserted it: it waits for the disk anyway
 *          ──led──▶ REFUSED  nothing happened
 * </pre>
 */
final class WriteRequest {
    static final int QUEUED = 0;
    static final int LOGGED = 1;
    static final int LED = 2;
    static final int REFUSED = 3;

    /** Buffers up to this size stay with the request. */
    private static final int KEPT_BYTES = 64 << 10;

    private static final int SMALLEST_BYTES = 4096;

    // Set once.
    final Signal signal;
    final BooleanSupplier isVisible = this::isVisible;
    final BooleanSupplier isDone = this::isDone;
    private final MemoryAccount account;
    private final BooleanSupplier brokenOff;
    private final CRC32C crc = new CRC32C();

    // The caller's, before it queues.
    private @Nullable NativeBlock block;
    MemorySegment memory = MemorySegment.NULL;
    long start;
    long length;
    int checksum;
    int operations;
    Durability durability = Durability.SYNCED;

    /** Whether its caller has the lead. */
    boolean leads;

    /** Whether others may do something with it: its caller's, which finds it so when it was thrown out. */
    boolean inPipeline;

    /** What threw it out. */
    @Nullable
    Throwable thrown;

    /** Whether its caller left by an error: from then on nobody's, until the pool frees it. */
    volatile boolean abandoned;

    // Of the queue, then of the group.
    @Nullable
    WriteRequest next;

    // Of UnsyncedRequests.
    @Nullable
    WriteRequest nextUnsynced;

    // Of RequestPool, once abandoned.
    @Nullable
    WriteRequest nextAbandoned;

    // The leader's, before state changes.
    long firstSequence;
    long lastSequence;

    @Nullable
    MemtableSlot slot;

    @Nullable
    BeachException refusal;

    // Published in turn.
    volatile int state;
    /** Its entries are in the memtable. */
    volatile boolean inserted;
    /** Its entries are seen by readers. */
    volatile boolean visible;
    /** Its record is on disk; of synced writes only. */
    volatile boolean synced;
    /** The log failed under it, after its sequences were given. */
    volatile @Nullable StorageException logFailure;

    /** For walking a batch while inserting; used by this request's caller, also for others' batches while it leads. */
    final BatchCursor batchCursor = new BatchCursor();

    /** Remembers where the last insert was; belongs to whoever inserts, and only this request's caller or leader does. */
    private @Nullable Inserter inserter;

    /** @param brokenOff whether nothing becomes visible any more */
    WriteRequest(MemoryAccount account, Scheduler scheduler, BooleanSupplier brokenOff) {
        this.account = account;
        this.brokenOff = brokenOff;
        this.signal = scheduler.newSignal("commit", 0);
    }

    /** Returns whether the leader has given it its sequences, or refused it. */
    boolean isLookedAt() {
        return slot != null || refusal != null;
    }

    private boolean isVisible() {
        return visible || brokenOff.getAsBoolean();
    }

    /** Returns whether it is as far as its durability asks. */
    boolean isSatisfied() {
        return visible && (durability != Durability.SYNCED || synced);
    }

    /** P5: lets readers see it; returns whether that was the last thing its caller waits for. */
    boolean becomeVisible() {
        boolean waitsForSync = durability == Durability.SYNCED; // before: P6
        visible = true;
        return !waitsForSync || synced || logFailure != null;
    }

    /** P5: its record is on disk; returns whether that was the last thing its caller waits for. */
    boolean becomeSynced() {
        synced = true;
        return visible;
    }

    /** Returns whether this request, as its group's leader, goes on to a sync that {@code other} waits for too. */
    boolean syncsFor(WriteRequest other) {
        return durability == Durability.SYNCED
                && other.durability == Durability.SYNCED
                && refusal == null
                && logFailure == null;
    }

    private boolean isDone() {
        return visible && (synced || logFailure != null) || brokenOff.getAsBoolean();
    }

    /** Gets ready for a payload of {@code bytes}: kind, then batch, whose operations begin at {@link #start}. */
    void begin(long bytes, int count, Durability wanted) {
        NativeBlock room = block;
        if (room == null || room.bytes() < bytes) {
            if (room != null) {
                block = null;
                account.release(MemoryUse.QUEUED, room);
            }
            room = account.acquire(MemoryUse.QUEUED, Math.max(bytes, SMALLEST_BYTES));
            block = room;
            memory = room.memory();
        }
        length = bytes;
        operations = count;
        durability = wanted;
        next = null;
        slot = null;
        logFailure = null;
        refusal = null;
        inserted = false;
        visible = false;
        synced = false;
        state = QUEUED;
        Bytes.putU8(memory, 0, WalFormat.BATCH);
        start = BatchFormat.putHeader(memory, WalFormat.BODY_OFFSET, count);
    }

    /** Ends the encoding. */
    void seal() {
        NativeBlock room = block;
        if (room == null) {
            throw new AssertionError("sealed before it began");
        }
        // Unlogged writes go to no log, so nobody would check it.
        checksum = durability == Durability.UNLOGGED ? 0 : Checksum.crc32c(crc, room.view(), 0, (int) length);
    }

    Inserter inserterFor(MemtableSlot into) {
        Inserter kept = inserter;
        if (kept == null) {
            kept = into.memtable.newInserter();
            inserter = kept;
        }
        return kept;
    }

    /** After the write: gives back a buffer too large to keep. */
    void trim() {
        NativeBlock room = block;
        if (room != null && room.bytes() > KEPT_BYTES) {
            free();
        }
    }

    void free() {
        NativeBlock room = block;
        if (room != null) {
            block = null;
            memory = MemorySegment.NULL;
            account.release(MemoryUse.QUEUED, room);
        }
    }
}
