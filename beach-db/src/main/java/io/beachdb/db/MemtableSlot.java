package io.beachdb.db;

import io.beachdb.memtable.Memtable;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A memtable in its life.
 *
 * <pre>
 *   ACTIVE ──rotate──▶ IMMUTABLE ──flush succeeds──▶ FLUSHED ──last view goes──▶ closed
 *                      IMMUTABLE ──flush fails─────▶ IMMUTABLE   (kept, and its log with it)
 * </pre>
 */
final class MemtableSlot {
    final Memtable memtable;

    /** Number of the oldest log that holds writes of it; those of later memtables are in this one or in later ones. */
    final long logNumber;

    // Set by the commit leader.
    /** Last sequence given to this memtable; final once it is immutable. */
    volatile long lastSequence;

    /** First sequence that is in no log; {@code Long.MAX_VALUE} when there is none. */
    volatile long firstUnlogged = Long.MAX_VALUE;

    /** Views that hold it. */
    private final AtomicInteger views = new AtomicInteger();

    MemtableSlot(Memtable memtable, long logNumber) {
        this.memtable = memtable;
        this.logNumber = logNumber;
    }

    void retain() {
        views.incrementAndGet();
    }

    void release() {
        if (views.decrementAndGet() == 0) {
            memtable.close();
        }
    }
}
