package io.beachdb.sstable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.StorageException;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.KeyHash;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What reading costs, keeps and refuses. That it reads right: TableModelTest. */
class TableReaderTest {
    private static final int ENTRIES = 30_000;

    private final TableFixture fixture = new TableFixture();

    @AfterEach
    void close() {
        fixture.close();
    }

    private static byte[] key(int number) {
        return String.format("key%08d", number).getBytes(StandardCharsets.UTF_8);
    }

    /** Even numbers, with values that LZ4 cannot shrink. */
    private static TreeSet<Entry> evenKeys(int count, int valueBytes) {
        Random random = new Random(3);
        TreeSet<Entry> entries = new TreeSet<>();
        for (int i = 0; i < count; i++) {
            byte[] value = new byte[valueBytes];
            random.nextBytes(value);
            entries.add(new Entry(key(2 * i), InternalKeys.trailer(i + 1, InternalKeys.KIND_PUT), value));
        }
        return entries;
    }

    @Test
    void reader_firstUse_readsTheEndOnceAndNothingBefore() {
        long number = fixture.write(TableOptions.DEFAULT, evenKeys(ENTRIES, 20)).number();
        try (TableReader reader = fixture.reader(number)) {
            assertThat(fixture.reads.get()).isZero();
            assertThat(reader.chargedBytes()).isZero();
            assertThat(reader.properties().entries()).isEqualTo(ENTRIES);
            assertThat(fixture.reads.get()).isEqualTo(1);
            assertThat(reader.chargedBytes()).isEqualTo(fixture.account.usedBytes(MemoryUse.TABLE));
            assertThat(reader.chargedBytes()).isBetween(1L, 8192L);
            assertThat(fixture.openFiles.get()).isEqualTo(1);
        }
        assertThat(fixture.account.usedBytes(MemoryUse.TABLE)).isZero();
        assertThat(fixture.openFiles.get()).isZero();
    }

    @Test
    void get_cold_readsFilterIndexAndOneDataBlock() {
        long number = fixture.write(TableOptions.DEFAULT, evenKeys(ENTRIES, 20)).number();
        try (TableReader reader = fixture.reader(number)) {
            reader.properties();
            int before = fixture.reads.get();
            assertThat(fixture.get(reader, key(2 * 12_345), InternalKeys.MAX_SEQUENCE))
                    .isNotNull();
            assertThat(fixture.reads.get() - before).isEqualTo(3);
            assertThat(fixture.get(reader, key(2 * 12_345), InternalKeys.MAX_SEQUENCE))
                    .isNotNull();
            assertThat(fixture.reads.get() - before).isEqualTo(3);
        }
    }

    @Test
    void get_ofAbsentKeys_seldomReadsBeyondTheFilter() {
        long number = fixture.write(TableOptions.DEFAULT, evenKeys(ENTRIES, 20)).number();
        try (TableReader reader = fixture.reader(number)) {
            long partitions = 0;
            for (int i = 0; i < ENTRIES; i += 500) {
                fixture.get(reader, key(2 * i), InternalKeys.MAX_SEQUENCE); // filters and indexes come to the cache
                partitions++;
            }
            int before = fixture.reads.get();
            for (int i = 0; i < ENTRIES; i++) {
                assertThat(fixture.get(reader, key(2 * i + 1), InternalKeys.MAX_SEQUENCE))
                        .isNull();
            }
            assertThat(fixture.reads.get() - before).isLessThan((int) (ENTRIES * 0.0125));
            assertThat(partitions).isPositive();
        }
    }

    @Test
    void getAndCursor_inMemory_allocateNothing() {
        long number = fixture.write(TableOptions.DEFAULT, evenKeys(20_000, 50)).number();
        try (TableReader reader = fixture.reader(number);
                EntryCursor cursor = reader.cursor(ReadOptions.CURSOR)) {
            assertThat(TableFixture.scan(cursor)).hasSize(20_000);
            byte[] template = key(0);
            MemorySegment memory = fixture.key(template);
            assertAllocates(0.01, 40_000, i -> get(reader, memory, 2 * (i % 20_000), PointResult.State.PUT));
            assertAllocates(0.01, 40_000, i -> get(reader, memory, 2 * (i % 20_000) + 1, PointResult.State.ABSENT));
            cursor.first();
            assertAllocates(0.01, 200_000, i -> step(cursor, true));
            cursor.last();
            assertAllocates(0.01, 200_000, i -> step(cursor, false));
            assertAllocates(0.01, 40_000, i -> {
                setDigits(memory, 2 * (i * 7919 % 20_000));
                cursor.seek(memory, 3, template.length, InternalKeys.NEWEST_TRAILER);
                cursor.copyValue(0, memory, 1000, cursor.valueLength());
            });
        }
    }

    private void get(TableReader reader, MemorySegment memory, int number, PointResult.State expected) {
        setDigits(memory, number);
        TableFixture.ReaderSlot slot = fixture.epochs.enter();
        long hash = KeyHash.hash(memory, 3, 11);
        reader.get(memory, 3, 11, hash, InternalKeys.NEWEST_TRAILER, fixture.result);
        PointResult.State state = fixture.result.state();
        fixture.epochs.exit(slot);
        if (state != expected) {
            throw new AssertionError("key " + number + " is " + state);
        }
    }

    private static void setDigits(MemorySegment memory, int number) {
        int rest = number;
        for (int i = 10; i >= 3; i--) {
            memory.set(ValueLayout.JAVA_BYTE, 3 + i, (byte) ('0' + rest % 10));
            rest /= 10;
        }
    }

    private static void step(EntryCursor cursor, boolean forward) {
        if (forward) {
            cursor.next();
        } else {
            cursor.previous();
        }
        if (!cursor.valid()) {
            if (forward) {
                cursor.first();
            } else {
                cursor.last();
            }
        }
        if (cursor.keyLength() != 11) {
            throw new AssertionError("a key of " + cursor.keyLength());
        }
    }

    @FunctionalInterface
    private interface Operation {
        void run(int i);
    }

    /** Checks the bytes that one operation allocates; what the compilers do meanwhile is not on this thread. */
    private static void assertAllocates(double most, int count, Operation operation) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        double least = Double.MAX_VALUE;
        for (int round = 0; round < 20 && least > most; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < count; i++) {
                operation.run(i);
            }
            least = Math.min(least, (threads.getCurrentThreadAllocatedBytes() - before) / (double) count);
        }
        assertThat(least).as("bytes allocated by one operation").isLessThan(most);
    }

    @Test
    void result_pinned_keepsTheValueAfterTheEpoch() {
        TreeSet<Entry> entries = evenKeys(1000, 20);
        long number = fixture.write(TableOptions.DEFAULT, entries).number();
        try (TableReader reader = fixture.reader(number);
                PointResult result = new PointResult(fixture.account)) {
            byte[] key = key(500);
            MemorySegment memory = fixture.key(key);
            long hash = KeyHash.hash(memory, 3, key.length);
            TableFixture.ReaderSlot slot = fixture.epochs.enter();
            reader.get(memory, 3, key.length, hash, InternalKeys.NEWEST_TRAILER, result);
            result.pin();
            fixture.epochs.exit(slot);
            assertThat(fixture.cache.stats().pinnedBytes()).isPositive();
            fixture.cache.drop(number);
            byte[] expected = entries.stream()
                    .filter(e -> java.util.Arrays.equals(e.key(), key))
                    .findFirst()
                    .orElseThrow()
                    .value();
            assertThat(result.valueMemory()
                            .asSlice(result.valueOffset(), result.valueLength())
                            .toArray(ValueLayout.JAVA_BYTE))
                    .isEqualTo(expected);
            assertThatThrownBy(() -> reader.get(memory, 3, key.length, hash, InternalKeys.NEWEST_TRAILER, result))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("still pinned");
            result.unpin();
            result.unpin();
            assertThat(fixture.cache.stats().pinnedBytes()).isZero();
        }
    }

    @Test
    void largeValue_copiesInParts() {
        byte[] value = new byte[1_000_000];
        new Random(5).nextBytes(value);
        TreeSet<Entry> entries = evenKeys(100, 20);
        entries.add(new Entry(key(51), InternalKeys.trailer(9, InternalKeys.KIND_PUT), value));
        long number = fixture.write(TableOptions.DEFAULT, entries).number();
        try (TableReader reader = fixture.reader(number);
                EntryCursor cursor = reader.cursor(ReadOptions.CURSOR)) {
            assertThat(fixture.get(reader, key(51), 9)).isNotNull();
            assertThat(fixture.result.isLarge()).isTrue();
            assertThatThrownBy(fixture.result::valueMemory).isInstanceOf(IllegalStateException.class);
            fixture.seek(cursor, key(51), InternalKeys.NEWEST_TRAILER);
            assertThat(cursor.valueLength()).isEqualTo(value.length);
            MemorySegment into = fixture.key(new byte[0]);
            int[][] parts = {{0, 10}, {65_530, 12}, {65_536, 65_536}, {999_990, 10}, {1_000_000, 0}, {100_000, 300_000}
            };
            for (int[] part : parts) {
                fixture.result.copyValue(part[0], into, 100, part[1]);
                assertThat(into.asSlice(100, part[1]).toArray(ValueLayout.JAVA_BYTE))
                        .isEqualTo(java.util.Arrays.copyOfRange(value, part[0], part[0] + part[1]));
                into.fill((byte) 0);
                cursor.copyValue(part[0], into, 100, part[1]);
                assertThat(into.asSlice(100, part[1]).toArray(ValueLayout.JAVA_BYTE))
                        .isEqualTo(java.util.Arrays.copyOfRange(value, part[0], part[0] + part[1]));
            }
            assertThatThrownBy(() -> cursor.copyValue(999_995, into, 0, 6))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> fixture.result.copyValue(-1, into, 0, 6))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            cursor.valueMemory();
            assertThat(fixture.account.usedBytes(MemoryUse.PINNED)).isGreaterThanOrEqualTo(value.length);
            cursor.next();
            assertThat(fixture.account.usedBytes(MemoryUse.PINNED)).isZero();
        }
    }

    @Test
    void scan_readsAheadAndWithoutFillCacheLeavesTheCacheAlone() {
        long number =
                fixture.write(TableOptions.DEFAULT, evenKeys(ENTRIES, 100)).number();
        int size = fixture.bytes(number).length;
        try (TableReader reader = fixture.reader(number)) {
            reader.properties();
            long inserts = fixture.cache.stats().inserts();
            int before = fixture.reads.get();
            try (EntryCursor cursor = reader.cursor(ReadOptions.COMPACTION)) {
                assertThat(TableFixture.scan(cursor)).hasSize(ENTRIES);
            }
            assertThat(fixture.cache.stats().inserts()).isEqualTo(inserts);
            assertThat(fixture.reads.get() - before).isLessThan(size / (256 << 10) * 2 + 20);
            assertThat(fixture.account.usedBytes(MemoryUse.COMPACTION)).isZero();
            before = fixture.reads.get();
            try (EntryCursor cursor = reader.cursor(ReadOptions.CURSOR)) {
                assertThat(TableFixture.scan(cursor)).hasSize(ENTRIES);
                assertThat(fixture.reads.get() - before).isLessThan(size / (256 << 10) * 2 + 30);
            }
            assertThat(fixture.cache.stats().inserts()).isGreaterThan(inserts + size / 5000);
            assertThat(fixture.cache.stats().pinnedBytes()).isZero();
        }
    }

    @Test
    void scanBackwards_readsAhead() {
        long number =
                fixture.write(TableOptions.DEFAULT, evenKeys(ENTRIES, 100)).number();
        int size = fixture.bytes(number).length;
        try (TableReader reader = fixture.reader(number);
                EntryCursor cursor = reader.cursor(ReadOptions.CURSOR)) {
            int before = fixture.reads.get();
            int count = 0;
            for (cursor.last(); cursor.valid(); cursor.previous()) {
                count++;
            }
            assertThat(count).isEqualTo(ENTRIES);
            assertThat(fixture.reads.get() - before).isLessThan(size / (256 << 10) * 2 + 30);
        }
    }

    @Test
    void approximateOffset_growsWithTheKey() {
        long number =
                fixture.write(TableOptions.DEFAULT, evenKeys(ENTRIES, 100)).number();
        int size = fixture.bytes(number).length;
        try (TableReader reader = fixture.reader(number)) {
            assertThat(offset(reader, key(0))).isZero();
            assertThat(offset(reader, key(2 * ENTRIES))).isEqualTo(size);
            assertThat(offset(reader, key(ENTRIES))).isBetween(size / 2L - 20_000, size / 2L + 20_000);
            long last = 0;
            for (int i = 0; i < 2 * ENTRIES; i += 501) {
                long next = offset(reader, key(i));
                assertThat(next).isGreaterThanOrEqualTo(last);
                last = next;
            }
        }
    }

    private long offset(TableReader reader, byte[] key) {
        return reader.approximateOffset(fixture.key(key), 3, key.length);
    }

    @Test
    void close_refusesWhatComesAfter() {
        long number = fixture.write(TableOptions.DEFAULT, evenKeys(10, 10)).number();
        TableReader reader = fixture.reader(number);
        EntryCursor cursor = reader.cursor(ReadOptions.CURSOR);
        cursor.first();
        cursor.close();
        cursor.close();
        assertThat(cursor.valid()).isFalse();
        assertThatThrownBy(cursor::next).isInstanceOf(ClosedException.class).hasMessageContaining("cursor");
        assertThatThrownBy(cursor::first).isInstanceOf(ClosedException.class);
        reader.close();
        reader.close();
        assertThatThrownBy(reader::properties)
                .isInstanceOf(ClosedException.class)
                .hasMessageContaining(FileName.table(number));
        TableReader neverOpened = fixture.reader(number);
        neverOpened.close();
        assertThatThrownBy(() -> fixture.get(neverOpened, key(0), 1)).isInstanceOf(ClosedException.class);
        assertThat(fixture.openFiles.get()).isZero();
    }

    @Test
    void cursor_onNoEntry_refusesSteps() {
        long number = fixture.write(TableOptions.DEFAULT, evenKeys(10, 10)).number();
        try (TableReader reader = fixture.reader(number);
                EntryCursor cursor = reader.cursor(ReadOptions.CURSOR)) {
            assertThat(cursor.valid()).isFalse();
            assertThatThrownBy(cursor::next).isInstanceOf(IllegalStateException.class);
            cursor.last();
            cursor.next();
            assertThat(cursor.valid()).isFalse();
            assertThatThrownBy(cursor::previous).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void read_thatTheSystemRefuses_isRepeatable() {
        TreeSet<Entry> entries = evenKeys(1000, 20);
        long number = fixture.write(TableOptions.DEFAULT, entries).number();
        try (TableReader reader = fixture.reader(number);
                EntryCursor cursor = reader.cursor(ReadOptions.CURSOR)) {
            fixture.disk.inject(Fault.on(operation -> operation.kind() == DiskOperation.Kind.READ));
            assertThatThrownBy(cursor::first).isInstanceOf(StorageException.class);
            assertThat(cursor.valid()).isFalse();
            cursor.first();
            assertThat(TableFixture.entry(cursor)).isEqualTo(entries.first());
            fixture.disk.inject(Fault.on(operation -> operation.kind() == DiskOperation.Kind.READ));
            assertThatThrownBy(() -> fixture.get(reader, key(1998), 5000)).isInstanceOf(StorageException.class);
            assertThat(fixture.get(reader, key(1998), 5000)).isEqualTo(entries.last());
        }
        assertThat(fixture.cache.stats().pinnedBytes()).isZero();
    }

    @Test
    void open_ofATableWithAnUnknownRequiredBlock_namesIt() {
        long number = fixture.write(TableOptions.DEFAULT, evenKeys(10, 10)).number();
        byte[] bytes = fixture.bytes(number);
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        // Another name for the one named block: ignored, then missed; as a required one, refused.
        int name = text.indexOf(TableFormat.META_PROPERTIES);
        bytes[name + "beach.".length()] = 'q';
        int value = name + TableFormat.META_PROPERTIES.length() + 1;
        long handle = java.nio.ByteBuffer.wrap(bytes)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .getLong(bytes.length - TableFormat.FOOTER_BYTES + TableFormat.FOOTER_META_OFFSET);
        TableDamageTest.seal(bytes, handle, number);
        fixture.replace(number, bytes);
        try (TableReader reader = fixture.reader(number)) {
            assertThatThrownBy(reader::properties)
                    .isInstanceOf(io.beachdb.base.CorruptionException.class)
                    .hasMessageContaining("does not name 'beach.properties'");
        }
        bytes[value] = 1;
        TableDamageTest.seal(bytes, handle, number);
        fixture.replace(number, bytes);
        try (TableReader reader = fixture.reader(number)) {
            assertThatThrownBy(reader::properties)
                    .isInstanceOf(UnsupportedFormatException.class)
                    .hasMessageContaining("needs the block 'beach.qroperties'");
        }
    }
}
