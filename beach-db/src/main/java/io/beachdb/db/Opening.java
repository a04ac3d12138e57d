package io.beachdb.db;

import io.beachdb.Options;
import io.beachdb.base.DatabaseExistsException;
import io.beachdb.base.DatabaseNotFoundException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.DirectoryLock;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableSwitch;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.RecoveredState;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Vfs;
import io.beachdb.manifest.FileNumbers;
import io.beachdb.manifest.ManifestReader;
import io.beachdb.manifest.ManifestWriter;
import io.beachdb.manifest.RecoveredManifest;
import io.beachdb.manifest.Version;
import io.beachdb.manifest.VersionEdit;
import io.beachdb.memtable.Memtable;
import io.beachdb.sstable.Compression;
import io.beachdb.sstable.TableOptions;
import io.beachdb.wal.LogRecovery;
import io.beachdb.wal.LogSupply;
import io.beachdb.wal.Predecessor;
import io.beachdb.wal.PreparedLog;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Opens a database, in an order in which a cut anywhere leaves an opening that can be repeated, and which changes no file
 * that was there before the switch of CURRENT:
 *
 * <ol>
 *   <li>the lock
 *   <li>a sync of the directory and its ancestors, before anything read there is believed
 *   <li>CURRENT, MANIFEST and all names are read; new file numbers begin above everything seen
 *   <li>the logs are replayed through memtables of bounded size into new tables, which are synced: what was read may live in
 *       the page cache only, so it is written anew before anyone sees it
 *   <li>a new MANIFEST, which holds all of that and needs no older log
 *   <li>CURRENT is switched
 *   <li>a new log, which the MANIFEST names then
 *   <li>the opening returns
 *   <li>in the background: the next log is allocated, what is not live is deleted
 * </ol>
 */
final class Opening {
    private final Options options;
    private final EngineTasks tasks;
    private final DurableDirectory directory;
    private final DirectoryLock lock;
    private final Opened.Memory memory;
    private final MemoryAccount account;
    private final Taken taken;

    private Opening(
            Options options,
            EngineTasks tasks,
            DurableDirectory directory,
            DirectoryLock lock,
            Opened.Memory memory,
            Taken taken) {
        this.options = options;
        this.tasks = tasks;
        this.directory = directory;
        this.lock = lock;
        this.memory = memory;
        this.account = memory.account();
        this.taken = taken;
    }

    /** Opens; on an engine thread. */
    static Engine open(Path path, Options options, EngineTasks tasks) {
        Vfs vfs = options.seams().vfs();
        Scheduler scheduler = options.seams().scheduler();
        // The directory must exist to be locked; what is in it is believed only after syncs under the lock.
        DurableDirectory.Made made = options.createIfMissing() && !options.readOnly()
                ? DurableDirectory.make(vfs, path, scheduler)
                : DurableDirectory.Made.nothing(scheduler);
        DirectoryLock lock = DirectoryLock.acquire(
                vfs,
                checked(vfs, path, options),
                FileName.LOCK,
                FileName.LOCK_HOLDER,
                options.readOnly(),
                holder(options));
        Taken taken = new Taken();
        try {
            taken.add(lock::close);
            DurableDirectory directory = DurableDirectory.open(
                    vfs,
                    path,
                    options.readOnly() ? DurableDirectory.Mode.READ_ONLY : DurableDirectory.Mode.EXISTING,
                    made,
                    scheduler,
                    options.listener()::onFileEvent);
            taken.add(directory::close);
            Opened.Memory memory = Opened.Memory.of(options);
            taken.add(memory::free);
            Opening opening = new Opening(options, tasks, directory, lock, memory, taken);
            return new Engine(options, options.readOnly() ? opening.readOnly() : opening.readWrite(), tasks);
        } catch (RuntimeException | Error e) {
            taken.giveBack(e);
            throw e;
        }
    }

    /**
     * A read-only or existing-only opening must find the directory before it looks for the lock in it, and makes no LOCK where
     * there is nothing of ours.
     */
    private static Path checked(Vfs vfs, Path path, Options options) {
        try (DurableDirectory found = DurableDirectory.open(
                vfs,
                path,
                DurableDirectory.Mode.READ_ONLY,
                options.seams().scheduler(),
                options.listener()::onFileEvent)) {
            List<String> names = found.list();
            if (!options.createIfMissing() && names.stream().allMatch(name -> FileName.parse(name) == null)) {
                throw noDatabase(found);
            }
            if (!names.contains(FileName.LOCK)) { // else the lock is asked first: somebody may be destroying it
                ManifestReader.checkNoneWithoutCurrent(found, names);
            }
        }
        return path;
    }

    private static DatabaseNotFoundException noDatabase(DurableDirectory directory) {
        return new DatabaseNotFoundException(directory.path() + " holds no database. Nothing was changed.");
    }

    static String holder(Options options) {
        ProcessHandle process = ProcessHandle.current();
        return "process " + process.pid() + " (" + process.info().command().orElse("java") + ") since "
                + java.time.Instant.ofEpochMilli(options.seams().clock().wallMillis());
    }

    // ---- For writing.

    private Opened readWrite() {
        RecoveredManifest found = ManifestReader.read(directory, account);
        checkWanted(found);
        List<String> names = directory.list();
        Version version = found == null ? Version.empty() : found.version();
        DatabaseId databaseId = found == null ? newId() : found.databaseId();
        FileNumbers numbers = FileNumbers.above(version.nextFileNumber(), names);
        RecoveredState state = directory.recovered(version.tableNames());
        TableOutput output = new TableOutput(
                directory,
                numbers,
                databaseId,
                tableOptions(),
                account,
                options.seams().clock());

        Replayed replayed =
                found == null ? new Replayed(List.of(), 0, Predecessor.none()) : replayIntoTables(found, output);
        VersionEdit.Builder edit =
                VersionEdit.builder().noLogBelow(numbers.peek()).lastSequence(replayed.lastSequence);
        for (TableOutput.Output table : replayed.tables) {
            edit.addTable(0, table.entry(), table.file());
        }
        ManifestWriter manifest = ManifestWriter.create(
                directory, databaseId, numbers, account, options.manifestBytes(), version, edit.build());
        taken.add(manifest::close);
        DurableSwitch toThisRun = manifest.switchCurrent();
        String optionsFile = writeOptions(numbers.next());
        LogSupply logs = new LogSupply(
                directory, databaseId, numbers::next, options.seams().scheduler(), account, logBytes(options));
        taken.add(logs::close);
        PreparedLog log = logs.takeGrowing();
        taken.add(log.file()::close);
        // It is on disk, and will hold acknowledged writes: from here on its absence is damage, no cut of ours.
        manifest.append(VersionEdit.builder().oldestLog(log.number()).build());
        Set<String> live = new HashSet<>(manifest.version().tableNames());
        live.addAll(Set.of(
                FileName.CURRENT,
                FileName.LOCK,
                FileName.LOCK_HOLDER,
                FileName.manifest(manifest.manifestNumber()),
                FileName.log(log.number()),
                optionsFile));
        List<String> orphans = names.stream()
                .filter(name -> FileName.parse(name) != null && !live.contains(name))
                .toList();
        Memtable memtable = Opened.newMemtable(options, account);
        taken.add(memtable::close);
        return new Opened(
                options,
                tasks,
                directory,
                lock,
                memory,
                databaseId,
                new Opened.Recovered(
                        manifest.version(), slot(memtable, log.number(), replayed.lastSequence), replayed.lastSequence),
                new Opened.Writing(
                        manifest, logs, log, replayed.last, output, orphans, state.letGoAllBut(live, toThisRun)));
    }

    private static MemtableSlot slot(Memtable memtable, long log, long lastSequence) {
        MemtableSlot slot = new MemtableSlot(memtable, log);
        slot.lastSequence = lastSequence;
        return slot;
    }

    /** A log holds what a memtable holds, with its framing. */
    static long logBytes(Options options) {
        return Math.max(1 << 20, options.writeBufferBytes() + options.writeBufferBytes() / 4);
    }

    private void checkWanted(@Nullable RecoveredManifest found) {
        if (found != null && options.errorIfExists()) {
            throw new DatabaseExistsException(
                    directory.path() + " holds a database already, and errorIfExists is set. Nothing was changed.");
        }
        if (found == null && (!options.createIfMissing() || options.readOnly())) {
            throw noDatabase(directory);
        }
    }

    private DatabaseId newId() {
        return new DatabaseId(
                options.seams().random().nextLong(), options.seams().random().nextLong());
    }

    private TableOptions tableOptions() {
        return TableOptions.DEFAULT
                .withBlockBytes(options.blockBytes())
                .withFilterBitsPerKey(options.filterBitsPerKey())
                .withCompression(options.compression() == Options.Compression.LZ4 ? Compression.LZ4 : Compression.NONE);
    }

    private String writeOptions(long number) {
        StringBuilder text = new StringBuilder(
                "# BeachDB options, as the database was last opened for writing. For people: never read back.\n");
        for (Map.Entry<String, String> option : options.readable().entrySet()) {
            text.append(option.getKey()).append(" = ").append(option.getValue()).append('\n');
        }
        byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        String name = FileName.options(number);
        PendingFile file = directory.create(name);
        boolean done = false;
        try {
            NativeBlock block = account.acquire(MemoryUse.SCRATCH, bytes.length);
            try {
                BatchFormat.copy(bytes, 0, block.memory(), 0, bytes.length);
                file.write(block.memory(), 0, bytes.length);
            } finally {
                account.release(MemoryUse.SCRATCH, block);
            }
            directory.commit(file, SyncSite.OPTIONS);
            done = true;
            return name;
        } finally {
            if (!done) {
                file.abandonQuietly();
            }
        }
    }

    // ---- Logs.

    private record Replayed(List<TableOutput.Output> tables, long lastSequence, Predecessor last) {}

    private Replayed replayIntoTables(RecoveredManifest found, TableOutput output) {
        List<TableOutput.Written> written = new ArrayList<>();
        boolean done = false;
        try (ReplayIntoTables into = new ReplayIntoTables(output, written)) {
            LogRecovery.Result result = replay(found, into);
            into.flush();
            List<TableOutput.Output> tables = output.commit(written, SyncSite.TABLE_RECOVERY);
            done = true;
            Predecessor last = result.last();
            long greatest = Math.max(
                    into.lastSequence(),
                    Math.max(last.lastSequence(), found.version().lastSequence()));
            long lastSequence = result.whole() ? greatest : beyondAllGivenOut(greatest);
            return new Replayed(
                    tables,
                    lastSequence,
                    new Predecessor(last.logNumber(), last.length(), last.lastOrdinal(), lastSequence));
        } finally {
            if (!done) {
                TableOutput.abandon(written);
            }
        }
    }

    /**
     * Returns a sequence beyond all that were given out before an end that was no clean one. Writes may be lost whose
     * sequences somebody was told, acknowledged without a sync or in doubt; one number must not name two writes. All that
     * can be lost was in memtables that had not been flushed: of the smallest entries, 2<sup>32</sup> take 176 GiB. Of 56
     * bits that leaves sixteen million such ends, and smaller steps after them.
     */
    static long beyondAllGivenOut(long greatestFound) {
        return greatestFound + Math.min(1L << 32, (InternalKeys.MAX_SEQUENCE - greatestFound) >>> 20);
    }

    private LogRecovery.Result replay(RecoveredManifest found, Replay into) {
        Version version = found.version();
        try (LogRecovery logs = new LogRecovery(
                directory,
                found.databaseId(),
                found.names(),
                version.oldestLog(),
                version.oldestLogExists(),
                account)) {
            while (logs.next()) {
                into.takeBatch(logs, version.lastSequence());
            }
            LogRecovery.Result result = logs.result();
            found.checkNothingLater(directory.pathOf(FileName.manifest(found.manifestNumber())), result.holdsRecords());
            options.listener()
                    .onInfo(
                            "recovered " + result.batches() + " batches; logs end: " + result.logs() + result.leftOut(),
                            null);
            return result;
        }
    }

    /** Into a memtable that is written out whenever it is full. */
    private final class ReplayIntoTables extends Replay {
        private final TableOutput output;
        private final List<TableOutput.Written> written;

        ReplayIntoTables(TableOutput output, List<TableOutput.Written> written) {
            super(Opened.newMemtable(options, account));
            this.output = output;
            this.written = written;
        }

        @Override
        void batchEnds() {
            if (memtable().usedBytes() >= options.writeBufferBytes()) {
                flush();
                goOnIn(Opened.newMemtable(options, account));
            }
        }

        void flush() {
            if (!memtable().isEmpty()) {
                try (RetainedEntries retained = new RetainedEntries(
                        memtable().cursor(), new long[] {lastSequence()}, RetainedEntries.Bottom.never(), account)) {
                    written.addAll(output.writeUnsynced(retained, Long.MAX_VALUE, bytes -> {}));
                }
            }
            memtable().close();
        }
    }

    // ---- For reading only.

    private Opened readOnly() {
        RecoveredManifest found = ManifestReader.read(directory, account);
        checkWanted(found);
        if (found == null) {
            throw new AssertionError("a database that is wanted was not found");
        }
        ReplayIntoMemory into = new ReplayIntoMemory();
        taken.add(into::close);
        replay(found, into);
        long lastSequence = Math.max(into.lastSequence(), found.version().lastSequence());
        return new Opened(
                options,
                tasks,
                directory,
                lock,
                memory,
                found.databaseId(),
                new Opened.Recovered(
                        found.version(),
                        slot(into.memtable(), found.version().oldestLog(), lastSequence),
                        lastSequence),
                null);
    }

    /** Into one memtable, within the budget. */
    private final class ReplayIntoMemory extends Replay {
        ReplayIntoMemory() {
            super(Opened.newMemtable(options, account));
        }

        @Override
        void batchEnds() {
            if (account.budget().overdraftBytes() > 0) {
                throw new StorageException(
                        "the logs of " + directory.path() + " do not fit the memory budget of "
                                + account.budget().capacityBytes()
                                + " bytes, and a read-only opening may not write tables. Give it more, or open it for writing once.",
                        null);
            }
        }
    }
}
