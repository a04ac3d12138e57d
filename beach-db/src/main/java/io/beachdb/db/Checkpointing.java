package io.beachdb.db;

import io.beachdb.Options;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.DatabaseExistsException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Scheduler;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileName;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.DirectoryLock;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableFile;
import io.beachdb.durability.ReadableFile;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Vfs;
import io.beachdb.manifest.FileNumbers;
import io.beachdb.manifest.LiveTable;
import io.beachdb.manifest.ManifestWriter;
import io.beachdb.manifest.TableEntry;
import io.beachdb.manifest.Version;
import io.beachdb.manifest.VersionEdit;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * Makes a second database of the tables that one has: they get second names, and a MANIFEST of their own. No log is needed,
 * since what memory held was flushed before (decision 0018).
 *
 * <p>The order: the directory and its ancestors, the tables' names, MANIFEST, CURRENT; each on disk before the next. So a cut
 * leaves a directory without CURRENT, which is no database, or a whole one.
 */
final class Checkpointing {
    private static final int COPY_BYTES = 1 << 20;

    private final Options options;
    private final DurableDirectory source;
    private final DatabaseId databaseId;
    private final MemoryAccount account;
    private final Runnable mayGoOn;

    /** Makes one that asks {@code mayGoOn} often, which throws what is to end it. */
    Checkpointing(
            Options options, DurableDirectory source, DatabaseId databaseId, MemoryAccount account, Runnable mayGoOn) {
        this.options = options;
        this.source = source;
        this.databaseId = databaseId;
        this.account = account;
        this.mayGoOn = mayGoOn;
    }

    /**
     * Makes it; on an engine thread.
     *
     * @param version what is pinned, so that none of its tables goes meanwhile
     * @param target a directory that is empty, or not there yet
     */
    void make(Version version, Path target) {
        Vfs vfs = options.seams().vfs();
        Scheduler scheduler = options.seams().scheduler();
        DurableDirectory.Made made = DurableDirectory.make(vfs, target, scheduler);
        try (DurableDirectory looked = DurableDirectory.open(
                vfs, target, DurableDirectory.Mode.READ_ONLY, scheduler, options.listener()::onFileEvent)) {
            checkEmpty(looked);
        }
        DirectoryLock lock =
                DirectoryLock.acquire(vfs, target, FileName.LOCK, FileName.LOCK_HOLDER, false, Opening.holder(options));
        try (DurableDirectory directory = DurableDirectory.open(
                vfs, target, DurableDirectory.Mode.EXISTING, made, scheduler, options.listener()::onFileEvent)) {
            checkEmpty(directory); // now that nobody else can make something there
            fill(directory, version);
        } finally {
            lock.close();
        }
    }

    private static void checkEmpty(DurableDirectory directory) {
        for (String name : directory.list()) {
            if (!Destroying.LOCK_FILES.contains(name)) {
                throw new DatabaseExistsException(directory.path() + " is not empty, it has " + name
                        + ": a checkpoint needs a directory of its own. Nothing was changed.");
            }
        }
    }

    private void fill(DurableDirectory directory, Version version) {
        try {
            writeManifest(directory, version, link(directory, tables(version)));
        } catch (RuntimeException | Error e) {
            undo(directory, e);
            throw e;
        }
    }

    private static void undo(DurableDirectory directory, Throwable failure) {
        try {
            directory.destroy(
                    FileName.CURRENT,
                    directory.list().stream().filter(Destroying::isOther).toList());
        } catch (RuntimeException | Error e) {
            failure.addSuppressed(e); // what is left has no CURRENT, or is whole: both can be destroyed
        }
    }

    private SequencedMap<String, Long> tables(Version version) {
        SequencedMap<String, Long> tables = new LinkedHashMap<>();
        for (int level = 0; level < Version.LEVELS; level++) {
            for (LiveTable table : version.tables(level)) {
                TableEntry entry = table.entry();
                checkSize(FileName.table(entry.number()), entry.fileBytes());
                tables.put(FileName.table(entry.number()), entry.fileBytes());
            }
        }
        return tables;
    }

    /** A copy of what is cut short would be found out when the original is gone. */
    private void checkSize(String name, long bytes) {
        try (ReadableFile file = source.open(name)) {
            if (file.size() != bytes) {
                throw new CorruptionException(
                        file.path(),
                        Math.min(file.size(), bytes),
                        "the file has " + file.size() + " bytes, the MANIFEST names " + bytes
                                + ". The file is damaged. " + CorruptionException.RESTORE_TABLE);
            }
        }
    }

    private List<DurableFile> link(DurableDirectory directory, SequencedMap<String, Long> tables) {
        NativeBlock buffer = account.acquire(MemoryUse.SCRATCH, COPY_BYTES);
        try {
            return directory.link(source, tables, buffer.memory().asSlice(0, COPY_BYTES), mayGoOn, SyncSite.CHECKPOINT);
        } finally {
            account.release(MemoryUse.SCRATCH, buffer);
        }
    }

    private void writeManifest(DurableDirectory directory, Version version, List<DurableFile> receipts) {
        FileNumbers numbers = FileNumbers.above(version.nextFileNumber(), directory.list());
        VersionEdit.Builder edit =
                VersionEdit.builder().noLogBelow(numbers.peek()).lastSequence(version.lastSequence());
        int next = 0;
        for (int level = 0; level < Version.LEVELS; level++) {
            for (LiveTable table : version.tables(level)) {
                edit.addTable(level, table.entry(), receipts.get(next++));
            }
        }
        try (ManifestWriter manifest = ManifestWriter.create(
                directory, databaseId, numbers, account, options.manifestBytes(), Version.empty(), edit.build())) {
            manifest.switchCurrent();
        }
    }
}
