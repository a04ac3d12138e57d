package io.beachdb.memtable;

import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.Keys;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * The bytes of one entry in the skiplist. Its reference points to the link of level 0; a taller node has its further
 * links before that, so that links and key are at fixed distances and a step of a search mostly touches one cache line:
 *
 * <pre>
 *   ... link 2, link 1 | link 0, key length | key | trailer, value reference, value length
 *                      ^ reference           ^ 8
 * </pre>
 */
final class Node {
    private static final int LINK_BYTES = 4;
    private static final int KEY_LENGTH_OFFSET = 4; // u32
    private static final int KEY_OFFSET = 8;

    // From the end of the key, hence unaligned.
    private static final int TRAILER_OFFSET = 0; // u64
    private static final int VALUE_OFFSET = 8; // u32, reference
    private static final int VALUE_LENGTH_OFFSET = 12; // u32

    /** What a node of height 1 takes beside its key. */
    private static final int FIXED_BYTES = KEY_OFFSET + 16;

    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();

    private Node() {}

    /** Returns the bytes before the point that references name, a multiple of eight. */
    static int towerBytes(int height) {
        return (height * LINK_BYTES) & ~7;
    }

    /** Returns the bytes of a whole node. */
    static int bytes(int height, int keyLength) {
        return towerBytes(height) + FIXED_BYTES + keyLength;
    }

    /** Returns the node after this one on a level. Whoever sees a link sees the whole entry behind it. */
    static int link(MemorySegment memory, long at, int level) {
        return (int) INT.getAcquire(memory, at - (long) level * LINK_BYTES);
    }

    /** Sets a link of a node that no one can reach yet on this level. */
    static void initLink(MemorySegment memory, long at, int level, int next) {
        memory.set(ValueLayout.JAVA_INT, at - (long) level * LINK_BYTES, next);
    }

    /** Changes a link from {@code expected} to {@code next}, publishing the entry behind; returns whether it was so. */
    static boolean casLink(MemorySegment memory, long at, int level, int expected, int next) {
        return INT.compareAndSet(memory, at - (long) level * LINK_BYTES, expected, next);
    }

    /** Writes all but the links. */
    static void write(
            MemorySegment memory,
            long at,
            MemorySegment key,
            long keyOffset,
            int keyLength,
            long trailer,
            int value,
            int valueLength) {
        memory.set(ValueLayout.JAVA_INT, at + KEY_LENGTH_OFFSET, keyLength);
        MemorySegment.copy(key, keyOffset, memory, keyOffset(at), keyLength);
        long afterKey = keyOffset(at) + keyLength;
        Bytes.putU64(memory, afterKey + TRAILER_OFFSET, trailer);
        Bytes.putU32(memory, afterKey + VALUE_OFFSET, value);
        Bytes.putU32(memory, afterKey + VALUE_LENGTH_OFFSET, valueLength);
    }

    static long keyOffset(long at) {
        return at + KEY_OFFSET;
    }

    static int keyLength(MemorySegment memory, long at) {
        return memory.get(ValueLayout.JAVA_INT, at + KEY_LENGTH_OFFSET);
    }

    static long trailer(MemorySegment memory, long at) {
        return Bytes.getU64(memory, afterKey(memory, at) + TRAILER_OFFSET);
    }

    static int value(MemorySegment memory, long at) {
        return Bytes.getU32(memory, afterKey(memory, at) + VALUE_OFFSET);
    }

    static int valueLength(MemorySegment memory, long at) {
        return Bytes.getU32(memory, afterKey(memory, at) + VALUE_LENGTH_OFFSET);
    }

    private static long afterKey(MemorySegment memory, long at) {
        return keyOffset(at) + keyLength(memory, at);
    }

    /** Compares the node's internal key with the given one; negative, zero or positive. */
    static int compare(MemorySegment memory, long at, MemorySegment key, long keyOffset, int keyLength, long trailer) {
        int nodeKeyLength = keyLength(memory, at);
        int order = Keys.compare(memory, keyOffset(at), nodeKeyLength, key, keyOffset, keyLength);
        return order != 0
                ? order
                : InternalKeys.compareTrailers(
                        Bytes.getU64(memory, keyOffset(at) + nodeKeyLength + TRAILER_OFFSET), trailer);
    }

    /** Returns whether the node has exactly this user key. */
    static boolean hasKey(MemorySegment memory, long at, MemorySegment key, long keyOffset, int keyLength) {
        return keyLength(memory, at) == keyLength
                && Keys.compare(memory, keyOffset(at), keyLength, key, keyOffset, keyLength) == 0;
    }
}
