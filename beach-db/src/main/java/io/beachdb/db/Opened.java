package io.beachdb.db;

import io.beachdb.Options;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileName;
import io.beachdb.base.memory.Epochs;
import io.beachdb.durability.DeletionProof;
import io.beachdb.durability.DirectoryLock;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.DurableSwitch;
import io.beachdb.durability.SyncSite;
import io.beachdb.manifest.LiveTable;
import io.beachdb.manifest.ManifestWriter;
import io.beachdb.manifest.Version;
import io.beachdb.memtable.Memtable;
import io.beachdb.sstable.BlockCache;
import io.beachdb.sstable.Compression;
import io.beachdb.sstable.TableContext;
import io.beachdb.sstable.TableReader;
import io.beachdb.wal.LogSupply;
import io.beachdb.wal.PreparedLog;
import io.beachdb.wal.WalListener;
import io.beachdb.wal.WalOptions;
import io.beachdb.wal.WalWriter;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What an opening has put together, and owns until {@link #release}: files, memory, and what was recovered. */
final class Opened {
    private static final int FILTER_DIVISOR = 64; // about ten bits for each entry of a hundred bytes

    private final Options options;
    private final EngineTasks tasks;
    private final DurableDirectory directory;
    private final DirectoryLock lock;
    private final Memory memory;
    private final DatabaseId databaseId;
    private final Recovered recovered;
    private final @Nullable Writing writing; // null: read-only

    /** The parts that hold native memory. */
    record Memory(
            MemoryBudget budget,
            boolean ownBudget,
            MemoryAccount account,
            Epochs<ReadContext> epochs,
            BlockCache cache,
            TableContext tables) {

        static Memory of(Options options) {
            MemoryBudget shared = options.memoryBudget();
            MemoryBudget budget = shared == null ? MemoryBudget.ofBytes(options.memoryBytes()) : shared;
            boolean done = false;
            try {
                MemoryAccount account = budget.openAccount();
                int slots = Math.max(16, 4 * Runtime.getRuntime().availableProcessors());
                Epochs<ReadContext> epochs = new Epochs<>(slots, () -> new ReadContext(account));
                BlockCache cache = new BlockCache(account, epochs, cacheBytes(options, budget.capacityBytes()));
                TableContext tables = new TableContext(cache, epochs, account);
                done = true;
                return new Memory(budget, shared == null, account, epochs, cache, tables);
            } finally {
                if (!done && shared == null) {
                    budget.close();
                }
            }
        }

        /** What memtables and compactions are sure to need is left to them, so that their growth need not evict first. */
        private static long cacheBytes(Options options, long capacity) {
            long others = (options.maxImmutableMemtables() + 1L) * options.writeBufferBytes() + capacity / 16;
            return Math.max(capacity / 8, capacity - others);
        }

        void free() {
            Closing problems = new Closing();
            problems.attempt(() -> epochs.forEachSlot(ReadContext::free));
            problems.attempt(cache::close);
            if (ownBudget) {
                problems.attempt(budget.pool()::close); // whatever may be charged still
            }
            problems.throwIfAny();
        }
    }

    /** What recovery found. */
    record Recovered(Version version, MemtableSlot firstSlot, long lastSequence) {}

    /** What only a database open for writing has. */
    record Writing(
            ManifestWriter manifest,
            LogSupply logs,
            PreparedLog firstLog,
            io.beachdb.wal.Predecessor predecessor,
            TableOutput output,
            List<String> orphans,
            DeletionProof orphanProof) {}

    Opened(
            Options options,
            EngineTasks tasks,
            DurableDirectory directory,
            DirectoryLock lock,
            Memory memory,
            DatabaseId databaseId,
            Recovered recovered,
            @Nullable Writing writing) {
        this.options = options;
        this.tasks = tasks;
        this.directory = directory;
        this.lock = lock;
        this.memory = memory;
        this.databaseId = databaseId;
        this.recovered = recovered;
        this.writing = writing;
        attachHandles(recovered.version);
    }

    /** Makes a memtable with a filter, so that a look for a key that is not in it costs next to nothing. */
    static Memtable newMemtable(Options options, MemoryAccount account) {
        return new Memtable(account, options.seams().random().nextLong(), options.writeBufferBytes() / FILTER_DIVISOR);
    }

    DurableDirectory directory() {
        return directory;
    }

    MemoryBudget budget() {
        return memory.budget;
    }

    MemoryAccount account() {
        return memory.account;
    }

    Epochs<ReadContext> epochs() {
        return memory.epochs;
    }

    BlockCache cache() {
        return memory.cache;
    }

    Version version() {
        return recovered.version;
    }

    MemtableSlot firstSlot() {
        return recovered.firstSlot;
    }

    long lastSequence() {
        return recovered.lastSequence;
    }

    private Writing writing() {
        Writing parts = writing;
        if (parts == null) {
            throw new AssertionError("a read-only database was asked to write");
        }
        return parts;
    }

    ManifestWriter manifest() {
        return writing().manifest;
    }

    TableOutput output() {
        return writing().output;
    }

    /** Makes a second database of the tables of a version, which is pinned. */
    void checkpoint(Version version, Path target, Runnable mayGoOn) {
        new Checkpointing(options, directory, databaseId, memory.account, mayGoOn).make(version, target);
    }

    String codec() {
        return Compression.LZ4.codec();
    }

    WalWriter newWal(WalListener listener) {
        return new WalWriter(
                writing().logs,
                writing().firstLog,
                writing().predecessor,
                options.seams().scheduler(),
                memory.account,
                walOptions(),
                listener);
    }

    /** Makes the writer that follows a failed one, on a fresh log; waits for the disk. */
    WalWriter followingWal(WalWriter failed, WalListener listener) {
        PreparedLog log = writing().logs.takeGrowing();
        boolean done = false;
        try {
            WalWriter following = new WalWriter(
                    writing().logs,
                    log,
                    failed.asPredecessor(),
                    options.seams().scheduler(),
                    memory.account,
                    walOptions(),
                    listener);
            done = true;
            return following;
        } finally {
            if (!done) {
                log.file().abandon();
            }
        }
    }

    private WalOptions walOptions() {
        return WalOptions.defaults()
                .withIntervalNanos(options.loggedSyncInterval().toNanos());
    }

    void letGoOfLogs(long oldestNeeded, DurableEdit receipt) {
        writing().logs.letGoBelow(oldestNeeded, receipt);
    }

    /** Gives each table of a version that has none its handle. Caller holds what orders versions. */
    void attachHandles(Version version) {
        for (int level = 0; level < Version.LEVELS; level++) {
            for (LiveTable table : version.tables(level)) {
                if (table.attachment() == null) {
                    String name = FileName.table(table.number());
                    TableReader reader = new TableReader(
                            () -> directory.open(name),
                            databaseId,
                            table.number(),
                            table.entry().fileBytes(),
                            memory.tables);
                    table.attach(new TableHandle(table, reader, this::unused));
                }
            }
        }
    }

    /** No set holds the table any more: closes it, and deletes its file if an edit dropped it. */
    private void unused(TableHandle table, @Nullable DeletionProof proof) {
        tasks.submit("table-drop", () -> {
            close(table.reader, table.number());
            if (proof != null) {
                memory.cache.drop(table.number());
                delete(FileName.table(table.number()), proof);
            }
        });
    }

    /** Closes a table that was only read: an error then loses nothing. */
    private void close(TableReader reader, long number) {
        try {
            reader.close();
        } catch (StorageException e) {
            options.listener().onInfo("a table could not be closed: " + FileName.table(number), e);
        }
    }

    /** Deletes a file; if the system refuses, it only takes space, and is tried again. */
    private void delete(String name, DeletionProof proof) {
        try {
            directory.delete(name, proof);
        } catch (StorageException e) {
            options.listener().onInfo("an obsolete file could not be deleted: " + name, e);
        }
    }

    /** What cannot be looked for is looked for again next time: what made it obsolete has happened, and must not seem to fail. */
    void deleteObsoleteManifests() {
        DurableSwitch receipt = manifest().lastSwitch();
        List<String> obsolete;
        try {
            obsolete = manifest().takeObsolete();
        } catch (StorageException e) {
            options.listener().onInfo("obsolete manifests could not be looked for", e);
            return;
        }
        obsolete.forEach(name -> delete(name, receipt));
    }

    /** What may follow in the background once the database is open: the next log is made, orphans are deleted. */
    void afterOpen() {
        writing().logs.prepare();
        for (String name : writing().orphans) {
            delete(name, writing().orphanProof);
        }
        if (!writing().orphans.isEmpty() && directory.failure() == null) {
            try {
                directory.sync(SyncSite.DELETE);
            } catch (StorageException e) {
                options.listener().onInfo("the directory could not be synced after deleting orphans", e);
            }
        }
    }

    /** Frees everything; nobody reads or writes any more. On an engine thread. */
    void release(Closing problems) {
        Writing parts = writing;
        if (parts != null) {
            problems.attempt(parts.logs::close);
        }
        problems.attempt(memory::free);
        problems.attempt(directory::close);
        problems.attempt(lock::close);
    }
}
