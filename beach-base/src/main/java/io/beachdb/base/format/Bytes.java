package io.beachdb.base.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Reads and writes of fixed-size numbers in files and native memory: little-endian, unaligned. */
public final class Bytes {
    public static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong BIG_ENDIAN_LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private Bytes() {}

    public static int getU8(MemorySegment memory, long offset) {
        return memory.get(ValueLayout.JAVA_BYTE, offset) & 0xFF;
    }

    public static void putU8(MemorySegment memory, long offset, int value) {
        memory.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
    }

    public static int getU16(MemorySegment memory, long offset) {
        return memory.get(U16, offset) & 0xFFFF;
    }

    public static void putU16(MemorySegment memory, long offset, int value) {
        memory.set(U16, offset, (short) value);
    }

    /** Returns the 32 bits as a signed int; callers that may meet large values widen by {@link Integer#toUnsignedLong}. */
    public static int getU32(MemorySegment memory, long offset) {
        return memory.get(U32, offset);
    }

    public static void putU32(MemorySegment memory, long offset, int value) {
        memory.set(U32, offset, value);
    }

    public static long getU64(MemorySegment memory, long offset) {
        return memory.get(U64, offset);
    }

    public static void putU64(MemorySegment memory, long offset, long value) {
        memory.set(U64, offset, value);
    }
}
