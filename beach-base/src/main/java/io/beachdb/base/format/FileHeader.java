package io.beachdb.base.format;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.UnsupportedFormatException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * What every file of a database says about itself, in {@value #BYTES} bytes (at the start of a log, MANIFEST and CURRENT,
 * in the footer of a table). Specified in {@code docs/formats/conventions.md}, "File header".
 *
 * @param magic what kind of file: eight ASCII characters
 * @param version format version of that kind
 * @param requiredFeatures bits a reader must know all of
 * @param ignorableFeatures bits a reader may ignore
 * @param databaseId the database that the file belongs to
 * @param fileNumber number of the file within the database
 */
public record FileHeader(
        String magic,
        int version,
        long requiredFeatures,
        long ignorableFeatures,
        DatabaseId databaseId,
        long fileNumber) {
    public static final int BYTES = 64;

    private static final int MAGIC_OFFSET = 0; // 8 ASCII bytes
    private static final int VERSION_OFFSET = 8; // u32
    private static final int RESERVED_OFFSET = 12; // u32, zero
    private static final int REQUIRED_OFFSET = 16; // u64
    private static final int IGNORABLE_OFFSET = 24; // u64
    private static final int DATABASE_ID_OFFSET = 32; // 2 x u64
    private static final int FILE_NUMBER_OFFSET = 48; // u64
    private static final int RESERVED_END_OFFSET = 56; // u32, zero
    private static final int CHECKSUM_OFFSET = 60; // u32, CRC-32C of the 60 bytes before

    private static final int MAGIC_BYTES = 8;

    public FileHeader {
        if (magic.length() != MAGIC_BYTES || !magic.chars().allMatch(c -> c >= 0x20 && c < 0x7F)) {
            throw new IllegalArgumentException("magic is '" + magic + "', needs " + MAGIC_BYTES + " ASCII characters");
        }
    }

    /** Returns a header with no feature bits. */
    public static FileHeader plain(String magic, int version, DatabaseId databaseId, long fileNumber) {
        return new FileHeader(magic, version, 0, 0, databaseId, fileNumber);
    }

    /** Writes the {@value #BYTES} bytes. */
    public void write(MemorySegment memory, long offset) {
        byte[] name = magic.getBytes(StandardCharsets.US_ASCII);
        MemorySegment.copy(MemorySegment.ofArray(name), 0, memory, offset + MAGIC_OFFSET, MAGIC_BYTES);
        Bytes.putU32(memory, offset + VERSION_OFFSET, version);
        Bytes.putU32(memory, offset + RESERVED_OFFSET, 0);
        Bytes.putU64(memory, offset + REQUIRED_OFFSET, requiredFeatures);
        Bytes.putU64(memory, offset + IGNORABLE_OFFSET, ignorableFeatures);
        Bytes.putU64(memory, offset + DATABASE_ID_OFFSET, databaseId.high());
        Bytes.putU64(memory, offset + DATABASE_ID_OFFSET + 8, databaseId.low());
        Bytes.putU64(memory, offset + FILE_NUMBER_OFFSET, fileNumber);
        Bytes.putU32(memory, offset + RESERVED_END_OFFSET, 0);
        Bytes.putU32(memory, offset + CHECKSUM_OFFSET, Checksum.crc32c(memory, offset, CHECKSUM_OFFSET));
    }

    /** Returns the checksum that the header carries: it stands for all that the header says. */
    public int checksum() {
        MemorySegment written = MemorySegment.ofArray(new byte[BYTES]);
        write(written, 0);
        return Bytes.getU32(written, CHECKSUM_OFFSET);
    }

    /**
     * Reads and checks a header: magic, checksum, version, required features, in this order.
     *
     * @param fileOffset where {@code offset} lies in the file, for messages
     * @param magic what the file should be
     * @param newestVersion newest format version the caller reads; 1 is the oldest
     * @param knownFeatures required feature bits the caller knows
     * @throws CorruptionException if the bytes are not such a header
     * @throws UnsupportedFormatException if the file is newer than this library or needs an unknown feature
     */
    public static FileHeader read(
            MemorySegment memory,
            long offset,
            String file,
            long fileOffset,
            String magic,
            int newestVersion,
            long knownFeatures) {
        byte[] found = new byte[MAGIC_BYTES];
        MemorySegment.copy(memory, offset + MAGIC_OFFSET, MemorySegment.ofArray(found), 0, MAGIC_BYTES);
        String foundMagic = new String(found, StandardCharsets.ISO_8859_1);
        int stored = Bytes.getU32(memory, offset + CHECKSUM_OFFSET);
        int computed = Checksum.crc32c(memory, offset, CHECKSUM_OFFSET);
        if (!foundMagic.equals(magic)) {
            throw new CorruptionException(
                    file,
                    fileOffset,
                    "the file should begin its header with '" + magic + "' and has " + Escapes.escape(found)
                            + ". It is another kind of file, or damaged. " + CorruptionException.RESTORE_DIRECTORY);
        }
        if (stored != computed) {
            throw new CorruptionException(
                    file,
                    fileOffset,
                    "header checksum is " + Checksum.hex(stored) + ", computed " + Checksum.hex(computed)
                            + ". The file is damaged. " + CorruptionException.RESTORE_DIRECTORY);
        }
        int version = Bytes.getU32(memory, offset + VERSION_OFFSET);
        if (version < 1 || version > newestVersion) {
            throw new UnsupportedFormatException(
                    file,
                    "format version " + Integer.toUnsignedString(version) + ", this library reads 1 to " + newestVersion
                            + ". Open it with a newer BeachDB.");
        }
        long required = Bytes.getU64(memory, offset + REQUIRED_OFFSET);
        if ((required & ~knownFeatures) != 0) {
            throw new UnsupportedFormatException(
                    file,
                    "needs feature bits 0x" + Long.toHexString(required & ~knownFeatures)
                            + ", which this library does not know. Open it with a newer BeachDB.");
        }
        if (Bytes.getU32(memory, offset + RESERVED_OFFSET) != 0
                || Bytes.getU32(memory, offset + RESERVED_END_OFFSET) != 0) {
            throw new CorruptionException(
                    file, fileOffset, "reserved header bytes are not zero. " + CorruptionException.RESTORE_DIRECTORY);
        }
        return new FileHeader(
                magic,
                version,
                required,
                Bytes.getU64(memory, offset + IGNORABLE_OFFSET),
                new DatabaseId(
                        Bytes.getU64(memory, offset + DATABASE_ID_OFFSET),
                        Bytes.getU64(memory, offset + DATABASE_ID_OFFSET + 8)),
                Bytes.getU64(memory, offset + FILE_NUMBER_OFFSET));
    }

    /**
     * Checks that the header belongs to the expected database and carries the number that the file's name says.
     *
     * @throws CorruptionException if it does not
     */
    public void checkIdentity(String file, long fileOffset, DatabaseId expectedId, long expectedNumber) {
        if (!databaseId.equals(expectedId)) {
            throw new CorruptionException(
                    file,
                    fileOffset,
                    "belongs to database " + databaseId + ", this is " + expectedId
                            + ". A file of another database was put here; restore the right one.");
        }
        if (fileNumber != expectedNumber) {
            throw new CorruptionException(
                    file,
                    fileOffset,
                    "is file number " + fileNumber + " inside, its name says " + expectedNumber
                            + ". The file was renamed or copied over another; restore the right one.");
        }
    }
}
