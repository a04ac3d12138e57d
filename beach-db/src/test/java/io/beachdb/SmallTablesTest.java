package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.KeyEncoder;
import io.beachdb.base.RandomSource;
import io.beachdb.base.Scheduler;
import io.beachdb.testkit.CheckedVfs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tables that are small and neighbours become one: of their own accord when they are many, all of them when asked for. */
class SmallTablesTest {
    private static final int MANY = 200;

    @TempDir
    private Path directory;

    private static Options.Builder options() {
        return Options.builder()
                .memoryBytes(16L << 20)
                .writeBufferBytes(256 << 10)
                .compression(Options.Compression.NONE)
                .checkLifetimes(true)
                .seams(new Seams(CheckedVfs.system(), Scheduler.system(), RandomSource.system()));
    }

    private static byte[] key(int i) {
        return KeyEncoder.INT.encode(i);
    }

    /** Makes tables that do not overlap, so that they only move down. */
    private static void makeTables(BeachDB db, int from, int to, int valueBytes) {
        for (int i = from; i < to; i++) {
            byte[] value = new byte[valueBytes];
            value[0] = (byte) i;
            db.put(key(i), value, Durability.LOGGED);
            db.flush();
        }
        db.awaitRest();
    }

    private static int tables(BeachDB db) {
        return db.stats().levels().stream()
                .mapToInt(DatabaseStats.Level::tables)
                .sum();
    }

    private static void checkAll(BeachDB db, int count) {
        try (Cursor cursor = db.cursor(Range.all())) {
            int i = 0;
            for (cursor.first(); cursor.valid(); cursor.next()) {
                assertThat(cursor.key().mismatch(MemorySegment.ofArray(key(i)))).isEqualTo(-1);
                assertThat(cursor.value().get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) i);
                i++;
            }
            assertThat(i).isEqualTo(count);
        }
    }

    @Test
    void manySmallTables_areMergedByTiers() {
        try (BeachDB db = BeachDB.open(directory, options().build())) {
            makeTables(db, 0, MANY, 100);
            assertThat(tables(db)).isLessThan(MANY / 5);
            DatabaseStats stats = db.stats();
            assertThat(stats.compactedBytes()).isLessThan(3 * stats.flushedBytes()); // each entry a few times only
            checkAll(db, MANY);
        }
    }

    @Test
    void tableAnOpening_doesNotAddUp() {
        for (int i = 0; i < 40; i++) {
            try (BeachDB db = BeachDB.open(directory, options().build())) {
                db.put(key(i), new byte[] {(byte) i});
                db.awaitRest();
            }
        }
        try (BeachDB db = BeachDB.open(directory, options().build())) {
            db.awaitRest();
            assertThat(tables(db)).isLessThan(20);
            checkAll(db, 40);
        }
    }

    @Test
    void compact_neighboursThatFitOneTable_areOne() {
        try (BeachDB db = BeachDB.open(directory, options().build())) {
            makeTables(db, 0, 50, 100);
            db.compact();
            assertThat(tables(db)).isEqualTo(1);
            checkAll(db, 50);
            long compacted = db.stats().compactedBytes();
            db.compact();
            assertThat(db.stats().compactedBytes()).isEqualTo(compacted);
        }
    }

    @Test
    void compact_ofRange_leavesTablesBesideIt() {
        try (BeachDB db = BeachDB.open(directory, options().build())) {
            makeTables(db, 0, 7, 100); // too few to merge of their own accord
            db.compact(Range.of(key(2), key(4)));
            assertThat(tables(db))
                    .as("those of 2 and 3, and where the range ends 4")
                    .isBetween(5, 6);
            checkAll(db, 7);
        }
    }

    @Test
    void compact_neighboursThatFillTables_areLeftAlone() {
        Options options = options().targetTableBytes(16 << 10).build();
        try (BeachDB db = BeachDB.open(directory, options)) {
            makeTables(db, 0, 20, 10 << 10);
            db.compact();
            assertThat(tables(db)).isEqualTo(20);
            assertThat(db.stats().compactedBytes()).isZero();
            checkAll(db, 20);
        }
    }

    @Test
    void compact_mixedSizes_noTwoNeighboursFitOne() {
        Options options = options().targetTableBytes(64 << 10).build();
        try (BeachDB db = BeachDB.open(directory, options)) {
            makeTables(db, 0, 10, 30 << 10);
            makeTables(db, 10, 40, 1 << 10);
            makeTables(db, 40, 44, 60 << 10);
            db.compact();
            assertThat(tables(db)).isEqualTo(5 + 1 + 4);
            checkAll(db, 44);
        }
    }

    /** Blocks that are larger than tables: each table ends in its first block, which is raw then and small on disk. */
    @Test
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void tablesThatCompressWell_areNotMergedForEver() {
        Options options = options()
                .compression(Options.Compression.LZ4)
                .blockBytes(256 << 10)
                .targetTableBytes(64 << 10)
                .build();
        try (BeachDB db = BeachDB.open(directory, options)) {
            for (int i = 0; i < 20; i++) {
                db.put(key(i), new byte[60 << 10], Durability.LOGGED);
                db.flush();
            }
            db.awaitRest();
            assertThat(tables(db)).isEqualTo(20);
            db.compact();
            assertThat(tables(db)).isEqualTo(20);
        }
    }
}
