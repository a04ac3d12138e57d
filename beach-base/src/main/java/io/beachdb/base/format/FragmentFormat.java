package io.beachdb.base.format;

import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32C;

/**
 * Numbers of the record framing that log and MANIFEST share: on disk for ever, so add, never change. Specified in
 * {@code docs/formats/framing.md}.
 */
public final class FragmentFormat {
    /** The unit that fragments fit in, counted from the start of the file: the first block also holds the file header. */
    public static final int BLOCK_BYTES = 32 << 10;

    /** Where the first record of a file begins. */
    public static final int FIRST_RECORD_OFFSET = FileHeader.BYTES;

    static final int HEADER_CHECKSUM_OFFSET = 0; // u32, see headerChecksum
    static final int PAYLOAD_CHECKSUM_OFFSET = 4; // u32, CRC-32C of this fragment's payload
    static final int FILE_NUMBER_OFFSET = 8; // u32, low bits of the file's number
    static final int LENGTH_OFFSET = 12; // u16, payload bytes of this fragment, at least 1
    static final int TYPE_OFFSET = 14; // u8
    static final int RESERVED_OFFSET = 15; // u8, zero

    /** Bytes before the payload of a MIDDLE or LAST fragment. */
    public static final int HEADER_BYTES = 16;

    // The record prefix, in FULL and FIRST only.
    static final int ORDINAL_OFFSET = 16; // u64
    static final int SYNCED_OFFSET = 24; // u64
    static final int SEQUENCE_OFFSET = 32; // u64

    /** Bytes before the payload of a FULL or FIRST fragment. */
    public static final int PREFIXED_HEADER_BYTES = 40;

    /** A block's rest that is shorter holds no fragment: zero padding. */
    static final int SMALLEST_REST = PREFIXED_HEADER_BYTES + 1;

    static final int FULL = 1;
    static final int FIRST = 2;
    static final int MIDDLE = 3;
    static final int LAST = 4;

    private FragmentFormat() {}

    /** Returns whether fragments of this type carry the record prefix. */
    static boolean beginsRecord(int type) {
        return type == FULL || type == FIRST;
    }

    /** Returns how many bytes stand before the payload in a fragment of this type. */
    static int headerBytes(int type) {
        return beginsRecord(type) ? PREFIXED_HEADER_BYTES : HEADER_BYTES;
    }

    /** Returns how many bytes the block that {@code fileOffset} lies in has from there on. */
    static int blockRest(long fileOffset) {
        return BLOCK_BYTES - (int) (fileOffset & (BLOCK_BYTES - 1));
    }

    /**
     * Returns the checksum of a fragment header: over all of it but the checksum itself, the record prefix included, and
     * bound to its place: neither a fragment of another file nor a copy at another offset has it.
     *
     * @param header the header's bytes
     * @param salt the checksum of the file's header, see {@link FileHeader#checksum}
     * @param offset where in the file the fragment begins
     */
    static int headerChecksum(CRC32C reused, byte[] header, int headerBytes, int salt, long offset) {
        reused.reset();
        reused.update(header, PAYLOAD_CHECKSUM_OFFSET, headerBytes - PAYLOAD_CHECKSUM_OFFSET);
        return (int) reused.getValue() ^ salt ^ (int) offset;
    }

    static int type(MemorySegment memory, long at) {
        return Bytes.getU8(memory, at + TYPE_OFFSET);
    }

    static int length(MemorySegment memory, long at) {
        return Bytes.getU16(memory, at + LENGTH_OFFSET);
    }
}
