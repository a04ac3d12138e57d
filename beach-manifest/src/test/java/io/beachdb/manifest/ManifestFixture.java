package io.beachdb.manifest;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.Scheduler;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableFile;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedVfs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A database directory on a simulated disk, which checks at every receipt that what it stands for is on disk. */
final class ManifestFixture implements AutoCloseable {
    static final Path PATH = Path.of("/data/db");
    static final DatabaseId ID = new DatabaseId(0x0123456789abcdefL, 0xfedcba9876543210L);

    final SimulatedDisk disk;
    final SimulatedVfs vfs;
    final DurableDirectory directory;
    final MemoryBudget budget = MemoryBudget.ofBytes(64L << 20);
    final MemoryAccount account = budget.openAccount();

    ManifestFixture() {
        this(new SimulatedDisk().makeDirectories(Path.of("/data")));
    }

    ManifestFixture(SimulatedDisk disk) {
        this.disk = disk;
        this.vfs = disk.start("db");
        this.directory = DurableDirectory.open(
                vfs, PATH, DurableDirectory.Mode.CREATE, Scheduler.system(), DurabilityListener.none());
    }

    static InternalKey key(String userKey, long sequence) {
        return InternalKey.copyOf(
                userKey.getBytes(StandardCharsets.ISO_8859_1), InternalKeys.trailer(sequence, InternalKeys.KIND_PUT));
    }

    static TableEntry entry(long number, String smallest, String largest, long fromSequence, long toSequence) {
        return new TableEntry(
                number,
                10,
                key(smallest, toSequence),
                key(largest, fromSequence),
                fromSequence,
                toSequence,
                3,
                1,
                100,
                1_700_000_000_000L,
                0);
    }

    /** Makes the file of a table, durable. */
    DurableFile file(TableEntry entry) {
        PendingFile pending = pending(entry);
        return directory.commit(pending, SyncSite.TABLE_FLUSH);
    }

    PendingFile pending(TableEntry entry) {
        PendingFile pending = directory.create(FileName.table(entry.number()));
        try (Arena arena = Arena.ofConfined()) {
            pending.write(arena.allocate(entry.fileBytes()), 0, entry.fileBytes());
        }
        return pending;
    }

    /** Makes a log's file, so that an edit may name it. */
    void log(long number) {
        disk.install(PATH.resolve(FileName.log(number)), new byte[] {1});
    }

    @Nullable
    RecoveredManifest read() {
        return ManifestReader.read(directory, account);
    }

    RecoveredManifest readWhole() {
        RecoveredManifest recovered = read();
        if (recovered == null) {
            throw new AssertionError("there is no database");
        }
        return recovered;
    }

    ManifestWriter create(FileNumbers numbers, long rollOverBytes) {
        return ManifestWriter.create(
                directory, ID, numbers, account, rollOverBytes, Version.empty(), VersionEdit.none());
    }

    /** Makes a new database, up to CURRENT. */
    ManifestWriter createWhole(FileNumbers numbers) {
        ManifestWriter writer = create(numbers, ManifestWriter.DEFAULT_ROLL_OVER_BYTES);
        writer.switchCurrent();
        return writer;
    }

    byte[] bytes(String name) {
        return disk.bytes(PATH.resolve(name));
    }

    void install(String name, byte[] bytes) {
        disk.install(PATH.resolve(name), bytes);
    }

    void remove(String name) {
        try {
            disk.start("other").delete(PATH.resolve(name));
        } catch (java.io.IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Returns all that a version says, for comparing. */
    static Map<String, Object> state(Version version) {
        Map<String, Object> state = new TreeMap<>();
        for (int level = 0; level < Version.LEVELS; level++) {
            List<TableEntry> entries = new ArrayList<>();
            version.tables(level).forEach(table -> entries.add(table.entry()));
            state.put("level " + level, entries);
        }
        state.put("oldest log", version.oldestLog() + " " + version.oldestLogExists());
        state.put("next file number", version.nextFileNumber());
        state.put("last sequence", version.lastSequence());
        return state;
    }

    static MemorySegment nativeBytes(Arena arena, byte[] bytes) {
        MemorySegment memory = arena.allocate(Math.max(1, bytes.length));
        MemorySegment.copy(bytes, 0, memory, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, bytes.length);
        return memory;
    }

    @Override
    public void close() {
        directory.close();
        vfs.kill(); // with what a test left open
        budget.close();
    }
}
