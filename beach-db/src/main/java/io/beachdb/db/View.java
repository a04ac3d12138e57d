package io.beachdb.db;

import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * What a read looks at: memtables and tables, immutable, published whole.
 *
 * <p>Point reads use it inside an epoch and hold nothing. Who stays longer (a cursor, a zero-copy view) pins it, from
 * inside an epoch; the counts are striped so that two threads seldom meet. A view that was replaced goes when its epoch is
 * quiet (nobody can be about to pin) and its pins are gone.
 */
final class View {
    private static final int STRIPES = 4;
    private static final int STRIDE = 16; // ints to a cache line

    final MemtableSlot active;
    /** Newest first. */
    final MemtableSlot[] immutables;

    final TableSet tables;

    private final AtomicIntegerArray pins = new AtomicIntegerArray(STRIPES * STRIDE);

    View(MemtableSlot active, MemtableSlot[] immutables, TableSet tables) {
        this.active = active;
        this.immutables = immutables;
        this.tables = tables;
        active.retain();
        for (MemtableSlot slot : immutables) {
            slot.retain();
        }
        tables.retain();
    }

    /** Pins, from inside an epoch; returns the stripe to unpin. */
    int pin() {
        int stripe = (int) (Thread.currentThread().threadId() & STRIPES - 1);
        pins.incrementAndGet(stripe * STRIDE);
        return stripe;
    }

    void unpin(int stripe) {
        if (pins.decrementAndGet(stripe * STRIDE) < 0) {
            throw new AssertionError("a view was unpinned twice");
        }
    }

    /** Exact once the view has been replaced and its epoch is quiet: from then on pins only go. */
    boolean isPinned() {
        int sum = 0;
        for (int i = 0; i < STRIPES; i++) {
            sum += pins.get(i * STRIDE);
        }
        return sum != 0;
    }

    /** Lets go of everything. Once, after the last reader. */
    void dispose() {
        active.release();
        for (MemtableSlot slot : immutables) {
            slot.release();
        }
        tables.release();
    }
}
