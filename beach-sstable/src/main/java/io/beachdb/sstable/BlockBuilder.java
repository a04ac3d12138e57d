package io.beachdb.sstable;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.Keys;
import io.beachdb.base.format.Varint;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Gathers sorted entries and encodes them as one raw block. What a block stores once (the keys' common prefix, the
 * smallest trailer, how many bytes a trailer takes above it) is known only at its end, so entries are staged as they come.
 */
final class BlockBuilder implements AutoCloseable {
    /*
     * B1  A staged entry is: u64 trailer, u32 key length, u32 value length, key, value. Entries lie one behind the other.
     * B2  The last staged entry stays readable after clear, until the next append: the writer compares with it.
     */
    private static final int STAGED_KEY_LENGTH = 8;
    private static final int STAGED_VALUE_LENGTH = 12;
    private static final int STAGED_HEADER_BYTES = 16;
    private static final int MAX_NARROW_OFFSET = 0xFFFF;

    private final MemoryAccount account;
    private NativeBlock staging;
    private MemorySegment memory;
    private int[] offsets = new int[64];

    private int used;
    private int count;
    private int lastAt = -1;
    private int prefixLength;
    private int minKeyLength;
    private int maxKeyLength;
    private long keyBytes;
    private long valueBytes;
    private long smallestTrailer;
    private long largestTrailer;
    private boolean largeValue;
    private boolean closed;

    BlockBuilder(MemoryAccount account, int expectedBytes) {
        this.account = account;
        this.staging = account.acquire(MemoryUse.COMPACTION, expectedBytes);
        this.memory = staging.memory();
    }

    int count() {
        return count;
    }

    boolean isEmpty() {
        return count == 0;
    }

    /** Returns whether there is a last entry; it survives {@link #clear}. */
    boolean hasLast() {
        return lastAt >= 0;
    }

    /** Returns the memory of the staged entries; another one after an append that needed more room. */
    MemorySegment memory() {
        return memory;
    }

    long lastKeyOffset() {
        return (long) lastAt + STAGED_HEADER_BYTES;
    }

    int lastKeyLength() {
        return Bytes.getU32(memory, lastAt + STAGED_KEY_LENGTH);
    }

    long lastTrailer() {
        return Bytes.getU64(memory, lastAt);
    }

    /**
     * Appends an entry but for its value, and returns the offset in {@link #memory} where the caller puts that at once.
     *
     * @param shared how many bytes the key has in common with the last one's; any number for the first entry of a block
     */
    int append(MemorySegment key, long keyOffset, int keyLength, long trailer, int valueLength, int shared) {
        int at = used;
        int need = STAGED_HEADER_BYTES + keyLength + valueLength;
        if (at + (long) need > memory.byteSize()) {
            grow(at + (long) need);
        }
        Bytes.putU64(memory, at, trailer);
        Bytes.putU32(memory, at + STAGED_KEY_LENGTH, keyLength);
        Bytes.putU32(memory, at + STAGED_VALUE_LENGTH, valueLength);
        MemorySegment.copy(key, keyOffset, memory, at + STAGED_HEADER_BYTES, keyLength);
        if (count == 0) {
            prefixLength = keyLength;
            minKeyLength = keyLength;
            smallestTrailer = trailer;
            largestTrailer = trailer;
        } else {
            prefixLength = Math.min(prefixLength, shared);
            if (Long.compareUnsigned(trailer, smallestTrailer) < 0) {
                smallestTrailer = trailer;
            } else if (Long.compareUnsigned(trailer, largestTrailer) > 0) {
                largestTrailer = trailer;
            }
        }
        minKeyLength = Math.min(minKeyLength, keyLength);
        maxKeyLength = Math.max(maxKeyLength, keyLength);
        keyBytes += keyLength;
        valueBytes += valueLength;
        lastAt = at;
        used = at + need;
        count++;
        return at + STAGED_HEADER_BYTES + keyLength;
    }

    /**
     * Appends as {@link #append} does, a key made from another: its first {@code keyLength} bytes, the last one plus one if
     * {@code bump} says so.
     */
    int appendSeparator(MemorySegment key, long keyOffset, int keyLength, boolean bump, long trailer, int valueLength) {
        int previousAt = lastAt;
        int previousLength = previousAt < 0 ? 0 : lastKeyLength();
        boolean first = count == 0;
        int valueAt = append(key, keyOffset, keyLength, trailer, valueLength, keyLength);
        long keyAt = lastKeyOffset();
        if (bump) {
            long lastByte = keyAt + keyLength - 1;
            memory.set(ValueLayout.JAVA_BYTE, lastByte, (byte) (memory.get(ValueLayout.JAVA_BYTE, lastByte) + 1));
        }
        if (!first) {
            int shared = Keys.commonPrefix(
                    memory, previousAt + STAGED_HEADER_BYTES, previousLength, memory, keyAt, keyLength);
            prefixLength = Math.min(prefixLength, shared);
        }
        return valueAt;
    }

    /** Marks the block as one whose only entry has its value in extents. */
    void markLargeValue() {
        largeValue = true;
    }

    private void grow(long bytes) {
        NativeBlock larger = account.acquire(MemoryUse.COMPACTION, Math.max(bytes, 2 * staging.bytes()));
        MemorySegment.copy(memory, 0, larger.memory(), 0, memory.byteSize());
        account.release(MemoryUse.COMPACTION, staging);
        staging = larger;
        memory = larger.memory();
    }

    /** Returns how long the raw block is at most. */
    long bound() {
        return bound(
                count,
                keyBytes + valueBytes,
                prefixLength,
                minKeyLength,
                maxKeyLength,
                trailerBytes(smallestTrailer, largestTrailer));
    }

    /** Returns how long the raw block would be at most with one more entry. */
    long boundWith(int keyLength, long trailer, int valueLength, int shared) {
        return bound(
                count + 1,
                keyBytes + valueBytes + keyLength + valueLength,
                Math.min(prefixLength, shared),
                Math.min(minKeyLength, keyLength),
                Math.max(maxKeyLength, keyLength),
                trailerBytes(
                        Long.compareUnsigned(trailer, smallestTrailer) < 0 ? trailer : smallestTrailer,
                        Long.compareUnsigned(trailer, largestTrailer) > 0 ? trailer : largestTrailer));
    }

    private static long bound(int count, long bytes, int prefix, int minKeyLength, int maxKeyLength, int trailerBytes) {
        int inHeads = Math.min(TableFormat.HEAD_BYTES, minKeyLength - prefix);
        int fixed = TableFormat.BLOCK_HEADER_BYTES + prefix + TableFormat.BLOCK_PADDING_BYTES;
        int each = TableFormat.HEAD_BYTES + Varint.length(maxKeyLength - prefix) + trailerBytes - prefix - inHeads;
        long length = fixed + bytes + (long) count * each + (count + 1L) * Short.BYTES;
        return length <= MAX_NARROW_OFFSET ? length : length + (count + 1L) * Short.BYTES;
    }

    private static int trailerBytes(long smallest, long largest) {
        return (71 - Long.numberOfLeadingZeros(largest - smallest)) >>> 3;
    }

    /** Writes the raw block and returns its length, {@link #bound} at most. There must be an entry. */
    int encode(MemorySegment out, long start) {
        if (offsets.length <= count) {
            offsets = new int[Math.max(count + 1, 2 * offsets.length)];
        }
        int trailerBytes = trailerBytes(smallestTrailer, largestTrailer);
        boolean wide = bound() > MAX_NARROW_OFFSET;
        long heads = start + TableFormat.BLOCK_HEADER_BYTES;
        long offsetsAt = heads + (long) count * TableFormat.HEAD_BYTES;
        long prefixAt = offsetsAt + (count + 1L) * (wide ? Integer.BYTES : Short.BYTES);
        MemorySegment.copy(memory, STAGED_HEADER_BYTES, out, prefixAt, prefixLength);
        long end = encodeEntries(out, start, heads, prefixAt + prefixLength, trailerBytes);
        putOffsets(out, offsetsAt, wide);
        int flags = trailerBytes
                | (wide ? TableFormat.FLAG_WIDE_OFFSETS : 0)
                | (largeValue ? TableFormat.FLAG_LARGE_VALUE : 0);
        Bytes.putU32(out, start + TableFormat.COUNT_OFFSET, count);
        Bytes.putU32(out, start + TableFormat.SHAPE_OFFSET, prefixLength | flags << TableFormat.FLAGS_SHIFT);
        Bytes.putU64(out, start + TableFormat.BASE_TRAILER_OFFSET, smallestTrailer);
        Bytes.putU64(out, end, 0);
        return (int) (end + TableFormat.BLOCK_PADDING_BYTES - start);
    }

    private long encodeEntries(MemorySegment out, long start, long heads, long entries, int trailerBytes) {
        long at = entries;
        int staged = 0;
        for (int i = 0; i < count; i++) {
            offsets[i] = (int) (at - start);
            int keyLength = Bytes.getU32(memory, staged + STAGED_KEY_LENGTH);
            int valueLength = Bytes.getU32(memory, staged + STAGED_VALUE_LENGTH);
            int suffixAt = staged + STAGED_HEADER_BYTES + prefixLength;
            int suffixLength = keyLength - prefixLength;
            int inHead = Math.min(suffixLength, TableFormat.HEAD_BYTES);
            putHead(out, heads + (long) i * TableFormat.HEAD_BYTES, suffixAt, inHead);
            Bytes.putU64(out, at, Bytes.getU64(memory, staged) - smallestTrailer);
            at = Varint.put(out, at + trailerBytes, suffixLength);
            int rest = suffixLength - inHead + valueLength;
            MemorySegment.copy(memory, suffixAt + inHead, out, at, rest);
            at += rest;
            staged += STAGED_HEADER_BYTES + keyLength + valueLength;
        }
        offsets[count] = (int) (at - start);
        return at;
    }

    private void putHead(MemorySegment out, long at, int suffixAt, int length) {
        if (length == TableFormat.HEAD_BYTES) {
            Bytes.putU32(out, at, Bytes.getU32(memory, suffixAt));
            return;
        }
        int head = 0;
        for (int i = 0; i < length; i++) {
            head |= Bytes.getU8(memory, suffixAt + i) << (i * Byte.SIZE);
        }
        Bytes.putU32(out, at, head);
    }

    private void putOffsets(MemorySegment out, long offsetsAt, boolean wide) {
        long at = offsetsAt;
        for (int i = 0; i <= count; i++) {
            if (wide) {
                Bytes.putU32(out, at, offsets[i]);
                at += Integer.BYTES;
            } else {
                Bytes.putU16(out, at, offsets[i]);
                at += Short.BYTES;
            }
        }
    }

    /** Begins the next block. */
    void clear() {
        used = 0;
        count = 0;
        maxKeyLength = 0;
        keyBytes = 0;
        valueBytes = 0;
        largeValue = false;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            account.release(MemoryUse.COMPACTION, staging);
        }
    }
}
