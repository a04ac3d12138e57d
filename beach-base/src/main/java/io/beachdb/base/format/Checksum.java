package io.beachdb.base.format;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** CRC-32C (Castagnoli), the checksum of all files. Stored little-endian as it is, unmasked. */
public final class Checksum {
    private Checksum() {}

    /** Returns the checksum of {@code length} bytes, up to 2 GiB - 1. */
    public static int crc32c(MemorySegment memory, long offset, long length) {
        CRC32C crc = new CRC32C();
        crc.update(memory.asSlice(offset, length).asByteBuffer());
        return (int) crc.getValue();
    }

    /**
     * Returns the checksum of a part of a buffer, whose position and limit are moved. For hot paths: with a long-lived
     * buffer and checksum nothing is allocated.
     */
    public static int crc32c(CRC32C reused, ByteBuffer buffer, int from, int length) {
        reused.reset();
        buffer.limit(from + length).position(from);
        reused.update(buffer);
        return (int) reused.getValue();
    }

    /** Returns eight hexadecimal digits, as messages show a checksum. */
    public static String hex(int checksum) {
        return String.format("%08x", checksum);
    }
}
