package io.beachdb.sstable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.Clock;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a flush writes, commits and drops; what the writer refuses. */
class TableOutputTest {
    private final TableFixture fixture = new TableFixture();
    private final AtomicLong numbers = new AtomicLong(1000);
    private final TableOutput.Target target = new TableOutput.Target(
            fixture.directory, TableFixture.ID, numbers::incrementAndGet, Clock.system(), fixture.account);

    @AfterEach
    void close() {
        assertThat(fixture.chargedByReading()).isEmpty();
        assertThat(fixture.openFiles.get()).isZero();
        fixture.close();
    }

    private static TreeSet<Entry> entries(int keys, int versions) {
        Random random = new Random(9);
        TreeSet<Entry> entries = new TreeSet<>();
        for (int i = 0; i < keys; i++) {
            byte[] key = String.format("key%06d", i).getBytes(StandardCharsets.UTF_8);
            for (int j = 0; j < versions; j++) {
                byte[] value = new byte[random.nextInt(200)];
                random.nextBytes(value);
                entries.add(new Entry(key, InternalKeys.trailer(j + 1, InternalKeys.KIND_PUT), value));
            }
        }
        return entries;
    }

    /** Writes entries to a table, and that table's cursor through an output. */
    private List<NewTable> copy(TreeSet<Entry> entries, long maxFileBytes) {
        long source = fixture.write(TableOptions.DEFAULT, entries).number();
        try (TableReader reader = fixture.reader(source);
                EntryCursor cursor = reader.cursor(ReadOptions.COMPACTION)) {
            return TableOutput.write(cursor, target, TableOptions.DEFAULT, maxFileBytes, SyncSite.TABLE_FLUSH);
        }
    }

    private List<Entry> read(List<NewTable> tables) {
        List<Entry> found = new ArrayList<>();
        for (NewTable table : tables) {
            try (TableReader reader = fixture.reader(table.metadata().fileNumber());
                    EntryCursor cursor = reader.cursor(ReadOptions.COMPACTION)) {
                reader.verify(problem -> {
                    throw problem;
                });
                found.addAll(TableFixture.scan(cursor));
            }
        }
        return found;
    }

    @Test
    void flush_ofFewEntries_isOneDurableTable() {
        TreeSet<Entry> entries = entries(500, 2);
        List<NewTable> tables = copy(entries, Long.MAX_VALUE);
        assertThat(tables).hasSize(1);
        assertThat(tables.getFirst().file().name()).isEqualTo(FileName.table(1001));
        assertThat(tables.getFirst().file().size())
                .isEqualTo(tables.getFirst().metadata().fileBytes());
        assertThat(fixture.disk.pending()).isEmpty();
        assertThat(read(tables)).isEqualTo(new ArrayList<>(entries));
    }

    @Test
    void flush_bySize_cutsBetweenUserKeysOnlyAndSyncsTheDirectoryOnce() {
        TreeSet<Entry> entries = entries(60, 50);
        List<DiskOperation> syncs = new ArrayList<>();
        long source = fixture.write(TableOptions.DEFAULT, entries).number();
        fixture.disk.onOperation(operation -> {
            if (operation.kind() == DiskOperation.Kind.SYNC_DIRECTORY) {
                syncs.add(operation);
            }
        });
        List<NewTable> tables;
        try (TableReader reader = fixture.reader(source);
                EntryCursor cursor = reader.cursor(ReadOptions.COMPACTION)) {
            tables = TableOutput.write(cursor, target, TableOptions.DEFAULT, 20_000, SyncSite.TABLE_FLUSH);
        }
        assertThat(tables).hasSizeGreaterThan(5);
        assertThat(syncs).hasSize(1);
        for (int i = 0; i < tables.size(); i++) {
            TableMetadata metadata = tables.get(i).metadata();
            if (i > 0) {
                byte[] before = tables.get(i - 1).metadata().largestKey();
                assertThat(Arrays.compareUnsigned(before, metadata.smallestKey()))
                        .isNegative();
            }
            // What it may exceed the bound by: the versions of one key, and what was estimated.
            assertThat(metadata.fileBytes()).isLessThan(20_000 + 50 * 220 + 2_000);
        }
        assertThat(read(tables)).isEqualTo(new ArrayList<>(entries));
    }

    @Test
    void flush_ofNoEntries_makesNoFile() {
        TreeSet<Entry> entries = entries(1, 1);
        long source = fixture.write(TableOptions.DEFAULT, entries).number();
        List<String> before = fixture.directory.list();
        try (TableOutput output = new TableOutput(target, TableOptions.DEFAULT, 1000)) {
            assertThat(output.currentFileBytes()).isZero();
            assertThat(output.commit(SyncSite.TABLE_FLUSH)).isEmpty();
        }
        assertThat(fixture.directory.list()).isEqualTo(before).contains(FileName.table(source));
    }

    @Test
    void flush_ofALargeValue_copiesItWhole() {
        TreeSet<Entry> entries = entries(20, 1);
        byte[] value = new byte[2_345_678];
        new Random(1).nextBytes(value);
        entries.add(new Entry(
                "key000010x".getBytes(StandardCharsets.UTF_8), InternalKeys.trailer(5, InternalKeys.KIND_PUT), value));
        assertThat(read(copy(entries, Long.MAX_VALUE)).equals(new ArrayList<>(entries)))
                .isTrue();
        // Piece by piece: neither reading nor writing held the value.
        assertThat(fixture.budget.peakBytes()).isLessThan(30L << 20);
    }

    @Test
    void output_thatIsNotCommitted_leavesNoFile() {
        TreeSet<Entry> entries = entries(300, 1);
        long source = fixture.write(TableOptions.DEFAULT, entries).number();
        List<String> before = fixture.directory.list();
        try (TableReader reader = fixture.reader(source);
                EntryCursor cursor = reader.cursor(ReadOptions.COMPACTION);
                TableOutput output = new TableOutput(target, TableOptions.DEFAULT, 5_000)) {
            for (cursor.first(); cursor.valid(); cursor.next()) {
                output.add(cursor);
            }
            assertThat(fixture.directory.list()).hasSizeGreaterThan(before.size() + 3);
        }
        assertThat(fixture.directory.list()).isEqualTo(before);
    }

    @Test
    void output_whoseSyncFails_leavesNoFile() {
        TreeSet<Entry> entries = entries(300, 1);
        for (DiskOperation.Kind kind : List.of(DiskOperation.Kind.SYNC_FILE, DiskOperation.Kind.WRITE)) {
            long source = fixture.write(TableOptions.DEFAULT, entries).number();
            List<String> before = fixture.directory.list();
            try (TableReader reader = fixture.reader(source);
                    EntryCursor cursor = reader.cursor(ReadOptions.COMPACTION)) {
                cursor.first();
                fixture.disk.inject(Fault.on(operation -> operation.kind() == kind));
                assertThatThrownBy(() -> TableOutput.write(
                                cursor, target, TableOptions.DEFAULT, Long.MAX_VALUE, SyncSite.TABLE_FLUSH))
                        .isInstanceOf(StorageException.class);
            }
            assertThat(fixture.directory.list()).isEqualTo(before);
        }
    }

    @Test
    void writer_ofEntriesOutOfOrder_refuses() {
        List<List<Entry>> disorders = List.of(
                List.of(Entry.put("b", 1, ""), Entry.put("a", 1, "")),
                List.of(Entry.put("ab", 1, ""), Entry.put("a", 1, "")),
                List.of(Entry.put("a", 1, ""), Entry.put("a", 1, "")),
                List.of(Entry.put("a", 1, ""), Entry.put("a", 2, "")));
        for (List<Entry> disorder : disorders) {
            PendingFile file = fixture.directory.create("disorder");
            try (TableWriter writer =
                    new TableWriter(file, TableOptions.DEFAULT, TableFixture.ID, 1, 0, fixture.account)) {
                fixture.add(writer, disorder.get(0));
                assertThatThrownBy(() -> fixture.add(writer, disorder.get(1)))
                        .isInstanceOf(AssertionError.class)
                        .hasMessageContaining("W1")
                        .hasMessageContaining(" comes after ");
            } finally {
                file.abandon();
            }
        }
    }

    @Test
    void writer_withoutEntriesOrTwice_refusesToFinish() {
        PendingFile file = fixture.directory.create("empty");
        try (TableWriter writer = new TableWriter(file, TableOptions.DEFAULT, TableFixture.ID, 1, 0, fixture.account)) {
            assertThatThrownBy(writer::finish).isInstanceOf(IllegalStateException.class);
            fixture.add(writer, Entry.put("a", 1, "x"));
            assertThat(writer.finish().entries()).isEqualTo(1);
            assertThatThrownBy(writer::finish).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> fixture.add(writer, Entry.put("b", 1, "x")))
                    .isInstanceOf(IllegalStateException.class);
        } finally {
            file.abandon();
        }
    }

    @Test
    void writer_estimate_isNearAndGrows() {
        PendingFile file = fixture.directory.create("estimate");
        try (TableWriter writer = new TableWriter(file, TableOptions.DEFAULT, TableFixture.ID, 1, 0, fixture.account)) {
            long last = 0;
            for (Entry entry : entries(5_000, 1)) {
                fixture.add(writer, entry);
                last = writer.estimatedFileBytes();
            }
            long size = writer.finish().fileBytes();
            assertThat(last).isBetween(size * 95 / 100, size * 105 / 100);
        } finally {
            file.abandon();
        }
    }

    @Test
    void options_outOfRange_sayTheRange() {
        assertThatThrownBy(() -> TableOptions.DEFAULT.withBlockBytes(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("blockBytes is 0, allowed 1 to 262144");
        assertThatThrownBy(() -> TableOptions.DEFAULT.withFilterBitsPerKey(21))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new ReadOptions(true, 5, 4)).isInstanceOf(IllegalArgumentException.class);
    }
}
