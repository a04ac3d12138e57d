package io.beachdb.base.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The order of keys: bytewise unsigned, a prefix before its extensions. The only order there is; its name stands in
 * MANIFEST and tables.
 */
public final class Keys {
    /** Name of the order, as files store it. */
    public static final String ORDER_NAME = "beach.bytewise";

    /** Longest key, in bytes. */
    public static final int MAX_KEY_BYTES = 1 << 20;

    // Beyond this the vectorised mismatch wins over eight bytes at a time (measured: docs/decisions).
    private static final int LONGS_LIMIT = 32;

    private Keys() {}

    /** Compares two keys; negative, zero or positive. */
    public static int compare(MemorySegment a, long aOffset, int aLength, MemorySegment b, long bOffset, int bLength) {
        int common = Math.min(aLength, bLength);
        int at = 0;
        int longs = Math.min(common, LONGS_LIMIT) & ~7;
        for (; at < longs; at += 8) {
            long x = a.get(Bytes.BIG_ENDIAN_LONG, aOffset + at);
            long y = b.get(Bytes.BIG_ENDIAN_LONG, bOffset + at);
            if (x != y) {
                return Long.compareUnsigned(x, y);
            }
        }
        return at == common ? aLength - bLength : compareRest(a, aOffset, aLength, b, bOffset, bLength, at, common);
    }

    private static int compareRest(
            MemorySegment a,
            long aOffset,
            int aLength,
            MemorySegment b,
            long bOffset,
            int bLength,
            int from,
            int common) {
        if (common - from >= 8) {
            long mismatch =
                    MemorySegment.mismatch(a, aOffset + from, aOffset + common, b, bOffset + from, bOffset + common);
            if (mismatch < 0) {
                return aLength - bLength;
            }
            long at = from + mismatch;
            return (a.get(ValueLayout.JAVA_BYTE, aOffset + at) & 0xFF)
                    - (b.get(ValueLayout.JAVA_BYTE, bOffset + at) & 0xFF);
        }
        for (int at = from; at < common; at++) {
            int difference = (a.get(ValueLayout.JAVA_BYTE, aOffset + at) & 0xFF)
                    - (b.get(ValueLayout.JAVA_BYTE, bOffset + at) & 0xFF);
            if (difference != 0) {
                return difference;
            }
        }
        return aLength - bLength;
    }

    /** Returns how many leading bytes two keys share. */
    public static int commonPrefix(
            MemorySegment a, long aOffset, int aLength, MemorySegment b, long bOffset, int bLength) {
        int common = Math.min(aLength, bLength);
        long mismatch = MemorySegment.mismatch(a, aOffset, aOffset + common, b, bOffset, bOffset + common);
        return mismatch < 0 ? common : (int) mismatch;
    }
}
