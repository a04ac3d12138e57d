package io.beachdb.sstable;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.ReadableFile;
import java.lang.foreign.MemorySegment;

/** A table's file, open for reading: bytes by offset, values in extents, and messages that name the place. */
final class TableFile implements AutoCloseable {
    private final ReadableFile file;
    private final long number;
    private final long bytes;

    TableFile(ReadableFile file, long number) {
        this.file = file;
        this.number = number;
        this.bytes = file.size();
    }

    String name() {
        return file.name();
    }

    /** Returns where it is, for messages. */
    String path() {
        return file.path();
    }

    /** Returns the file's number, which is under the checksum of each of its blocks. */
    long number() {
        return number;
    }

    long bytes() {
        return bytes;
    }

    /** Checks that the file is as long as the manifest says. */
    void checkLength(long expected) {
        if (bytes != expected) {
            throw damaged(
                    Math.min(bytes, expected), "the file has " + bytes + " bytes, the MANIFEST names " + expected);
        }
    }

    /** Returns the exception for damage at an offset. */
    CorruptionException damaged(long offset, String what) {
        return new CorruptionException(
                path(),
                offset,
                what + ". The file is damaged. " + CorruptionException.RESTORE_TABLE
                        + " Other tables are not affected.");
    }

    /** Reads exactly {@code length} bytes. */
    void readFully(long offset, MemorySegment destination, long at, int length) {
        int done = 0;
        while (done < length) {
            int read = file.read(offset + done, destination, at + done, length - done);
            if (read <= 0) {
                throw damaged(offset + done, "the file ends where " + (length - done) + " more bytes are due");
            }
            done += read;
        }
    }

    /**
     * Checks what a data block says about a value in extents.
     *
     * @param before where the data block lies: the extents end there at the latest
     */
    void checkReference(long valueLength, long extents, long before) {
        if (valueLength < 0
                || valueLength > TableFormat.MAX_VALUE_BYTES
                || extents < 0
                || extents > before - TableFormat.extentBytes(valueLength)) {
            throw damaged(
                    before,
                    "a value of " + valueLength + " bytes is said to lie at offset " + extents
                            + ", which is not between the file's start and the block that says so");
        }
    }

    /** Copies a part of a value in extents: each piece that it touches is read whole and checked first. */
    void copyValue(
            MemoryAccount account,
            MemoryUse use,
            long extents,
            long valueLength,
            long from,
            MemorySegment destination,
            long at,
            long length) {
        if (from < 0 || length < 0 || from > valueLength - length) {
            throw new IndexOutOfBoundsException(
                    length + " bytes from " + from + " of a value of " + valueLength + " bytes");
        }
        if (length == 0) {
            return;
        }
        NativeBlock piece = account.acquire(use, TableFormat.PIECE_BYTES + TableFormat.PIECE_CHECKSUM_BYTES);
        try {
            BlockChecksum checksum = new BlockChecksum();
            long end = from + length;
            for (long begin = from - from % TableFormat.PIECE_BYTES; begin < end; begin += TableFormat.PIECE_BYTES) {
                readPiece(piece, checksum, extents, valueLength, begin);
                long first = Math.max(begin, from);
                long last = Math.min(begin + TableFormat.PIECE_BYTES, end);
                MemorySegment.copy(piece.memory(), first - begin, destination, at + first - from, last - first);
            }
        } finally {
            account.release(use, piece);
        }
    }

    /** Reads and checks the piece of a value that begins {@code begin} bytes into it. */
    void readPiece(NativeBlock piece, BlockChecksum checksum, long extents, long valueLength, long begin) {
        int length = (int) Math.min(TableFormat.PIECE_BYTES, valueLength - begin);
        long offset = extents
                + begin / TableFormat.PIECE_BYTES * (TableFormat.PIECE_BYTES + TableFormat.PIECE_CHECKSUM_BYTES);
        readFully(offset, piece.memory(), 0, length + TableFormat.PIECE_CHECKSUM_BYTES);
        int expected = Bytes.getU32(piece.memory(), length);
        int computed = checksum.of(number, offset, piece.view(), 0, length);
        if (expected != computed) {
            throw damaged(
                    offset,
                    "the checksum of a piece of a value is " + Checksum.hex(expected) + ", computed "
                            + Checksum.hex(computed) + " over " + length + " bytes");
        }
    }

    @Override
    public void close() {
        file.close();
    }
}
