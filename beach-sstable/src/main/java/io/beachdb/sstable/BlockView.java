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
 * A raw block of entries in memory: looked at, searched, not changed. The block has passed {@link #check}, so nothing is
 * checked here again. Layout: {@code docs/formats/sstable.md}, "Raw block".
 */
final class BlockView {
    /*
     * Eight bytes can be read wherever an entry, a suffix or the prefix begins: the footer lies behind them.
     */
    private static final ValueLayout.OfLong BIG_ENDIAN =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private MemorySegment memory = MemorySegment.NULL;
    private long start;
    private long offsetsAt;
    private long prefixAt;
    private int count;
    private int prefixLength;
    private int trailerBytes;
    private long trailerMask;
    private long baseTrailer;
    private boolean wide;
    private boolean largeValue;

    /** Looks at the block in {@code length} bytes at {@code offset}. */
    void set(MemorySegment memory, long offset, int length) {
        long footer = offset + length - TableFormat.BLOCK_FOOTER_BYTES;
        int shape = Bytes.getU32(memory, footer + TableFormat.SHAPE_OFFSET);
        int flags = shape >>> TableFormat.FLAGS_SHIFT;
        this.memory = memory;
        this.start = offset;
        this.count = Bytes.getU32(memory, footer + TableFormat.COUNT_OFFSET);
        this.wide = (flags & TableFormat.FLAG_WIDE_OFFSETS) != 0;
        this.offsetsAt = footer - (count + 1L) * (wide ? Integer.BYTES : Short.BYTES);
        this.prefixLength = shape & TableFormat.PREFIX_LENGTH_MASK;
        this.prefixAt = offsetsAt - prefixLength;
        this.trailerBytes = flags & TableFormat.FLAG_TRAILER_BYTES;
        this.trailerMask = trailerBytes == Long.BYTES ? -1L : ~(-1L << (trailerBytes << 3));
        this.baseTrailer = Bytes.getU64(memory, footer + TableFormat.BASE_TRAILER_OFFSET);
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

    /** Returns where the suffix begins. */
    long suffixOffsetAt(long entry, int suffixLength) {
        return entry + trailerBytes + (suffixLength < 0x80 ? 1 : Varint.length(suffixLength));
    }

    /** Returns where the value of entry {@code index} begins; it ends where the next entry begins. */
    long valueOffset(int index) {
        long entry = entryOffset(index);
        int suffixLength = suffixLengthAt(entry);
        return suffixOffsetAt(entry, suffixLength) + suffixLength;
    }

    long trailer(int index) {
        return trailerAt(entryOffset(index));
    }

    /** Returns a copy of the key of entry {@code index}. Not for hot paths. */
    byte[] key(int index) {
        long entry = entryOffset(index);
        int suffixLength = suffixLengthAt(entry);
        byte[] key = new byte[prefixLength + suffixLength];
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, prefixAt, key, 0, prefixLength);
        MemorySegment.copy(
                memory, ValueLayout.JAVA_BYTE, suffixOffsetAt(entry, suffixLength), key, prefixLength, suffixLength);
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
        long restOffset = keyOffset + prefixLength;
        int restLength = keyLength - prefixLength;
        long head = head(key, keyOffset, keyLength, restLength);
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (isBefore(entryOffset(middle), key, restOffset, restLength, head, trailer)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Returns whether the user key of entry {@code index} is the given one. */
    boolean hasKey(int index, MemorySegment key, long keyOffset, int keyLength) {
        long entry = entryOffset(index);
        int suffixLength = suffixLengthAt(entry);
        if (prefixLength + suffixLength != keyLength || compareWithPrefix(key, keyOffset, keyLength) != 0) {
            return false;
        }
        return Keys.compare(
                        memory,
                        suffixOffsetAt(entry, suffixLength),
                        suffixLength,
                        key,
                        keyOffset + prefixLength,
                        suffixLength)
                == 0;
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

    /** Returns the first eight bytes of the key's last {@code rest} bytes, big-endian, zeros behind a shorter one. */
    private static long head(MemorySegment key, long keyOffset, int keyLength, int rest) {
        if (rest >= 8) {
            return key.get(BIG_ENDIAN, keyOffset + keyLength - rest);
        }
        if (rest == 0) {
            return 0;
        }
        if (keyLength >= 8) {
            return key.get(BIG_ENDIAN, keyOffset + keyLength - 8) << (64 - (rest << 3));
        }
        long head = 0;
        for (int i = 0; i < rest; i++) {
            head |= (key.get(ValueLayout.JAVA_BYTE, keyOffset + keyLength - rest + i) & 0xFFL) << (56 - (i << 3));
        }
        return head;
    }

    private boolean isBefore(long entry, MemorySegment key, long restOffset, int restLength, long head, long trailer) {
        int suffixLength = suffixLengthAt(entry);
        long suffixAt = suffixOffsetAt(entry, suffixLength);
        long suffixHead = memory.get(BIG_ENDIAN, suffixAt);
        if (suffixLength < 8) {
            suffixHead &= ~(-1L >>> (suffixLength << 3));
        }
        if (suffixHead != head) {
            return Long.compareUnsigned(suffixHead, head) < 0;
        }
        // Equal heads: the shorter is a prefix of the longer as far as eight bytes go, zeros included.
        int order = suffixLength <= 8 || restLength <= 8
                ? suffixLength - restLength
                : Keys.compare(memory, suffixAt + 8, suffixLength - 8, key, restOffset + 8, restLength - 8);
        return order != 0 ? order < 0 : InternalKeys.compareTrailers(trailerAt(entry), trailer) < 0;
    }

    /**
     * Checks the structure of a raw block, so that no later look at it leaves its bounds: done once, when it comes from disk.
     * Does not check the order of keys.
     *
     * @return what is wrong; null if nothing is
     */
    static @Nullable String check(MemorySegment memory, long start, int length, BlockKind kind) {
        long footer = length - TableFormat.BLOCK_FOOTER_BYTES;
        if (footer < 0) {
            return "a block of " + length + " bytes is too short for its own footer";
        }
        long count = Integer.toUnsignedLong(Bytes.getU32(memory, start + footer + TableFormat.COUNT_OFFSET));
        int shape = Bytes.getU32(memory, start + footer + TableFormat.SHAPE_OFFSET);
        int flags = shape >>> TableFormat.FLAGS_SHIFT;
        int trailerBytes = flags & TableFormat.FLAG_TRAILER_BYTES;
        if ((flags & ~TableFormat.KNOWN_FLAGS) != 0 || trailerBytes > Long.BYTES) {
            return "block flags are 0x" + Integer.toHexString(flags) + ", which no block has";
        }
        int offsetBytes = (flags & TableFormat.FLAG_WIDE_OFFSETS) != 0 ? Integer.BYTES : Short.BYTES;
        int prefixLength = shape & TableFormat.PREFIX_LENGTH_MASK;
        long entriesEnd = footer - (count + 1) * offsetBytes - prefixLength;
        if (count == 0 || prefixLength > Keys.MAX_KEY_BYTES || entriesEnd < 0) {
            return "a block of " + length + " bytes claims " + count + " entries and a prefix of " + prefixLength;
        }
        if ((flags & TableFormat.FLAG_LARGE_VALUE) != 0 && (count != 1 || kind != BlockKind.DATA)) {
            return "a " + kind.title() + " block of " + count + " entries claims a large value";
        }
        BlockView view = new BlockView();
        view.set(memory, start, length);
        if (view.entryOffset(0) != start || view.entryOffset((int) count) != start + entriesEnd) {
            return "the entry offsets of a block do not span its entries";
        }
        for (int i = 0; i < count; i++) {
            String problem = view.checkEntry(i, kind);
            if (problem != null) {
                return problem;
            }
        }
        return null;
    }

    private @Nullable String checkEntry(int index, BlockKind kind) {
        long entry = entryOffset(index);
        long end = entryOffset(index + 1);
        // An end beyond the last entry's shows as an entry that ends before it begins, at the latest at the last.
        if (end > prefixAt || entry + trailerBytes >= end) {
            return "entry " + index + " of a block has no room for itself";
        }
        long suffixLength = Varint.getChecked(memory, entry + trailerBytes, end);
        long suffixAt = entry + trailerBytes + Varint.length(suffixLength);
        if (suffixLength == Varint.INVALID
                || suffixLength > end - suffixAt
                || suffixLength + prefixLength > Keys.MAX_KEY_BYTES) {
            return "entry " + index + " of a block has a key that does not fit";
        }
        long valueLength = end - suffixAt - suffixLength;
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
