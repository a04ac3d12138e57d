package io.beachdb.cli;

import io.beachdb.base.BeachException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.DatabaseNotFoundException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.FileName;
import io.beachdb.base.memory.Epochs;
import io.beachdb.db.BatchFormat;
import io.beachdb.durability.DirectoryLock;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.ReadableFile;
import io.beachdb.durability.Vfs;
import io.beachdb.manifest.LiveTable;
import io.beachdb.manifest.ManifestReader;
import io.beachdb.manifest.RecoveredManifest;
import io.beachdb.manifest.Version;
import io.beachdb.sstable.BlockCache;
import io.beachdb.sstable.TableCheckListener;
import io.beachdb.sstable.TableContext;
import io.beachdb.sstable.TableReader;
import io.beachdb.wal.LogRecovery;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Reads and checks every byte of every file that a database needs: CURRENT, the manifest and that all it names is there,
 * every table, every log as a recovery would read it. Changes nothing.
 */
final class Verification implements AutoCloseable {
    private static final long BUDGET_BYTES = 64L << 20;
    private static final long CACHE_BYTES = 4L << 20;

    private final DurableDirectory directory;
    private final DirectoryLock lock;
    private final MemoryBudget budget = MemoryBudget.ofBytes(BUDGET_BYTES);
    private final MemoryAccount account = budget.openAccount();
    private final Consumer<BeachException> problems;
    private final List<String> notes = new ArrayList<>();
    private int files;
    private long bytes;
    private long batches;
    private long entries;

    private Verification(DurableDirectory directory, DirectoryLock lock, Consumer<BeachException> problems) {
        this.directory = directory;
        this.lock = lock;
        this.problems = problems;
    }

    /**
     * Begins, beside other readers, not beside a writer.
     *
     * @param problems hears of everything that is not as it was written, and of what cannot be read; the verification goes on
     */
    static Verification of(Path path, Consumer<BeachException> problems) {
        Vfs vfs = Vfs.system();
        DurableDirectory directory = DurableDirectory.open(
                vfs, path, DurableDirectory.Mode.READ_ONLY, Scheduler.system(), DurabilityListener.none());
        boolean done = false;
        try {
            DirectoryLock lock = DirectoryLock.acquire(
                    vfs,
                    path,
                    FileName.LOCK,
                    FileName.LOCK_HOLDER,
                    true,
                    "beach verify, process " + ProcessHandle.current().pid());
            done = true;
            return new Verification(directory, lock, problems);
        } finally {
            if (!done) {
                directory.close();
            }
        }
    }

    /**
     * Checks everything.
     *
     * @throws CorruptionException if CURRENT or the manifest are damaged: then nobody knows which files count
     * @throws StorageException if they cannot be read
     */
    void run(Terminal terminal) {
        RecoveredManifest found = ManifestReader.read(directory, account, problems::accept);
        if (found == null) {
            throw new DatabaseNotFoundException(directory.path() + " holds no database.");
        }
        count(FileName.CURRENT);
        count(FileName.manifest(found.manifestNumber()));
        if (found.end().startsWith("torn")) {
            notes.add(
                    FileName.manifest(found.manifestNumber()) + " at offset " + found.endOffset() + ": " + found.end());
        }
        List<LiveTable> tables = new ArrayList<>();
        long tableBytes = 0;
        for (int level = 0; level < Version.LEVELS; level++) {
            for (LiveTable table : found.version().tables(level)) {
                if (found.names().contains(FileName.table(table.number()))) { // else it is told already
                    tables.add(table);
                    tableBytes += table.entry().fileBytes();
                }
            }
        }
        try (Progress progress = new Progress(terminal, "verifying", tableBytes)) {
            checkTables(found, tables, progress);
        }
        checkLogs(found);
        noteIgnored(found);
    }

    /** Tells of files that a database would have, but this one does not name: whoever put them there thinks they count. */
    private void noteIgnored(RecoveredManifest found) {
        Set<String> tables = found.version().tableNames();
        List<String> orphans = new ArrayList<>();
        List<String> strangers = new ArrayList<>();
        for (String name : found.names()) {
            FileName parsed = FileName.parse(name);
            if (parsed == null) {
                strangers.add(name);
                continue;
            }
            boolean counts = switch (parsed.kind()) {
                case TABLE -> tables.contains(name);
                case LOG -> parsed.number() >= found.version().oldestLog();
                case MANIFEST -> parsed.number() == found.manifestNumber();
                case TEMPORARY -> false;
                case OPTIONS, CURRENT, LOCK, LOCK_HOLDER -> true;
            };
            if (!counts) {
                orphans.add(name);
            }
        }
        if (!orphans.isEmpty()) {
            notes.add("not read, since " + FileName.manifest(found.manifestNumber()) + " does not name them: "
                    + String.join(", ", orphans) + " (the next opening for writing deletes them)");
        }
        if (!strangers.isEmpty()) {
            notes.add("not read, since they are no files of a database: " + String.join(", ", strangers));
        }
    }

    private void checkTables(RecoveredManifest found, List<LiveTable> tables, Progress progress) {
        Epochs<Slot> epochs = new Epochs<>(1, Slot::new);
        try (BlockCache cache = new BlockCache(account, epochs, CACHE_BYTES)) {
            TableContext context = new TableContext(cache, epochs, account);
            long before = 0;
            for (LiveTable table : tables) {
                checkTable(found, table, context, before, progress);
                before += table.entry().fileBytes();
            }
        }
    }

    /** Nobody reads beside us. */
    private static final class Slot extends Epochs.Slot {}

    private void checkTable(
            RecoveredManifest found, LiveTable table, TableContext context, long before, Progress progress) {
        String name = FileName.table(table.number());
        long written = table.entry().fileBytes();
        try (TableReader reader =
                new TableReader(() -> directory.open(name), found.databaseId(), table.number(), written, context)) {
            count(name);
            reader.verify(new TableCheckListener() {
                @Override
                public void progress(long at) {
                    progress.at(before + at, name);
                }

                @Override
                public void damage(CorruptionException problem) {
                    problems.accept(problem);
                }
            });
            long held = reader.properties().entries();
            if (held != table.entry().entries()) {
                problems.accept(disagrees(
                        name, found, "the number of entries", table.entry().entries(), held));
            }
            entries += held;
        } catch (BeachException e) {
            problems.accept(e);
        }
    }

    private CorruptionException disagrees(String name, RecoveredManifest found, String what, long expected, long held) {
        return new CorruptionException(
                directory.pathOf(name),
                -1,
                what + " is " + held + ", " + FileName.manifest(found.manifestNumber()) + " says " + expected
                        + ". One of the two is damaged. " + CorruptionException.RESTORE_DIRECTORY);
    }

    private void checkLogs(RecoveredManifest found) {
        Version version = found.version();
        String oldest = FileName.log(version.oldestLog());
        boolean oldestTold = version.oldestLogExists() && !found.names().contains(oldest); // that it is missing
        try (LogRecovery logs = new LogRecovery(
                directory,
                found.databaseId(),
                found.names(),
                version.oldestLog(),
                version.oldestLogExists() && !oldestTold,
                account)) {
            while (logs.next()) {
                BatchFormat.forEachChecked(
                        logs.batchMemory(),
                        logs.batchOffset(),
                        logs.batchLength(),
                        logs.logPath(),
                        logs.recordOffset(),
                        (kind, keyOffset, keyLength, valueOffset, valueLength) -> {});
            }
            LogRecovery.Result result = logs.result();
            found.checkNothingLater(directory.pathOf(FileName.manifest(found.manifestNumber())), result.holdsRecords());
            batches = result.batches();
            result.logs().forEach(log -> count(FileName.log(log.logNumber())));
            // Where an earlier log ends, the next one knows.
            LogRecovery.LogEnd last =
                    result.logs().isEmpty() ? null : result.logs().getLast();
            if (last != null && !last.clean()) {
                notes.add(FileName.log(last.logNumber()) + " was not closed; its records end at offset " + last.offset()
                        + ": " + last.detail());
            }
            if (!result.leftOut().isEmpty()) {
                notes.add(result.leftOut().strip());
            }
        } catch (CorruptionException e) {
            if (!oldestTold || !e.file().equals(directory.pathOf(oldest))) { // a later log may miss it, too
                problems.accept(e);
            }
        } catch (BeachException e) {
            problems.accept(e);
        }
    }

    private long count(String name) {
        try (ReadableFile file = directory.open(name)) {
            files++;
            bytes += file.size();
            return file.size();
        }
    }

    /** Returns what is worth knowing and no damage: torn tails, as a crash leaves them. */
    List<String> notes() {
        return notes;
    }

    /** Returns how many files were read. */
    int files() {
        return files;
    }

    /** Returns how long they are together. */
    long bytes() {
        return bytes;
    }

    /** Returns how many entries the tables hold. */
    long entries() {
        return entries;
    }

    /** Returns how many batches the logs hold. */
    long batches() {
        return batches;
    }

    @Override
    public void close() {
        try (budget;
                lock;
                directory) {
            // In the reverse order.
        }
    }
}
