package io.beachdb.db;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

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

    /** Returns a view in which the active memtable is the newest immutable one, and {@code fresh} takes its place. */
    View rotated(MemtableSlot fresh) {
        MemtableSlot[] older = new MemtableSlot[immutables.length + 1];
        older[0] = active;
        System.arraycopy(immutables, 0, older, 1, immutables.length);
        return new View(fresh, older, tables);
    }

    /** Returns a view of these tables, in which {@code flushed} is no memtable any more; null: all are. */
    View with(TableSet changed, @Nullable MemtableSlot flushed) {
        MemtableSlot[] left =
                Arrays.stream(immutables).filter(slot -> slot != flushed).toArray(MemtableSlot[]::new);
        return new View(active, left, changed);
    }

    /** Returns the first sequence that is in a memtable and in no log; {@code Long.MAX_VALUE} if there is none. */
    long firstUnlogged() {
        long first = active.firstUnlogged;
        for (MemtableSlot slot : immutables) {
            first = Math.min(first, slot.firstUnlogged);
        }
        return first;
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
