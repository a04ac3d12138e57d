package io.beachdb.wal;

import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.RecordFramer;
import io.beachdb.durability.DurableLog;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** A log between its first record and its last sync. The leader appends to the newest; the oldest is synced. */
final class OpenLog {
    private static final VarHandle OFFSET;
    private static final VarHandle SEQUENCE;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            OFFSET = lookup.findVarHandle(OpenLog.class, "handedOverOffset", long.class);
            SEQUENCE = lookup.findVarHandle(OpenLog.class, "handedOverSequence", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    // Set once.
    final long number;
    final DurableLog file;
    final RecordFramer framer;
    final boolean mapped;
    final long limit; // where it is full for batches

    // The leader's.
    long end = FileHeader.BYTES;

    // Stored in this order, by whoever handed over; loaded in the opposite one: who sees the sequence sees at least the
    // offset behind its record, and all bytes before that have been handed over.
    private long handedOverOffset = FileHeader.BYTES;
    private long handedOverSequence;

    // Stored by who has the turn to sync. Grows only once all logs before this one are wholly synced.
    volatile long syncedOffset = FileHeader.BYTES;

    // Stored once by the leader, after the last hand-over.
    volatile @Nullable OpenLog next;

    /** @param fullBytes size at which a log that grows counts as full */
    OpenLog(PreparedLog prepared, long fullBytes, long lastSequence) {
        this.number = prepared.number();
        this.file = prepared.file();
        this.framer = new RecordFramer(prepared.header());
        this.mapped = file.isMapped();
        this.limit = (isAllocated() ? file.allocatedBytes() : fullBytes) - WalFormat.END_ROOM;
        this.handedOverSequence = lastSequence;
    }

    /** Returns whether the log has blocks allocated ahead, so that it cannot grow. */
    boolean isAllocated() {
        return file.allocatedBytes() > 0;
    }

    boolean isUnused() {
        return end == FileHeader.BYTES;
    }

    void handedOver(long offset, long sequence) {
        OFFSET.setRelease(this, offset);
        SEQUENCE.setRelease(this, sequence);
    }

    long handedOverOffset() {
        return (long) OFFSET.getAcquire(this);
    }

    long handedOverSequence() {
        return (long) SEQUENCE.getAcquire(this);
    }
}
