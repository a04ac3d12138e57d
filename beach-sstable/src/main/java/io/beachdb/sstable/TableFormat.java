package io.beachdb.sstable;

/** Numbers of table format 1: on disk forever, so add, never change. Spec: docs/formats/sstable.md. */
final class TableFormat {
    static final String MAGIC = "BEACHSST";
    static final int VERSION = 1;
    static final long KNOWN_FEATURES = 0;

    // Behind the stored bytes of every block.
    static final int BLOCK_TYPE_OFFSET = 0; // u8, kind in the high four bits, compression in the low
    static final int BLOCK_CHECKSUM_OFFSET = 1; // u32, see BlockChecksum
    static final int BLOCK_TRAILER_BYTES = 5;

    // In front of the LZ4 data of a compressed block.
    static final int RAW_LENGTH_BYTES = 4; // u32

    // A raw block of entries: header, heads, offsets, prefix, entries, padding.
    static final int COUNT_OFFSET = 0; // u32, entries
    static final int SHAPE_OFFSET = 4; // u32, prefix length in the low 24 bits, flags above
    static final int BASE_TRAILER_OFFSET = 8; // u64, smallest trailer in the block
    static final int BLOCK_HEADER_BYTES = 16;
    static final int HEAD_BYTES = 4; // first bytes of each suffix, zeros behind a shorter one
    static final int BLOCK_PADDING_BYTES = 8; // zero: whatever begins in the block can be read as a long

    static final int PREFIX_LENGTH_MASK = (1 << 24) - 1;
    static final int FLAGS_SHIFT = 24;
    static final int FLAG_TRAILER_BYTES = 0x0F; // 0 to 8
    static final int FLAG_WIDE_OFFSETS = 0x10; // u32 instead of u16
    static final int FLAG_LARGE_VALUE = 0x20; // the one entry's value is a reference to extents
    static final int KNOWN_FLAGS = 0x3F;

    // Values of the entries in the blocks that are not data.
    static final int INDEX_VALUE_BYTES = 8; // handle of a data block
    static final int TOP_INDEX_HANDLE_OFFSET = 0; // handle of an index partition
    static final int TOP_FILTER_HANDLE_OFFSET = 8; // handle of its filter partition, 0 for none
    static final int TOP_FILTER_PROBES_OFFSET = 16; // u8, then seven zeros
    static final int TOP_INDEX_VALUE_BYTES = 24;
    static final int META_FLAGS_OFFSET = 0; // u8, see META_REQUIRED
    static final int META_HANDLE_OFFSET = 1; // handle of a named block
    static final int META_VALUE_BYTES = 9;
    static final int META_REQUIRED = 1;
    static final String META_PROPERTIES = "beach.properties";

    // A value in extents.
    static final int REFERENCE_LENGTH_OFFSET = 0; // u64, bytes of the value
    static final int REFERENCE_EXTENTS_OFFSET = 8; // u64, where its first piece lies in the file
    static final int REFERENCE_BYTES = 16;
    static final int PIECE_BYTES = 64 << 10; // data of every piece but the last
    static final int PIECE_CHECKSUM_BYTES = 4;

    // The footer.
    static final int FOOTER_META_OFFSET = 64; // handle of the meta index; before it the file header
    static final int FOOTER_TOP_OFFSET = 72; // u64, offset of the top index
    static final int FOOTER_TOP_LENGTH = 80; // u64, its stored length without block trailer
    static final int FOOTER_RESERVED_OFFSET = 88; // u32, zero
    static final int FOOTER_CHECKSUM_OFFSET = 92; // u32, CRC-32C of the 92 bytes before
    static final int FOOTER_BYTES = 96;

    // What a filter is made of.
    static final int FILTER_LINE_BYTES = 64;
    static final int MAX_FILTER_PROBES = 7; // seven times nine bits come from one hash

    /** Largest raw block of any kind but the top index: what a reader allocates for one at most. */
    static final int MAX_RAW_BYTES = 4 << 20;

    /** Largest top index. */
    static final long MAX_TOP_INDEX_BYTES = 1L << 30;

    /** Entries longer than this (key and value) have their value in extents. */
    static final int MAX_INLINE_ENTRY_BYTES = 256 << 10;

    /** Longest value. */
    static final long MAX_VALUE_BYTES = 1L << 30;

    private TableFormat() {}

    /** Returns whether an entry's value goes to extents. A value as short as a reference stays where it is. */
    static boolean inExtents(int keyLength, long valueLength) {
        return keyLength + valueLength > MAX_INLINE_ENTRY_BYTES && valueLength > REFERENCE_BYTES;
    }

    /** Returns how many bytes of file the extents of a value take. */
    static long extentBytes(long valueLength) {
        return valueLength + (valueLength + PIECE_BYTES - 1) / PIECE_BYTES * PIECE_CHECKSUM_BYTES;
    }
}
