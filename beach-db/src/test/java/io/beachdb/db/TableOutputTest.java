package io.beachdb.db;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.Clock;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.SyncSite;
import io.beachdb.manifest.FileNumbers;
import io.beachdb.memtable.Inserter;
import io.beachdb.memtable.Memtable;
import io.beachdb.sstable.TableOptions;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedVfs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a flush or a compaction brings to disk, and what it leaves when it fails. */
class TableOutputTest {
    private static final Path DIRECTORY = Path.of("/data");
    private static final int VALUE_BYTES = 200;

    private final SimulatedDisk disk = new SimulatedDisk().makeDirectories(DIRECTORY);
    private final SimulatedVfs vfs = disk.start("engine");
    private final MemoryBudget budget = MemoryBudget.ofBytes(64L << 20);
    private final MemoryAccount account = budget.openAccount();
    private final DurableDirectory directory = DurableDirectory.open(
            vfs, DIRECTORY, DurableDirectory.Mode.EXISTING, Scheduler.system(), DurabilityListener.none());
    private final Memtable memtable = new Memtable(account, 1);
    private final TableOutput output = new TableOutput(
            directory,
            FileNumbers.above(1, List.of()),
            new DatabaseId(1, 2),
            TableOptions.DEFAULT,
            account,
            Clock.system());

    @AfterEach
    void close() {
        memtable.close();
        directory.close();
        assertThat(vfs.openPaths()).isEmpty();
        assertThat(budget.usedBytes()).isZero();
        budget.close();
    }

    private void fill(int keys, int versions) {
        Inserter inserter = memtable.newInserter();
        Random random = new Random(9);
        long sequence = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment key = arena.allocate(9);
            MemorySegment value = arena.allocate(VALUE_BYTES);
            for (int i = 0; i < keys * versions; i++) {
                byte[] text = String.format("key%06d", i % keys).getBytes(StandardCharsets.US_ASCII);
                key.copyFrom(MemorySegment.ofArray(text));
                byte[] bytes = new byte[VALUE_BYTES];
                random.nextBytes(bytes);
                value.copyFrom(MemorySegment.ofArray(bytes));
                long trailer = InternalKeys.trailer(++sequence, InternalKeys.KIND_PUT);
                memtable.add(inserter, key, 0, 9, trailer, value, 0, VALUE_BYTES);
            }
        }
    }

    private List<TableOutput.Output> write(long maxTableBytes) {
        return output.write(memtable.cursor(), maxTableBytes, SyncSite.TABLE_FLUSH, bytes -> {});
    }

    private static long entries(List<TableOutput.Output> tables) {
        return tables.stream().mapToLong(table -> table.entry().entries()).sum();
    }

    @Test
    void write_ofFewEntries_isOneDurableTable() {
        fill(500, 2);
        List<TableOutput.Output> tables = write(Long.MAX_VALUE);
        assertThat(tables).hasSize(1);
        TableOutput.Output table = tables.getFirst();
        assertThat(table.file().name()).isEqualTo(FileName.table(table.entry().number()));
        assertThat(table.file().size()).isEqualTo(table.entry().fileBytes());
        assertThat(entries(tables)).isEqualTo(1000);
        assertThat(disk.pending()).isEmpty();
    }

    @Test
    void write_bySize_cutsBetweenUserKeysOnlyAndSyncsTheDirectoryOnce() {
        fill(60, 50);
        List<DiskOperation> syncs = new ArrayList<>();
        disk.onOperation(operation -> {
            if (operation.kind() == DiskOperation.Kind.SYNC_DIRECTORY) {
                syncs.add(operation);
            }
        });
        List<TableOutput.Output> tables = write(20_000);
        assertThat(tables).hasSizeGreaterThan(5);
        assertThat(syncs).hasSize(1);
        assertThat(entries(tables)).isEqualTo(3000);
        for (int i = 0; i < tables.size(); i++) {
            if (i > 0) {
                assertThat(tables.get(i - 1)
                                .entry()
                                .largest()
                                .compareUserKey(tables.get(i).entry().smallest()))
                        .isNegative();
            }
            // What it may exceed the bound by: the versions of one key, and what was estimated.
            assertThat(tables.get(i).entry().fileBytes()).isLessThan(20_000 + 50 * (VALUE_BYTES + 20) + 2_000);
        }
    }

    @Test
    void write_ofNoEntries_makesNoFile() {
        assertThat(write(1000)).isEmpty();
        assertThat(directory.list()).isEmpty();
    }

    @Test
    void write_thatFailsOrIsGivenUp_leavesNoFile() {
        fill(300, 1);
        for (DiskOperation.Kind kind :
                List.of(DiskOperation.Kind.CREATE, DiskOperation.Kind.WRITE, DiskOperation.Kind.SYNC_FILE)) {
            disk.inject(Fault.on(operation -> operation.kind() == kind).afterFirst(1));
            assertThatThrownBy(() -> write(20_000)).as("%s", kind).isInstanceOf(StorageException.class);
            assertThat(directory.list()).as("%s", kind).isEmpty();
            disk.clearFaults();
        }
        assertThatThrownBy(() -> output.write(memtable.cursor(), 20_000, SyncSite.TABLE_FLUSH, bytes -> {
                    throw new StorageException("given up", null);
                }))
                .hasMessage("given up");
        assertThat(directory.list()).isEmpty();
    }
}
