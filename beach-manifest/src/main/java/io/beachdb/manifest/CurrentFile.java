package io.beachdb.manifest;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FileName;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableSwitch;
import io.beachdb.durability.ReadableFile;
import io.beachdb.durability.SyncedTo;
import java.util.function.Predicate;

/** CURRENT: a file header and nothing else, whose file number is that of the manifest in force. */
final class CurrentFile {
    private CurrentFile() {}

    static DurableSwitch write(
            DurableDirectory directory,
            DatabaseId databaseId,
            long manifestNumber,
            SyncedTo manifest,
            Predicate<String> letsGo,
            MemoryAccount account) {
        FileHeader content =
                FileHeader.plain(ManifestFormat.CURRENT_MAGIC, ManifestFormat.VERSION, databaseId, manifestNumber);
        NativeBlock block = account.acquire(MemoryUse.SCRATCH, FileHeader.BYTES);
        try {
            content.write(block.memory(), 0);
            return directory.switchTo(FileName.CURRENT, block.memory(), FileHeader.BYTES, manifest, letsGo);
        } finally {
            account.release(MemoryUse.SCRATCH, block);
        }
    }

    /** Reads and checks it; database and manifest are in the header returned. */
    static FileHeader read(DurableDirectory directory, MemoryAccount account) {
        try (ReadableFile file = directory.open(FileName.CURRENT)) {
            FileHeader header = readHeader(file, ManifestFormat.CURRENT_MAGIC, account);
            if (file.size() != FileHeader.BYTES) {
                throw damage(
                        file,
                        FileHeader.BYTES,
                        "the file has " + file.size() + " bytes, it should have " + FileHeader.BYTES);
            }
            if (header.fileNumber() < 1 || header.fileNumber() > FileNumbers.MAX) {
                throw damage(
                        file,
                        0,
                        "names manifest number " + Long.toUnsignedString(header.fileNumber()) + ", allowed 1 to "
                                + FileNumbers.MAX);
            }
            return header;
        }
    }

    private static CorruptionException damage(ReadableFile file, long offset, String detail) {
        return new CorruptionException(file.path(), offset, detail + ". " + CorruptionException.RESTORE_DIRECTORY);
    }

    /** Reads the header that a file begins with. */
    static FileHeader readHeader(ReadableFile file, String magic, MemoryAccount account) {
        NativeBlock block = account.acquire(MemoryUse.SCRATCH, FileHeader.BYTES);
        try {
            int read = file.read(0, block.memory(), 0, FileHeader.BYTES);
            if (read < FileHeader.BYTES) {
                throw new CorruptionException(
                        file.path(),
                        read,
                        "the file ends here, its header takes " + FileHeader.BYTES + " bytes. "
                                + CorruptionException.RESTORE_DIRECTORY);
            }
            return FileHeader.read(
                    block.memory(), 0, file.path(), 0, magic, ManifestFormat.VERSION, ManifestFormat.KNOWN_FEATURES);
        } finally {
            account.release(MemoryUse.SCRATCH, block);
        }
    }
}
