package io.beachdb.memtable;

import io.beachdb.base.format.InternalKeys;
import java.util.concurrent.atomic.AtomicLongArray;

/** What a memtable holds, counted by many threads at once: striped, so that they seldom meet in a cache line. */
final class Tally {
    private static final int STRIPES = 4; // a power of two
    private static final int STRIDE = 8; // longs: a cache line

    private static final int COUNTS = 0; // tombstones above entries; a memtable cannot address 2^31 entries
    private static final int LARGEST = 1;
    private static final int SMALLEST = 2; // stored as its complement, so that 0 is "none yet" here too

    private final AtomicLongArray stripes = new AtomicLongArray((STRIPES + 1) * STRIDE); // the first stride only pads

    void add(int stripe, long trailer) {
        int base = ((stripe & STRIPES - 1) + 1) * STRIDE;
        stripes.getAndAdd(base + COUNTS, InternalKeys.kind(trailer) == InternalKeys.KIND_DELETE ? 1L << 32 | 1 : 1);
        raise(base + LARGEST, InternalKeys.sequence(trailer));
        raise(base + SMALLEST, ~InternalKeys.sequence(trailer));
    }

    private void raise(int index, long value) {
        long seen = stripes.get(index);
        while (Long.compareUnsigned(seen, value) < 0 && !stripes.compareAndSet(index, seen, value)) {
            seen = stripes.get(index);
        }
    }

    long entries() {
        return sumOfCounts() & 0xFFFF_FFFFL;
    }

    long tombstones() {
        return sumOfCounts() >>> 32;
    }

    private long sumOfCounts() {
        long sum = 0;
        for (int base = STRIDE; base < stripes.length(); base += STRIDE) {
            sum += stripes.get(base + COUNTS);
        }
        return sum;
    }

    /** Returns 0 if there is no entry. */
    long largestSequence() {
        return highest(LARGEST);
    }

    /** Returns {@link InternalKeys#MAX_SEQUENCE} if there is no entry. */
    long smallestSequence() {
        return ~highest(SMALLEST) & InternalKeys.MAX_SEQUENCE;
    }

    private long highest(int field) {
        long highest = 0;
        for (int base = STRIDE; base < stripes.length(); base += STRIDE) {
            long value = stripes.get(base + field);
            highest = Long.compareUnsigned(value, highest) > 0 ? value : highest;
        }
        return highest;
    }
}
