package io.beachdb.sstable;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.format.FileHeader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The last bytes of a table: what it is, and where the blocks lie from which all others are found.
 *
 * @param header what every file says about itself
 * @param metaHandle handle of the meta index
 * @param topOffset where the top index lies
 * @param topLength its stored length without block trailer
 */
record Footer(FileHeader header, long metaHandle, long topOffset, long topLength) {

    void write(MemorySegment memory, long offset) {
        header.write(memory, offset);
        Bytes.putU64(memory, offset + TableFormat.FOOTER_META_OFFSET, metaHandle);
        Bytes.putU64(memory, offset + TableFormat.FOOTER_TOP_OFFSET, topOffset);
        Bytes.putU64(memory, offset + TableFormat.FOOTER_TOP_LENGTH, topLength);
        Bytes.putU32(memory, offset + TableFormat.FOOTER_RESERVED_OFFSET, 0);
        Bytes.putU32(
                memory,
                offset + TableFormat.FOOTER_CHECKSUM_OFFSET,
                Checksum.crc32c(memory, offset, TableFormat.FOOTER_CHECKSUM_OFFSET));
    }

    /**
     * Reads and checks a footer; the offsets and lengths in it are within a file of {@code fileOffset} bytes and a footer.
     *
     * @param fileOffset where the footer lies in the file
     */
    static Footer read(MemorySegment memory, long offset, String file, long fileOffset) {
        byte[] magic = TableFormat.MAGIC.getBytes(StandardCharsets.US_ASCII);
        byte[] found = new byte[magic.length];
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, offset, found, 0, found.length);
        if (!Arrays.equals(found, magic)) {
            throw new CorruptionException(
                    file,
                    fileOffset,
                    "the file does not end with a table's footer, which begins with '" + TableFormat.MAGIC
                            + "'. It was cut short, is another kind of file, or damaged. "
                            + CorruptionException.RESTORE_TABLE);
        }
        FileHeader header = FileHeader.read(
                memory, offset, file, fileOffset, TableFormat.MAGIC, TableFormat.VERSION, TableFormat.KNOWN_FEATURES);
        int stored = Bytes.getU32(memory, offset + TableFormat.FOOTER_CHECKSUM_OFFSET);
        int computed = Checksum.crc32c(memory, offset, TableFormat.FOOTER_CHECKSUM_OFFSET);
        if (stored != computed) {
            throw damaged(
                    file,
                    fileOffset,
                    "footer checksum is " + Checksum.hex(stored) + ", computed " + Checksum.hex(computed));
        }
        Footer footer = new Footer(
                header,
                Bytes.getU64(memory, offset + TableFormat.FOOTER_META_OFFSET),
                Bytes.getU64(memory, offset + TableFormat.FOOTER_TOP_OFFSET),
                Bytes.getU64(memory, offset + TableFormat.FOOTER_TOP_LENGTH));
        long topEnd = fileOffset - TableFormat.BLOCK_TRAILER_BYTES;
        if (Bytes.getU32(memory, offset + TableFormat.FOOTER_RESERVED_OFFSET) != 0
                || footer.topLength < 0
                || footer.topLength > TableFormat.MAX_TOP_INDEX_BYTES
                || footer.topOffset < 0
                || footer.topOffset > topEnd - footer.topLength
                || BlockHandle.length(footer.metaHandle) == 0
                || BlockHandle.end(footer.metaHandle) > fileOffset) {
            throw damaged(file, fileOffset, "the footer points outside of the file");
        }
        return footer;
    }

    private static CorruptionException damaged(String file, long fileOffset, String what) {
        return new CorruptionException(
                file, fileOffset, what + ". The file is damaged. " + CorruptionException.RESTORE_TABLE);
    }
}
