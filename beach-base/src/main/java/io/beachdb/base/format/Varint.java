package io.beachdb.base.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Unsigned numbers in 1 to 10 bytes, seven bits each, lowest first, the high bit set on all but the last (LEB128, as in
 * protocol buffers).
 *
 * <p>A get returns the number; {@link #length} of that number is how far to go on, so that nothing is allocated. Only the
 * shortest form of a number is valid: readers of untrusted bytes use the checked form.
 */
public final class Varint {
    /** Most bytes that a 64-bit number takes. */
    public static final int MAX_BYTES = 10;

    /** What {@link #getChecked} returns for bytes that are no varint; no length or count has this value. */
    public static final long INVALID = -1;

    private Varint() {}

    /** Returns how many bytes {@code value}, taken as unsigned, needs. */
    public static int length(long value) {
        return (70 - Long.numberOfLeadingZeros(value | 1)) / 7;
    }

    /** Writes {@code value} and returns the offset behind it. */
    public static long put(MemorySegment memory, long offset, long value) {
        long rest = value;
        long at = offset;
        while ((rest & ~0x7FL) != 0) {
            memory.set(ValueLayout.JAVA_BYTE, at++, (byte) (rest | 0x80));
            rest >>>= 7;
        }
        memory.set(ValueLayout.JAVA_BYTE, at++, (byte) rest);
        return at;
    }

    /** Reads a number that is known to be whole (written by us, checksum verified). */
    public static long get(MemorySegment memory, long offset) {
        byte first = memory.get(ValueLayout.JAVA_BYTE, offset);
        return first >= 0 ? first : getRest(memory, offset, first);
    }

    private static long getRest(MemorySegment memory, long offset, byte first) {
        long value = first & 0x7F;
        for (int i = 1; i < MAX_BYTES; i++) {
            byte next = memory.get(ValueLayout.JAVA_BYTE, offset + i);
            value |= (next & 0x7FL) << (7 * i);
            if (next >= 0) {
                break;
            }
        }
        return value;
    }

    /**
     * Reads a number from 0 to {@link Long#MAX_VALUE} from bytes that may be damaged.
     *
     * @param limit offset behind the last byte that may be read
     * @return the number, or {@link #INVALID} when the bytes end early, are too many, or are not the shortest form
     */
    public static long getChecked(MemorySegment memory, long offset, long limit) {
        long value = 0;
        for (int i = 0; i < MAX_BYTES && offset + i < limit; i++) {
            byte next = memory.get(ValueLayout.JAVA_BYTE, offset + i);
            value |= (next & 0x7FL) << (7 * i);
            if (next >= 0) {
                return value >= 0 && length(value) == i + 1 ? value : INVALID;
            }
        }
        return INVALID;
    }
}
