package io.beachdb.db;

import java.util.Arrays;
import java.util.function.LongSupplier;

/**
 * The sequences at which somebody reads. Taking one and a compaction's look at the list exclude each other: a snapshot
 * either is in the list that the compaction goes by, or is not older than everything the compaction may drop.
 */
final class SnapshotList {
    // Guarded by this. Sorted; the same sequence may stand several times.
    private long[] sequences = new long[8];
    private int count;

    /** Takes a snapshot at what is visible now. */
    synchronized long take(LongSupplier visibleSequence) {
        long sequence = visibleSequence.getAsLong();
        if (count == sequences.length) {
            sequences = Arrays.copyOf(sequences, count * 2);
        }
        int at = count++;
        while (at > 0 && sequences[at - 1] > sequence) {
            sequences[at] = sequences[at - 1];
            at--;
        }
        sequences[at] = sequence;
        return sequence;
    }

    /** Gives one back; returns whether it was the oldest, whose garbage may go now. */
    synchronized boolean release(long sequence) {
        int at = Arrays.binarySearch(sequences, 0, count, sequence);
        if (at < 0) {
            throw new AssertionError("snapshot " + sequence + " released twice");
        }
        System.arraycopy(sequences, at + 1, sequences, at, count - at - 1);
        count--;
        return at == 0 && (count == 0 || sequences[0] != sequence);
    }

    /** Returns the distinct sequences, ascending, and what is visible now as the last. */
    synchronized long[] boundaries(LongSupplier visibleSequence) {
        long[] distinct = new long[count + 1];
        int n = 0;
        for (int i = 0; i < count; i++) {
            if (n == 0 || distinct[n - 1] != sequences[i]) {
                distinct[n++] = sequences[i];
            }
        }
        long visible = visibleSequence.getAsLong();
        if (n == 0 || distinct[n - 1] != visible) {
            distinct[n++] = visible;
        }
        return Arrays.copyOf(distinct, n);
    }

    synchronized int count() {
        return count;
    }
}
