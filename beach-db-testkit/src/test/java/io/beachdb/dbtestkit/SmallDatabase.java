package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.Options;
import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.SyncSite;
import io.beachdb.manifest.FileNumbers;
import io.beachdb.manifest.InternalKey;
import io.beachdb.manifest.ManifestReader;
import io.beachdb.manifest.ManifestWriter;
import io.beachdb.manifest.RecoveredManifest;
import io.beachdb.manifest.TableEntry;
import io.beachdb.manifest.VersionEdit;
import io.beachdb.sstable.Compression;
import io.beachdb.sstable.TableMetadata;
import io.beachdb.sstable.TableOptions;
import io.beachdb.sstable.TableWriter;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedScheduler;
import io.beachdb.testkit.SimulatedVfs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The files of a small database that has something of everything, and what it holds: tables on two levels, with and without
 * compression and filters, one in several partitions, tombstones, and two logs, the first of which has no END.
 */
final class SmallDatabase {
    static final Path DIRECTORY = Path.of("/data/db");
    private static final int BYTES_BEHIND_A_LOG = 600;
    private static final String PARTITIONED = "part";

    /** How its last process ended. */
    enum Ending {
        /** Closed: the second log has its END. */
        CLOSED,
        /** Killed, after writes of all durabilities. */
        KILLED,
        /** Killed, when nothing in the second log said that the first was on disk. */
        KILLED_EARLY,
        /** Killed, when all was in tables and no log held anything. */
        KILLED_AFTER_FLUSH
    }

    /** A record of a log. */
    record LogRecord(int from, int to, long syncedOffset, boolean isBatch) {}

    // Changed while it is made, then not any more.
    private final SortedMap<String, byte[]> files = new TreeMap<>();
    private final NavigableMap<String, String> model = new TreeMap<>();
    private final List<NavigableMap<String, String>> states = new ArrayList<>();
    private final SortedMap<String, List<LogRecord>> logs = new TreeMap<>();

    SmallDatabase(Ending ending, long seed) {
        SimulatedDisk disk;
        try (SteppedEngine engine = new SteppedEngine(seed)) {
            makeTables(engine);
            disk = engine.disk().copy();
        }
        byHand(disk, seed, this::addPartitionedTable);
        try (SteppedEngine engine = new SteppedEngine(seed, disk)) {
            writeLogs(engine, ending);
        }
        SimulatedDisk left = new SimulatedDisk().makeDirectories(DIRECTORY);
        files.forEach((name, bytes) -> left.install(DIRECTORY.resolve(name), bytes));
        byHand(left, seed, (directory, account) -> {
            RecoveredManifest found = Objects.requireNonNull(ManifestReader.read(directory, account));
            String oldest = FileName.log(found.version().oldestLog());
            logs.headMap(oldest).clear();
        });
    }

    /** Takes most of the space behind a log's records away, as a cut may do. */
    private byte[] shortened(String name, byte[] bytes) {
        if (!name.endsWith(".wal")) {
            return bytes;
        }
        List<LogRecord> records = recordsOf(bytes);
        logs.put(name, records);
        int end = records.isEmpty() ? 64 : records.getLast().to;
        return Arrays.copyOf(bytes, Math.min(bytes.length, end + BYTES_BEHIND_A_LOG));
    }

    /** Reads what docs/formats/framing.md says, of a log that is whole and shorter than a block. */
    private static List<LogRecord> recordsOf(byte[] log) {
        ByteBuffer bytes = ByteBuffer.wrap(log).order(ByteOrder.LITTLE_ENDIAN);
        List<LogRecord> records = new ArrayList<>();
        int at = 64;
        int number = bytes.getInt(48);
        while (at + 41 <= log.length && bytes.getInt(at + 8) == number && log[at + 14] == 1) {
            int to = at + 40 + Short.toUnsignedInt(bytes.getShort(at + 12));
            records.add(new LogRecord(at, to, bytes.getLong(at + 24), log[at + 40] == 2));
            at = to;
        }
        return records;
    }

    private void makeTables(SteppedEngine engine) {
        engine.open(DIRECTORY, SmallDatabase::options);
        engine.step(db -> {
            for (int i = 0; i < 24; i++) {
                put(db, "key" + i, ("old" + i + "-").repeat(3), Durability.LOGGED);
            }
            db.flush();
            db.compact();
            for (int i = 1; i < 24; i += 4) {
                put(db, "key" + i, "newer" + i, Durability.LOGGED);
                delete(db, "key" + (i + 1), Durability.LOGGED);
            }
            db.flush();
            db.close();
        });
        engine.open(
                DIRECTORY,
                builder ->
                        options(builder).compression(Options.Compression.NONE).filterBitsPerKey(0));
        engine.step(db -> {
            for (int i = 0; i < 6; i++) {
                put(db, "plain" + i, "uncompressed " + i, Durability.LOGGED);
            }
            delete(db, "key4", Durability.LOGGED);
            db.flush();
            db.close();
        });
    }

    static Options.Builder options(Options.Builder builder) {
        return builder.blockBytes(100);
    }

    private void put(BeachDB db, String key, String value, Durability durability) {
        db.put(bytes(key), bytes(value), durability);
        model.put(key, value);
        note();
    }

    private void delete(BeachDB db, String key, Durability durability) {
        db.delete(bytes(key), durability);
        model.remove(key);
        note();
    }

    private void note() {
        states.add(new TreeMap<>(model));
    }

    private interface DirectoryWork {
        void run(DurableDirectory directory, MemoryAccount account);
    }

    /** Does something to the directory without an engine. */
    private static void byHand(SimulatedDisk disk, long seed, DirectoryWork work) {
        SimulatedVfs process = disk.start("by hand");
        try (SimulatedScheduler scheduler = new SimulatedScheduler(seed);
                MemoryBudget budget = MemoryBudget.ofBytes(8 << 20)) {
            scheduler.spawn(process.process(), "by hand", () -> {
                try (DurableDirectory directory = DurableDirectory.open(
                        process, DIRECTORY, DurableDirectory.Mode.EXISTING, scheduler, DurabilityListener.none())) {
                    work.run(directory, budget.openAccount());
                }
            });
            scheduler.run();
        }
    }

    /** A partition of the engine's own is 16 KiB, these are of a few entries. */
    private void addPartitionedTable(DurableDirectory directory, MemoryAccount account) {
        RecoveredManifest found = Objects.requireNonNull(ManifestReader.read(directory, account));
        FileNumbers numbers = FileNumbers.above(found.version().nextFileNumber(), found.names());
        long number = numbers.next();
        long sequence = found.version().lastSequence();
        PendingFile file = directory.create(FileName.table(number));
        TableMetadata table = writePartitioned(file, found.databaseId(), number, sequence, account);
        TableEntry entry = new TableEntry(
                number,
                table.fileBytes(),
                InternalKey.copyOf(table.smallestKey(), table.smallestTrailer()),
                InternalKey.copyOf(table.largestKey(), table.largestTrailer()),
                table.smallestSequence(),
                table.largestSequence(),
                table.entries(),
                table.tombstones(),
                table.rawBytes(),
                table.creationMillis(),
                table.shadowedBytes());
        VersionEdit edit = VersionEdit.builder()
                .noLogBelow(numbers.peek())
                .lastSequence(table.largestSequence())
                .addTable(0, entry, directory.commit(file, SyncSite.TABLE_FLUSH))
                .build();
        try (ManifestWriter manifest = ManifestWriter.create(
                directory, found.databaseId(), numbers, account, 1 << 20, found.version(), edit)) {
            manifest.switchCurrent();
        }
    }

    private TableMetadata writePartitioned(
            PendingFile file, DatabaseId databaseId, long number, long sequence, MemoryAccount account) {
        TableOptions options = new TableOptions(60, 60, 10, Compression.LZ4);
        NativeBlock block = account.acquire(MemoryUse.SCRATCH, 200);
        try (TableWriter writer = new TableWriter(file, options, databaseId, number, 0, account)) {
            for (int i = 0; i < 20; i++) {
                String key = PARTITIONED + (100 + i);
                String value = i % 5 == 0 ? "" : "value".repeat(i % 7);
                MemorySegment memory = block.memory();
                MemorySegment.copy(bytes(key), 0, memory, ValueLayout.JAVA_BYTE, 0, key.length());
                MemorySegment.copy(bytes(value), 0, memory, ValueLayout.JAVA_BYTE, 100, value.length());
                byte kind = (byte) (i % 5 == 0 ? InternalKeys.KIND_DELETE : InternalKeys.KIND_PUT);
                writer.add(
                        memory,
                        0,
                        key.length(),
                        InternalKeys.trailer(sequence + 1 + i, kind),
                        memory,
                        100,
                        value.length());
                if (i % 5 != 0) {
                    model.put(key, value);
                }
            }
            return writer.finish();
        } finally {
            account.release(MemoryUse.SCRATCH, block);
        }
    }

    private void writeLogs(SteppedEngine engine, Ending ending) {
        engine.open(DIRECTORY, SmallDatabase::options);
        engine.step(db -> put(db, "flushed", "in this run", Durability.SYNCED));
        engine.step(BeachDB::flush);
        states.clear();
        note();
        if (ending == Ending.KILLED_AFTER_FLUSH) {
            takeFiles(engine.disk());
            return;
        }
        Durability first = ending == Ending.KILLED_EARLY ? Durability.LOGGED : Durability.SYNCED;
        engine.step(db -> {
            put(db, "log0", "first", first);
            put(db, "key0", "overwritten", first);
            put(db, "log1", "second", Durability.LOGGED);
            delete(db, "plain0", Durability.LOGGED);
        });
        // No flush succeeds, so that the first log stays when the second is begun.
        engine.disk()
                .inject(Fault.on(operation -> operation.kind() == DiskOperation.Kind.CREATE
                                && operation.name().endsWith(".sst"))
                        .sticky()
                        .diskFull());
        engine.begin("flush", SmallDatabase::flushInVain);
        engine.step(db -> {
            engine.pause(1_000);
            put(db, "log2", "third", first);
            if (ending != Ending.KILLED_EARLY) {
                delete(db, "key5", Durability.SYNCED);
                put(db, "log3", "fourth", Durability.SYNCED);
                put(db, "log4", "fifth", Durability.LOGGED);
                put(db, "log5", "sixth", Durability.LOGGED);
            }
            if (ending == Ending.CLOSED) {
                db.close();
            }
            takeFiles(engine.disk());
            engine.disk().clearFaults();
        });
    }

    private static void flushInVain(BeachDB db) {
        try {
            db.flush();
        } catch (ClosedException e) {
            assertThat(e).hasMessageContaining("closed");
        }
    }

    private void takeFiles(SimulatedDisk disk) {
        for (String name : disk.names(DIRECTORY)) {
            files.put(name, shortened(name, disk.bytes(DIRECTORY.resolve(name))));
        }
    }

    /** Returns the files by name; not to be changed. */
    SortedMap<String, byte[]> files() {
        return Collections.unmodifiableSortedMap(files);
    }

    byte[] file(String name) {
        return Objects.requireNonNull(files.get(name), name);
    }

    /** Returns the records of the logs that count, by name, in the order of their numbers. */
    SortedMap<String, List<LogRecord>> logs() {
        return logs;
    }

    /** Returns what is there when the first {@code batches} that are in logs count. */
    NavigableMap<String, String> state(int batches) {
        return states.get(batches);
    }

    /** Returns how many batches are in logs. */
    int batches() {
        return states.size() - 1;
    }
}
