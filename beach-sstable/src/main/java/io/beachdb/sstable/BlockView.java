package io.beachdb.sstable;

import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.Keys;
import io.beachdb.base.format.Varint;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * A raw block of entries in memory: looked at, searched, not changed. The block has passed {@link #setChecked}, so nothing is
 * checked here again. Layout: {@code docs/formats/sstable.md}, "Raw block".
 */
final class BlockView {
    /*
     * Eight bytes can be read wherever an entry, a suffix or the prefix begins: the padding lies behind them.
     * A search stays in the heads, a few lines at the start of the block, until they cannot tell: one or two lines of
     * entries are touched, not one for each probe.
     */
    private static final ValueLayout.OfLong BIG_ENDIAN =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt HEAD = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final int HEAD_BYTES = TableFormat.HEAD_BYTES;

    private MemorySegment memory = MemorySegment.NULL;
    private long start;
    private long headsAt;
    private long offsetsAt;
    private long prefixAt;
    private int count;
    private int prefixLength;
    private int trailerBytes;
    private long trailerMask;
    private long baseTrailer;
    private boolean wide;
    private boolean largeValue;

    /** Looks at the block that begins at {@code offset}. */
    void set(MemorySegment memory, long offset) {
        int shape = Bytes.getU32(memory, offset + TableFormat.SHAPE_OFFSET);
        int flags = shape >>> TableFormat.FLAGS_SHIFT;
        this.memory = memory;
        this.start = offset;
        this.count = Bytes.getU32(memory, offset + TableFormat.COUNT_OFFSET);
        this.wide = (flags & TableFormat.FLAG_WIDE_OFFSETS) != 0;
        this.headsAt = offset + TableFormat.BLOCK_HEADER_BYTES;
        this.offsetsAt = headsAt + (long) count * HEAD_BYTES;
        this.prefixLength = shape & TableFormat.PREFIX_LENGTH_MASK;
        this.prefixAt = offsetsAt + (count + 1L) * (wide ? Integer.BYTES : Short.BYTES);
        this.trailerBytes = flags & TableFormat.FLAG_TRAILER_BYTES;
        this.trailerMask = trailerBytes == Long.BYTES ? -1L : ~(-1L << (trailerBytes << 3));
        this.baseTrailer = Bytes.getU64(memory, offset + TableFormat.BASE_TRAILER_OFFSET);
        this.largeValue = (flags & TableFormat.FLAG_LARGE_VALUE) != 0;
    }

    MemorySegment memory() {
        return memory;
    }

    int count() {
        return count;
    }

    int prefixLength() {
        return prefixLength;
    }

    long prefixOffset() {
        return prefixAt;
    }

    int trailerBytes() {
        return trailerBytes;
    }

    /** Returns whether the only entry's value is a reference to extents. */
    boolean hasLargeValue() {
        return largeValue;
    }

    /** Returns where entry {@code index} begins in the memory; for {@code count}, where the last one ends. */
    long entryOffset(int index) {
        return start
                + (wide
                        ? Integer.toUnsignedLong(Bytes.getU32(memory, offsetsAt + ((long) index << 2)))
                        : Bytes.getU16(memory, offsetsAt + ((long) index << 1)));
    }

    /** Returns the trailer of the entry that begins at {@code entry}. */
    long trailerAt(long entry) {
        return baseTrailer + (Bytes.getU64(memory, entry) & trailerMask);
    }

    /** Returns the length of the suffix of the entry that begins at {@code entry}. */
    int suffixLengthAt(long entry) {
        return (int) Varint.get(memory, entry + trailerBytes);
    }

    /** Returns where the rest of the suffix begins, which is what the head does not hold of it. */
    long restOffsetAt(long entry, int suffixLength) {
        return entry + trailerBytes + (suffixLength < 0x80 ? 1 : Varint.length(suffixLength));
    }

    /** Returns how long the rest of a suffix is. */
    static int restLength(int suffixLength) {
        return Math.max(0, suffixLength - HEAD_BYTES);
    }

    /** Returns the first four bytes of the suffix of entry {@code index}, as they are, as a little-endian number. */
    int headBytes(int index) {
        return Bytes.getU32(memory, headsAt + ((long) index << 2));
    }

    /** Returns where the value of entry {@code index} begins; it ends where the next entry begins. */
    long valueOffset(int index) {
        long entry = entryOffset(index);
        int suffixLength = suffixLengthAt(entry);
        return restOffsetAt(entry, suffixLength) + restLength(suffixLength);
    }

    long trailer(int index) {
        return trailerAt(entryOffset(index));
    }

    int keyLength(int index) {
        return prefixLength + suffixLengthAt(entryOffset(index));
    }

    /** Copies the key of entry {@code index} to native memory with room for four bytes more than the key. */
    void copyKey(int index, MemorySegment destination, long at) {
        long entry = entryOffset(index);
        int suffixLength = suffixLengthAt(entry);
        MemorySegment.copy(memory, prefixAt, destination, at, prefixLength);
        Bytes.putU32(destination, at + prefixLength, headBytes(index));
        MemorySegment.copy(
                memory,
                restOffsetAt(entry, suffixLength),
                destination,
                at + prefixLength + HEAD_BYTES,
                restLength(suffixLength));
    }

    /** Returns a copy of the key of entry {@code index}. Not for hot paths. */
    byte[] key(int index) {
        long entry = entryOffset(index);
        int suffixLength = suffixLengthAt(entry);
        byte[] key = new byte[prefixLength + suffixLength];
        int inHead = Math.min(suffixLength, HEAD_BYTES);
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, prefixAt, key, 0, prefixLength);
        MemorySegment.copy(
                memory, ValueLayout.JAVA_BYTE, headsAt + (long) index * HEAD_BYTES, key, prefixLength, inHead);
        MemorySegment.copy(
                memory,
                ValueLayout.JAVA_BYTE,
                restOffsetAt(entry, suffixLength),
                key,
                prefixLength + inHead,
                restLength(suffixLength));
        return key;
    }

    /** Returns a copy of the value of entry {@code index}. Not for hot paths. */
    byte[] value(int index) {
        long from = valueOffset(index);
        byte[] value = new byte[(int) (entryOffset(index + 1) - from)];
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, from, value, 0, value.length);
        return value;
    }

    /** Returns the first entry at or after an internal key; the count if there is none. */
    int lowerBound(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        int prefixOrder = compareWithPrefix(key, keyOffset, keyLength);
        if (prefixOrder != 0) {
            return prefixOrder < 0 ? 0 : count;
        }
        int suffixLength = keyLength - prefixLength;
        int head = head(key, keyOffset, keyLength, suffixLength);
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = (low + high) >>> 1;
            int order = Integer.compareUnsigned(memory.get(HEAD, headsAt + ((long) middle << 2)), head);
            if (order < 0 || order == 0 && isBefore(middle, key, keyOffset + prefixLength, suffixLength, trailer)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Returns whether the user key of entry {@code index} is the given one. */
    boolean hasKey(int index, MemorySegment key, long keyOffset, int keyLength) {
        int suffixLength = keyLength - prefixLength;
        return compareWithPrefix(key, keyOffset, keyLength) == 0
                && memory.get(HEAD, headsAt + ((long) index << 2)) == head(key, keyOffset, keyLength, suffixLength)
                && compareRest(entryOffset(index), key, keyOffset + prefixLength, suffixLength) == 0;
    }

    /** Orders the key against the prefix: 0 if it begins with it, negative if the key is before all that do. */
    private int compareWithPrefix(MemorySegment key, long keyOffset, int keyLength) {
        int prefix = prefixLength;
        if (prefix == 0) {
            return 0;
        }
        if (prefix <= 8 && keyLength >= 8) {
            long mask = prefix == 8 ? -1L : ~(-1L >>> (prefix << 3));
            return Long.compareUnsigned(key.get(BIG_ENDIAN, keyOffset) & mask, memory.get(BIG_ENDIAN, prefixAt) & mask);
        }
        return Keys.compare(key, keyOffset, Math.min(keyLength, prefix), memory, prefixAt, prefix);
    }

    /** Returns the first four bytes of the key's last {@code rest} bytes, big-endian, zeros behind a shorter one. */
    private static int head(MemorySegment key, long keyOffset, int keyLength, int rest) {
        if (rest >= HEAD_BYTES) {
            return key.get(HEAD, keyOffset + keyLength - rest);
        }
        if (rest == 0) {
            return 0;
        }
        if (keyLength >= HEAD_BYTES) {
            return key.get(HEAD, keyOffset + keyLength - HEAD_BYTES) << ((HEAD_BYTES - rest) << 3);
        }
        int head = 0;
        for (int i = 0; i < rest; i++) {
            head |= Bytes.getU8(key, keyOffset + keyLength - rest + i) << (24 - (i << 3));
        }
        return head;
    }

    /** Returns whether an entry whose head is that of the key comes before the internal key. */
    private boolean isBefore(int index, MemorySegment key, long suffixOffset, int suffixLength, long trailer) {
        long entry = entryOffset(index);
        int order = compareRest(entry, key, suffixOffset, suffixLength);
        return order != 0 ? order < 0 : InternalKeys.compareTrailers(trailerAt(entry), trailer) < 0;
    }

    /** Orders an entry's suffix against one with the same head. */
    private int compareRest(long entry, MemorySegment key, long suffixOffset, int suffixLength) {
        int entryLength = suffixLengthAt(entry);
        if (entryLength <= HEAD_BYTES || suffixLength <= HEAD_BYTES) {
            // Equal heads: the shorter is a prefix of the longer as far as they go, zeros included.
            return entryLength - suffixLength;
        }
        return Keys.compare(
                memory,
                restOffsetAt(entry, entryLength),
                entryLength - HEAD_BYTES,
                key,
                suffixOffset + HEAD_BYTES,
                suffixLength - HEAD_BYTES);
    }

    /**
     * Checks the structure of a raw block and looks at it, so that no later look leaves its bounds: done once, when the block
     * comes from disk. Does not check the order of keys.
     *
     * @return what is wrong; null if nothing is
     */
    @Nullable
    String setChecked(MemorySegment memory, long start, int length, BlockKind kind) {
        if (length < TableFormat.BLOCK_HEADER_BYTES + TableFormat.BLOCK_PADDING_BYTES) {
            return "a block of " + length + " bytes is too short for its own header";
        }
        long count = Integer.toUnsignedLong(Bytes.getU32(memory, start + TableFormat.COUNT_OFFSET));
        int shape = Bytes.getU32(memory, start + TableFormat.SHAPE_OFFSET);
        int flags = shape >>> TableFormat.FLAGS_SHIFT;
        int trailerBytes = flags & TableFormat.FLAG_TRAILER_BYTES;
        if ((flags & ~TableFormat.KNOWN_FLAGS) != 0 || trailerBytes > Long.BYTES) {
            return "block flags are 0x" + Integer.toHexString(flags) + ", which no block has";
        }
        int offsetBytes = (flags & TableFormat.FLAG_WIDE_OFFSETS) != 0 ? Integer.BYTES : Short.BYTES;
        int prefixLength = shape & TableFormat.PREFIX_LENGTH_MASK;
        long entries = TableFormat.BLOCK_HEADER_BYTES + count * HEAD_BYTES + (count + 1) * offsetBytes + prefixLength;
        int end = length - TableFormat.BLOCK_PADDING_BYTES;
        if (count == 0 || prefixLength > Keys.MAX_KEY_BYTES || entries > end) {
            return "a block of " + length + " bytes claims " + count + " entries and a prefix of " + prefixLength;
        }
        if ((flags & TableFormat.FLAG_LARGE_VALUE) != 0 && (count != 1 || kind != BlockKind.DATA)) {
            return "a " + kind.title() + " block of " + count + " entries claims a large value";
        }
        if (Bytes.getU64(memory, start + end) != 0) {
            return "the padding of a block is not zero";
        }
        set(memory, start);
        if (entryOffset(0) != start + entries || entryOffset((int) count) != start + end) {
            return "the entry offsets of a block do not span its entries";
        }
        for (int i = 0; i < count; i++) {
            String problem = checkEntry(i, start + end, kind);
            if (problem != null) {
                return problem;
            }
        }
        return null;
    }

    private @Nullable String checkEntry(int index, long limit, BlockKind kind) {
        long entry = entryOffset(index);
        long end = entryOffset(index + 1);
        // By induction the entry begins within the block; one that ends before it begins has no valid suffix length.
        if (end > limit) {
            return "entry " + index + " of a block ends behind the block";
        }
        long suffixLength = Varint.getChecked(memory, entry + trailerBytes, end);
        long restAt = entry + trailerBytes + Varint.length(suffixLength);
        long restLength = Math.max(0, suffixLength - HEAD_BYTES);
        if (suffixLength == Varint.INVALID
                || restLength > end - restAt
                || suffixLength + prefixLength > Keys.MAX_KEY_BYTES) {
            return "entry " + index + " of a block has a key that does not fit";
        }
        if (suffixLength < HEAD_BYTES && headBytes(index) >>> (suffixLength << 3) != 0) {
            return "entry " + index + " of a block has a head longer than its suffix";
        }
        long valueLength = end - restAt - restLength;
        long trailer = trailerAt(entry);
        return switch (kind) {
            case DATA -> checkData(index, trailer, valueLength);
            case INDEX -> checkValueLength(index, valueLength, TableFormat.INDEX_VALUE_BYTES);
            case TOP_INDEX -> checkValueLength(index, valueLength, TableFormat.TOP_INDEX_VALUE_BYTES);
            case META_INDEX -> checkValueLength(index, valueLength, TableFormat.META_VALUE_BYTES);
            case NAMED -> null;
            case FILTER -> "a filter has no entries";
        };
    }

    private @Nullable String checkData(int index, long trailer, long valueLength) {
        if (!InternalKeys.isKnownKind(InternalKeys.kind(trailer))) {
            return "entry " + index + " of a block has the unknown kind " + InternalKeys.kind(trailer);
        }
        return largeValue ? checkValueLength(index, valueLength, TableFormat.REFERENCE_BYTES) : null;
    }

    private static @Nullable String checkValueLength(int index, long found, int expected) {
        return found == expected
                ? null
                : "entry " + index + " of a block has a value of " + found + " bytes where " + expected + " are due";
    }
}
