package io.beachdb.sstable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A Bloom filter whose probes for one key all fall into one line of 64 bytes (Putze, Sanders and Singler, "Cache-, Hash- and
 * Space-Efficient Bloom Filters", 2007). Line and bits come from the key's 64-bit hash. Bytes:
 * {@code docs/formats/sstable.md}, "Filter block".
 */
final class Filter {
    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final long SPREAD = 0x9E3779B97F4A7C15L;
    private static final int BIT_BITS = 9; // of 512

    private Filter() {}

    /** Returns how many probes serve best; a little fewer than for a filter without lines. */
    static int probes(int bitsPerKey) {
        return Math.clamp(Math.round(bitsPerKey * 0.6f), 1, TableFormat.MAX_FILTER_PROBES);
    }

    /** Returns the length of a filter. */
    static long bytes(long keys, int bitsPerKey) {
        return Math.max(1, (keys * bitsPerKey + 511) >>> BIT_BITS) * TableFormat.FILTER_LINE_BYTES;
    }

    static void add(MemorySegment memory, long offset, int length, int probes, long hash) {
        long line = line(offset, length, hash);
        long bits = hash * SPREAD;
        for (int i = 0; i < probes; i++) {
            int bit = (int) (bits >>> (64 - BIT_BITS));
            long word = line + (bit >>> 6 << 3);
            memory.set(WORD, word, memory.get(WORD, word) | 1L << bit);
            bits <<= BIT_BITS;
        }
    }

    /** Returns whether a key of this hash may have been added. False is certain. */
    static boolean mayContain(MemorySegment memory, long offset, int length, int probes, long hash) {
        long line = line(offset, length, hash);
        long bits = hash * SPREAD;
        for (int i = 0; i < probes; i++) {
            int bit = (int) (bits >>> (64 - BIT_BITS));
            if ((memory.get(WORD, line + (bit >>> 6 << 3)) >>> bit & 1) == 0) {
                return false;
            }
            bits <<= BIT_BITS;
        }
        return true;
    }

    private static long line(long offset, int length, long hash) {
        return offset
                + ((hash >>> 32) * (length / TableFormat.FILTER_LINE_BYTES) >>> 32) * TableFormat.FILTER_LINE_BYTES;
    }
}
