package io.beachdb.manifest;

import io.beachdb.base.format.Escapes;
import io.beachdb.base.format.InternalKeys;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The smallest or largest internal key of a table, on the heap: a version lives long and has few of them. Immutable.
 *
 * <p>The keys that are looked up are native memory. Comparing the two kinds loads both as longs, each through its own
 * handle: a segment over the heap at the same call site as native ones would slow down every key comparison there is.
 */
public final class InternalKey implements Comparable<InternalKey> {
    private static final VarHandle HEAP_LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong NATIVE_LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final byte[] userKey;
    private final long trailer;

    InternalKey(byte[] owned, long trailer) {
        this.userKey = owned;
        this.trailer = trailer;
    }

    /** Copies the user key. */
    public static InternalKey copyOf(byte[] userKey, long trailer) {
        return new InternalKey(userKey.clone(), trailer);
    }

    /** Copies the user key out of {@code memory}. */
    public static InternalKey copyOf(MemorySegment memory, long offset, int length, long trailer) {
        byte[] copy = new byte[length];
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, offset, copy, 0, length);
        return new InternalKey(copy, trailer);
    }

    /** Returns the length of the user key. */
    public int length() {
        return userKey.length;
    }

    /** Returns a copy of the user key. */
    public byte[] userKey() {
        return userKey.clone();
    }

    /** Copies the user key into {@code destination}. */
    public void copyTo(MemorySegment destination, long at) {
        MemorySegment.copy(userKey, 0, destination, ValueLayout.JAVA_BYTE, at, userKey.length);
    }

    /** Returns sequence and kind, see {@link InternalKeys}. */
    public long trailer() {
        return trailer;
    }

    byte[] bytes() {
        return userKey;
    }

    /** Compares the user keys only. */
    public int compareUserKey(InternalKey other) {
        return Arrays.compareUnsigned(userKey, other.userKey);
    }

    /** Compares this user key with one in native memory; negative when this one comes first. */
    public int compareUserKey(MemorySegment key, long offset, int length) {
        return -compare(key, offset, length, userKey);
    }

    /** Compares in internal order: user key ascending, then the newest first. */
    @Override
    public int compareTo(InternalKey other) {
        int order = compareUserKey(other);
        return order != 0 ? order : InternalKeys.compareTrailers(trailer, other.trailer);
    }

    /** Compares a key in native memory with one on the heap; negative when the native one comes first. */
    static int compare(MemorySegment key, long offset, int length, byte[] bound) {
        int common = Math.min(length, bound.length);
        if (common < 8) {
            return compareShort(key, offset, length, bound, common);
        }
        for (int at = 0; at < common - 8; at += 8) {
            long x = key.get(NATIVE_LONG, offset + at);
            long y = (long) HEAP_LONG.get(bound, at);
            if (x != y) {
                return Long.compareUnsigned(x, y);
            }
        }
        // The last eight, some of which have been compared already: they are equal, and decide nothing.
        long x = key.get(NATIVE_LONG, offset + common - 8);
        long y = (long) HEAP_LONG.get(bound, common - 8);
        return x != y ? Long.compareUnsigned(x, y) : length - bound.length;
    }

    private static int compareShort(MemorySegment key, long offset, int length, byte[] bound, int common) {
        for (int at = 0; at < common; at++) {
            int difference = (key.get(ValueLayout.JAVA_BYTE, offset + at) & 0xFF) - (bound[at] & 0xFF);
            if (difference != 0) {
                return difference;
            }
        }
        return length - bound.length;
    }

    /**
     * Returns the eight bytes of a native key from {@code skip} on, zeros behind its end, as a number whose signed order
     * is the order of the bytes.
     *
     * @param skip at most the key's length
     */
    static long head(MemorySegment key, long offset, int length, int skip) {
        int rest = length - skip;
        if (rest >= 8) {
            return key.get(NATIVE_LONG, offset + skip) ^ Long.MIN_VALUE;
        }
        long bytes;
        if (length >= 8) {
            bytes = key.get(NATIVE_LONG, offset + length - 8);
        } else {
            bytes = 0;
            for (int at = 0; at < length; at++) {
                bytes = bytes << 8 | key.get(ValueLayout.JAVA_BYTE, offset + at) & 0xFF;
            }
        }
        return lastBytes(bytes, rest) ^ Long.MIN_VALUE;
    }

    /** Moves the last {@code count} bytes, 0 to 7, to the front, zeros behind them. */
    private static long lastBytes(long bytes, int count) {
        return count == 0 ? 0 : bytes << (Long.SIZE - Byte.SIZE * count);
    }

    /** Returns the head, as above, of this user key. */
    long head(int skip) {
        long head = 0;
        for (int at = skip; at < skip + 8; at++) {
            head = head << 8 | (at < userKey.length ? userKey[at] & 0xFF : 0);
        }
        return head ^ Long.MIN_VALUE;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof InternalKey that && trailer == that.trailer && Arrays.equals(userKey, that.userKey);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(userKey) + Long.hashCode(trailer);
    }

    /** As messages show it: {@code user@17 PUT}. */
    @Override
    public String toString() {
        return Escapes.escape(userKey) + "@" + InternalKeys.sequence(trailer) + " "
                + InternalKeys.kindName(InternalKeys.kind(trailer));
    }
}
