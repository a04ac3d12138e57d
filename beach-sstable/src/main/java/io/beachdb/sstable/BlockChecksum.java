package io.beachdb.sstable;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * The checksum of blocks and pieces: CRC-32C over the file's number, the offset in the file (u64 each, neither stored
 * there), then the bytes themselves. A whole block in the wrong place or of another file does not pass. For one task at a
 * time; allocates nothing.
 */
final class BlockChecksum {
    private final CRC32C crc = new CRC32C();
    private final byte[] place = new byte[2 * Long.BYTES];
    private final ByteBuffer placeView = ByteBuffer.wrap(place).order(ByteOrder.LITTLE_ENDIAN);

    /** Returns the checksum of a part of {@code buffer}, whose position and limit are moved. */
    int of(long fileNumber, long fileOffset, ByteBuffer buffer, int from, int length) {
        placeView.putLong(0, fileNumber).putLong(Long.BYTES, fileOffset);
        crc.reset();
        crc.update(place, 0, place.length);
        buffer.limit(from + length).position(from);
        crc.update(buffer);
        return (int) crc.getValue();
    }
}
