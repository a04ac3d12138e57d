package io.beachdb.sstable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * The header before each block in the cache's memory: {@value #HEADER_BYTES} bytes, then the block, padded so that all
 * headers are aligned. A segment of the cache is a row of them without gaps: free room has a header too.
 */
final class CacheBlocks {
    /*
     *   FREE ──allocate──▶ OWNED ──publish──▶ LIVE ──unlink──▶ DEAD ──sweep──▶ CONDEMNED ──quiet, no pin──▶ FREE
     *                      OWNED ──discard─────────────────▶ DEAD          CONDEMNED ──quiet, pinned──▶ DEAD
     * LIVE blocks, and only they, are in the table; a sweep takes a LIVE one to CONDEMNED at once. A state changes under
     * the lock of the block's table stripe (LIVE and away from it), by the owner (OWNED), or under the lock of the space.
     */
    static final int FREE = 0;
    static final int OWNED = 1;
    static final int LIVE = 2;
    static final int DEAD = 3;
    static final int CONDEMNED = 4;

    static final int HEADER_BYTES = 32;
    static final int MAX_FREQUENCY = 3;

    private static final int FILE = 0; // u64
    private static final int OFFSET = 8; // u64
    private static final int PINS = 16; // u32, changed atomically
    private static final int LENGTH = 20; // u32, bytes behind the header that count
    private static final int STATE = 24; // u8
    private static final int FREQUENCY = 25; // u8, hits since the last sweep, up to MAX_FREQUENCY; races lose a hit
    private static final int PRIORITY = 26; // u8, ordinal in memory only

    private static final VarHandle PIN_COUNT = ValueLayout.JAVA_INT.varHandle().withInvokeExactBehavior();
    private static final VarHandle STATE_BYTE =
            ValueLayout.JAVA_BYTE.varHandle().withInvokeExactBehavior();

    private CacheBlocks() {}

    /** Returns the room that a block of {@code length} bytes takes with its header. */
    static int roomFor(int length) {
        return HEADER_BYTES + (length + HEADER_BYTES - 1 & -HEADER_BYTES);
    }

    /** Writes the header of a block or of free room. */
    static void init(MemorySegment memory, long header, int state, int length, int pins) {
        memory.set(ValueLayout.JAVA_LONG, header + FILE, -1);
        memory.set(ValueLayout.JAVA_LONG, header + OFFSET, -1);
        memory.set(ValueLayout.JAVA_INT, header + LENGTH, length);
        memory.set(ValueLayout.JAVA_BYTE, header + FREQUENCY, (byte) 0);
        memory.set(ValueLayout.JAVA_BYTE, header + PRIORITY, (byte) 0);
        PIN_COUNT.setVolatile(memory, header + PINS, pins);
        setState(memory, header, state);
    }

    static void setKey(MemorySegment memory, long header, long file, long offset, int priority, int frequency) {
        memory.set(ValueLayout.JAVA_LONG, header + FILE, file);
        memory.set(ValueLayout.JAVA_LONG, header + OFFSET, offset);
        memory.set(ValueLayout.JAVA_BYTE, header + PRIORITY, (byte) priority);
        memory.set(ValueLayout.JAVA_BYTE, header + FREQUENCY, (byte) frequency);
    }

    static boolean isKey(MemorySegment memory, long header, long file, long offset) {
        return memory.get(ValueLayout.JAVA_LONG, header + OFFSET) == offset
                && memory.get(ValueLayout.JAVA_LONG, header + FILE) == file;
    }

    static long file(MemorySegment memory, long header) {
        return memory.get(ValueLayout.JAVA_LONG, header + FILE);
    }

    static long offset(MemorySegment memory, long header) {
        return memory.get(ValueLayout.JAVA_LONG, header + OFFSET);
    }

    static int length(MemorySegment memory, long header) {
        return memory.get(ValueLayout.JAVA_INT, header + LENGTH);
    }

    static int priority(MemorySegment memory, long header) {
        return memory.get(ValueLayout.JAVA_BYTE, header + PRIORITY);
    }

    static int state(MemorySegment memory, long header) {
        return (byte) STATE_BYTE.getAcquire(memory, header + STATE);
    }

    static void setState(MemorySegment memory, long header, int state) {
        STATE_BYTE.setRelease(memory, header + STATE, (byte) state);
    }

    static int frequency(MemorySegment memory, long header) {
        return memory.get(ValueLayout.JAVA_BYTE, header + FREQUENCY);
    }

    static void setFrequency(MemorySegment memory, long header, int frequency) {
        memory.set(ValueLayout.JAVA_BYTE, header + FREQUENCY, (byte) frequency);
    }

    /** Counts a hit. Writes only while the count is low, so that a hot block's cache line stays shared by all readers. */
    static void touch(MemorySegment memory, long header) {
        int frequency = frequency(memory, header);
        if (frequency < MAX_FREQUENCY) {
            setFrequency(memory, header, frequency + 1);
        }
    }

    static int pins(MemorySegment memory, long header) {
        return (int) PIN_COUNT.getVolatile(memory, header + PINS);
    }

    /** Adds to the number of pins and returns what it was. */
    static int addPins(MemorySegment memory, long header, int delta) {
        return (int) PIN_COUNT.getAndAdd(memory, header + PINS, delta);
    }
}
