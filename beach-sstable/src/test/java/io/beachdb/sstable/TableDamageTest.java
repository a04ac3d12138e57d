package io.beachdb.sstable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.BeachException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.durability.ReadableFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Damaged, cut, foreign and hostile files: a right answer or a named exception, whatever the bytes are. */
class TableDamageTest {
    private static final int HOSTILE_ROUNDS = Integer.getInteger("beach.rounds", 400);
    private static final TableOptions SMALL = new TableOptions(300, 500, 10, Compression.LZ4);

    /** About 20 KB of file: several partitions, filters, tombstones, versions. */
    private static TreeSet<Entry> entries() {
        Random random = new Random(7);
        TreeSet<Entry> entries = new TreeSet<>();
        while (entries.size() < 420) {
            byte[] value = new byte[random.nextInt(60)];
            if (random.nextBoolean()) {
                random.nextBytes(value);
            }
            boolean delete = random.nextInt(10) == 0;
            entries.add(new Entry(
                    ("key" + random.nextInt(300)).getBytes(StandardCharsets.UTF_8),
                    InternalKeys.trailer(
                            random.nextInt(100_000), delete ? InternalKeys.KIND_DELETE : InternalKeys.KIND_PUT),
                    delete ? new byte[0] : value));
        }
        return entries;
    }

    @ParameterizedTest
    @EnumSource(Compression.class)
    void read_withAnyOneByteChanged_isRightOrRefused(Compression compression) {
        TreeSet<Entry> model = entries();
        List<Entry> sorted = new ArrayList<>(model);
        Random random = new Random(11);
        try (TableFixture fixture = new TableFixture()) {
            long number =
                    fixture.write(SMALL.withCompression(compression), model).number();
            byte[] good = fixture.bytes(number);
            assertThat(good.length).isBetween(10_000, 40_000);
            for (int at = 0; at < good.length; at++) {
                byte[] bad = good.clone();
                bad[at] ^= (byte) (1 + random.nextInt(255));
                fixture.replace(number, bad);
                assertThat(damageFound(fixture, number))
                        .as("verify with byte %d changed", at)
                        .isTrue();
                checkReads(fixture, number, sorted, random, at);
            }
            assertThat(fixture.openFiles.get()).isZero();
            fixture.result.close();
            assertThat(fixture.chargedByReading()).isEmpty();
        }
    }

    private static boolean damageFound(TableFixture fixture, long number) {
        List<CorruptionException> found = new ArrayList<>();
        try (TableReader reader = fixture.reader(number)) {
            reader.verify(found::add);
        } catch (CorruptionException | UnsupportedFormatException e) {
            return true;
        }
        return !found.isEmpty();
    }

    private static void checkReads(TableFixture fixture, long number, List<Entry> sorted, Random random, int at) {
        try (TableReader reader = fixture.reader(number)) {
            for (int i = 0; i < 3; i++) {
                Entry target = sorted.get(random.nextInt(sorted.size()));
                try {
                    Entry found = fixture.get(reader, target.key(), InternalKeys.sequence(target.trailer()));
                    assertThat(found)
                            .as("get of %s with byte %d changed", target, at)
                            .isEqualTo(target);
                } catch (CorruptionException | UnsupportedFormatException e) {
                    assertThat(e).hasMessageStartingWith(fixture.directory.pathOf(FileName.table(number)));
                }
            }
            ReadOptions options = at % 2 == 0 ? ReadOptions.COMPACTION : ReadOptions.CURSOR;
            try (EntryCursor cursor = reader.cursor(options)) {
                List<Entry> found = new ArrayList<>();
                try {
                    for (cursor.first(); cursor.valid(); cursor.next()) {
                        found.add(TableFixture.entry(cursor));
                    }
                    assertThat(found.equals(sorted))
                            .as("scan with byte %d changed", at)
                            .isTrue();
                } catch (CorruptionException e) {
                    assertThat(cursor.valid()).isFalse();
                    assertThat(found.equals(sorted.subList(0, found.size())))
                            .as("scan up to the damage")
                            .isTrue();
                }
            } catch (CorruptionException | UnsupportedFormatException e) {
                assertThat(e).hasMessageStartingWith(fixture.directory.pathOf(FileName.table(number)));
            }
        }
    }

    @Test
    void open_ofEveryTruncation_isRefused() {
        try (TableFixture fixture = new TableFixture()) {
            long number = fixture.write(SMALL, entries()).number();
            byte[] good = fixture.bytes(number);
            for (int length = 0; length < good.length; length++) {
                fixture.replace(number, Arrays.copyOf(good, length));
                try (TableReader reader = fixture.reader(number)) {
                    assertThatThrownBy(reader::properties)
                            .as("cut to %d bytes", length)
                            .isInstanceOf(CorruptionException.class)
                            .hasMessageStartingWith(fixture.directory.pathOf(FileName.table(number)) + " at offset ");
                }
            }
            assertThat(fixture.openFiles.get()).isZero();
        }
    }

    @Test
    void open_ofAnotherLengthThanTheManifestNames_saysBoth() {
        try (TableFixture fixture = new TableFixture()) {
            long number = fixture.write(SMALL, entries()).number();
            byte[] good = fixture.bytes(number);
            for (int length : new int[] {0, 50, good.length / 2, good.length - 1, good.length + 1}) {
                fixture.replace(number, Arrays.copyOf(good, length));
                try (TableReader reader = fixture.reader(number, good.length)) {
                    assertThatThrownBy(reader::properties)
                            .isInstanceOf(CorruptionException.class)
                            .hasMessage(
                                    fixture.directory.pathOf(FileName.table(number)) + " at offset "
                                            + Math.min(length, good.length)
                                            + ": the file has " + length + " bytes, the MANIFEST names " + good.length
                                            + ". The file is damaged. Restore this file, or the whole directory, from a copy. Other tables are not affected.");
                }
            }
            assertThat(fixture.openFiles.get()).isZero();
        }
    }

    @Test
    void open_withBytesBehindTheEnd_isRefused() {
        try (TableFixture fixture = new TableFixture()) {
            long number = fixture.write(SMALL, entries()).number();
            byte[] good = fixture.bytes(number);
            fixture.replace(number, Arrays.copyOf(good, good.length + 1));
            try (TableReader reader = fixture.reader(number)) {
                assertThatThrownBy(reader::properties).isInstanceOf(CorruptionException.class);
            }
        }
    }

    @Test
    void open_ofAForeignFile_saysSo() {
        try (TableFixture fixture = new TableFixture()) {
            long number = fixture.write(SMALL, entries()).number();
            byte[] good = fixture.bytes(number);
            fixture.disk.install(fixture.path.resolve(FileName.table(77)), good);
            try (TableReader reader = fixture.reader(77)) {
                assertThatThrownBy(reader::properties)
                        .isInstanceOf(CorruptionException.class)
                        .hasMessageContaining("is file number 1 inside, its name says 77");
            }
            TableReader other = new TableReader(
                    () -> fixture.directory.open(FileName.table(number)),
                    new io.beachdb.base.format.DatabaseId(5, 6),
                    number,
                    good.length,
                    fixture.context);
            assertThatThrownBy(other::properties)
                    .isInstanceOf(CorruptionException.class)
                    .hasMessageContaining("belongs to database " + TableFixture.ID);
        }
    }

    @Test
    void open_ofANewerFormat_saysBothVersions() {
        try (TableFixture fixture = new TableFixture()) {
            long number = fixture.write(SMALL, entries()).number();
            byte[] bytes = fixture.bytes(number);
            rewriteHeader(bytes, new FileHeader(TableFormat.MAGIC, 2, 0, 0, TableFixture.ID, number));
            fixture.replace(number, bytes);
            try (TableReader reader = fixture.reader(number)) {
                assertThatThrownBy(reader::properties)
                        .isInstanceOf(UnsupportedFormatException.class)
                        .hasMessageContaining("format version 2, this library reads 1 to 1");
            }
            rewriteHeader(bytes, new FileHeader(TableFormat.MAGIC, 1, 8, 0, TableFixture.ID, number));
            fixture.replace(number, bytes);
            try (TableReader reader = fixture.reader(number)) {
                assertThatThrownBy(reader::properties)
                        .isInstanceOf(UnsupportedFormatException.class)
                        .hasMessageContaining("feature bits 0x8");
            }
        }
    }

    private static void rewriteHeader(byte[] file, FileHeader header) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(TableFormat.FOOTER_BYTES);
            int at = file.length - TableFormat.FOOTER_BYTES;
            MemorySegment.copy(file, at, memory, ValueLayout.JAVA_BYTE, 0, TableFormat.FOOTER_BYTES);
            header.write(memory, 0);
            int crc = Checksum.crc32c(memory, 0, TableFormat.FOOTER_CHECKSUM_OFFSET);
            memory.set(ValueLayout.JAVA_INT_UNALIGNED, TableFormat.FOOTER_CHECKSUM_OFFSET, crc);
            MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, 0, file, at, TableFormat.FOOTER_BYTES);
        }
    }

    @Test
    void read_ofABlockOfAnotherPlace_isRefused() {
        // Two blocks of equal length swapped: each is whole, neither is where it belongs.
        TreeSet<Entry> model = new TreeSet<>();
        for (int i = 0; i < 100; i++) {
            model.add(Entry.put("key" + (100 + i), 5, "v"));
        }
        try (TableFixture fixture = new TableFixture()) {
            long number = fixture.write(SMALL.withCompression(Compression.NONE), model)
                    .number();
            byte[] bytes = fixture.bytes(number);
            List<Long> handles = blocks(fixture, number);
            long first = handles.get(0);
            long second = handles.stream()
                    .skip(1)
                    .filter(h -> BlockHandle.length(h) == BlockHandle.length(first))
                    .findFirst()
                    .orElseThrow();
            int length = BlockHandle.length(first) + TableFormat.BLOCK_TRAILER_BYTES;
            byte[] swapped = bytes.clone();
            System.arraycopy(bytes, (int) BlockHandle.offset(first), swapped, (int) BlockHandle.offset(second), length);
            System.arraycopy(bytes, (int) BlockHandle.offset(second), swapped, (int) BlockHandle.offset(first), length);
            fixture.replace(number, swapped);
            try (TableReader reader = fixture.reader(number)) {
                byte[] key = model.first().key();
                assertThatThrownBy(() -> fixture.get(reader, key, 5))
                        .isInstanceOf(CorruptionException.class)
                        .hasMessageContaining("the checksum of a data block is");
            }
        }
    }

    static List<Long> blocks(TableFixture fixture, long number) {
        List<Long> handles = new ArrayList<>();
        TableVisitor visitor = new TableVisitor() {
            @Override
            public void block(long handle, Compression compression, int rawLength, BlockView block) {
                handles.add(handle);
            }

            @Override
            public void partition(
                    int partition, long indexHandle, BlockView index, long filterHandle, int filterProbes) {
                handles.add(indexHandle);
            }

            @Override
            public void footer(Footer footer, long offset) {
                handles.add(BlockHandle.of(footer.topOffset(), (int) footer.topLength()));
                handles.add(footer.metaHandle());
            }

            @Override
            public void damage(CorruptionException problem) {
                throw problem;
            }
        };
        try (TableFile file = new TableFile(fixture.directory.open(FileName.table(number)), number);
                TableWalk walk = new TableWalk(file, fixture.account, visitor)) {
            walk.run();
        }
        handles.sort(null);
        return handles;
    }

    /**
     * Blocks with changed bytes under a right checksum, as no disk makes them: reading ends, with whatever answer or a named
     * exception, and takes no memory to speak of.
     */
    @ParameterizedTest
    @EnumSource(Compression.class)
    void read_ofHostileBlocks_endsInAnAnswerOrANamedException(Compression compression) throws IOException {
        long seed = Long.getLong("beach.seed", 42);
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        TreeSet<Entry> model = entries();
        List<Entry> sorted = new ArrayList<>(model);
        model.add(new Entry("large".getBytes(StandardCharsets.UTF_8), InternalKeys.trailer(9, 1), new byte[300_000]));
        try (TableFixture fixture = new TableFixture()) {
            long number =
                    fixture.write(SMALL.withCompression(compression), model).number();
            byte[] good = fixture.bytes(number);
            List<Long> handles = blocks(fixture, number);
            for (int round = 0; round < HOSTILE_ROUNDS; round++) {
                byte[] bad = good.clone();
                long handle = handles.get(random.nextInt(handles.size()));
                mutate(bad, handle, random);
                seal(bad, handle, number);
                fixture.replace(number, bad);
                long before = fixture.budget.usedBytes();
                readAll(fixture, number, sorted.get(random.nextInt(sorted.size())));
                assertThat(fixture.budget.usedBytes() - before).isLessThan(4L << 20);
            }
            assertThat(fixture.budget.peakBytes()).isLessThan(200L << 20);
            assertThat(fixture.openFiles.get()).isZero();
        }
    }

    private static void mutate(byte[] file, long handle, Random random) {
        int from = (int) BlockHandle.offset(handle);
        int length = BlockHandle.length(handle) + 1; // the type too
        int changes = 1 + random.nextInt(3);
        for (int i = 0; i < changes; i++) {
            // The numbers at the end decide most.
            int at = random.nextBoolean() ? length - 1 - random.nextInt(Math.min(length, 40)) : random.nextInt(length);
            switch (random.nextInt(3)) {
                case 0 -> file[from + at] = (byte) random.nextInt(256);
                case 1 -> file[from + at] ^= (byte) (1 << random.nextInt(8));
                default -> file[from + at] = (byte) (random.nextBoolean() ? 0xFF : 0);
            }
        }
    }

    static void seal(byte[] file, long handle, long number) {
        int from = (int) BlockHandle.offset(handle);
        int length = BlockHandle.length(handle) + 1;
        int crc = new BlockChecksum().of(number, from, ByteBuffer.wrap(file), from, length);
        ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putInt(from + length, crc);
    }

    static void readAll(TableFixture fixture, long number, Entry target) throws IOException {
        try (TableReader reader = fixture.reader(number)) {
            reader.verify(
                    problem -> assertThat(problem.file()).isEqualTo(fixture.directory.pathOf(FileName.table(number))));
            quietly(() -> fixture.get(reader, target.key(), InternalKeys.MAX_SEQUENCE));
            quietly(() -> fixture.get(reader, "large".getBytes(StandardCharsets.UTF_8), InternalKeys.MAX_SEQUENCE));
            try (EntryCursor cursor = reader.cursor(ReadOptions.COMPACTION)) {
                quietly(() -> TableFixture.scan(cursor));
                quietly(() -> {
                    for (cursor.last(); cursor.valid(); cursor.previous()) {
                        TableFixture.entry(cursor);
                    }
                });
            }
            try (EntryCursor cursor = reader.cursor(ReadOptions.CURSOR)) {
                quietly(() -> fixture.seek(cursor, target.key(), target.trailer()));
                quietly(() -> fixture.seekBefore(cursor, target.key(), target.trailer()));
            }
        } catch (CorruptionException | UnsupportedFormatException e) {
            assertThat(e).hasMessageStartingWith(fixture.directory.pathOf(FileName.table(number)));
        }
        try (ReadableFile file = fixture.directory.open(FileName.table(number))) {
            TableDump.dump(file, number, fixture.account, new StringBuilder());
        } catch (UnsupportedFormatException e) {
            assertThat(e).hasMessageStartingWith(fixture.directory.pathOf(FileName.table(number)));
        }
    }

    private static void quietly(Runnable read) {
        @Nullable BeachException refused = null;
        try {
            read.run();
        } catch (CorruptionException | UnsupportedFormatException e) {
            refused = e;
        }
        if (refused != null) {
            assertThat(refused.getMessage()).isNotBlank();
        }
    }

    @Test
    void verify_ofTwoDamagedBlocks_tellsBothAndCountsNothing() {
        TreeSet<Entry> model = entries();
        try (TableFixture fixture = new TableFixture()) {
            long number = fixture.write(SMALL, model).number();
            byte[] bytes = fixture.bytes(number);
            List<Long> handles = blocks(fixture, number);
            long first = handles.get(2);
            long second = handles.get(20);
            bytes[(int) BlockHandle.offset(first)]++;
            bytes[(int) BlockHandle.offset(second) + 3]++;
            fixture.replace(number, bytes);
            List<CorruptionException> found = new ArrayList<>();
            try (TableReader reader = fixture.reader(number)) {
                reader.verify(found::add);
            }
            assertThat(found)
                    .extracting(CorruptionException::offset)
                    .containsExactly(BlockHandle.offset(first), BlockHandle.offset(second));
        }
    }

    @Test
    void verify_ofAWholeTable_findsNothingAndReadsEachByteOnce() {
        try (TableFixture fixture = new TableFixture()) {
            TreeSet<Entry> model = entries();
            model.add(
                    new Entry("large".getBytes(StandardCharsets.UTF_8), InternalKeys.trailer(9, 1), new byte[300_000]));
            long number = fixture.write(SMALL, model).number();
            List<CorruptionException> found = new ArrayList<>();
            long[] last = new long[1];
            try (TableReader reader = fixture.reader(number)) {
                reader.verify(new TableCheckListener() {
                    @Override
                    public void progress(long bytes) {
                        assertThat(bytes).isGreaterThanOrEqualTo(last[0]);
                        last[0] = bytes;
                    }

                    @Override
                    public void damage(CorruptionException problem) {
                        found.add(problem);
                    }
                });
            }
            assertThat(found).isEmpty();
            assertThat(last[0]).isEqualTo(fixture.bytes(number).length);
        }
    }

    @Test
    void verify_ofAWrongProperty_saysWhich() {
        // The count of entries changed, under a right checksum.
        try (TableFixture fixture = new TableFixture()) {
            TreeSet<Entry> model = new TreeSet<>(List.of(Entry.put("a", 1, "x"), Entry.put("b", 2, "y")));
            long number = fixture.write(SMALL, model).number();
            byte[] bytes = fixture.bytes(number);
            // The entry "entries": its head "entr" lies elsewhere, then suffix length, the rest, the value.
            int at = indexOf(bytes, new byte[] {7, 'i', 'e', 's', 2});
            bytes[at + 4] = 3;
            seal(bytes, named(fixture, number), number);
            fixture.replace(number, bytes);
            List<CorruptionException> found = new ArrayList<>();
            try (TableReader reader = fixture.reader(number)) {
                reader.verify(found::add);
            }
            assertThat(found).hasSize(1);
            assertThat(found.getFirst()).hasMessageContaining("the properties say entries 3, the table has 2");
        }
    }

    @Test
    void verify_ofAFilterWithoutItsKeys_saysSo() {
        try (TableFixture fixture = new TableFixture()) {
            TreeSet<Entry> model = new TreeSet<>(List.of(Entry.put("a", 1, "x"), Entry.put("b", 2, "y")));
            long number = fixture.write(SMALL, model).number();
            byte[] bytes = fixture.bytes(number);
            long filter;
            try (TableFile file = new TableFile(fixture.directory.open(FileName.table(number)), number)) {
                filter = BlockHandle.of(firstFilter(file, fixture), TableFormat.FILTER_LINE_BYTES);
            }
            Arrays.fill(
                    bytes,
                    (int) BlockHandle.offset(filter),
                    (int) BlockHandle.offset(filter) + TableFormat.FILTER_LINE_BYTES,
                    (byte) 0);
            seal(bytes, filter, number);
            fixture.replace(number, bytes);
            assertThat(problems(fixture, number))
                    .containsExactly(
                            "the key of entry 0 of a data block is not in the filter",
                            "the key of entry 1 of a data block is not in the filter");
        }
    }

    @Test
    void search_inAPartitionThatEndsBeforeItsSeparator_isDamage() {
        try (TableFixture fixture = new TableFixture()) {
            byte[] key = {'k'};
            TableOptions options = SMALL.withCompression(Compression.NONE).withFilterBitsPerKey(0);
            long number = fixture.write(options, new TreeSet<>(List.of(Entry.put("k", 1, "x"))))
                    .number();
            long index;
            try (TableFile file = new TableFile(fixture.directory.open(FileName.table(number)), number)) {
                index = firstPartition(file, fixture)[0];
            }
            byte[] bytes = fixture.bytes(number);
            int at = (int) BlockHandle.offset(index);
            while (bytes[at] != 'k') {
                at++;
            }
            bytes[at] = 'a';
            seal(bytes, index, number);
            fixture.replace(number, bytes);
            try (TableReader reader = fixture.reader(number);
                    EntryCursor cursor = reader.cursor(ReadOptions.COMPACTION)) {
                assertThatThrownBy(() -> fixture.get(reader, key, 5))
                        .isInstanceOf(CorruptionException.class)
                        .hasMessageContaining("an index partition ends before its separator");
                assertThatThrownBy(() -> cursor.seek(fixture.key(key), 3, 1, InternalKeys.NEWEST_TRAILER))
                        .isInstanceOf(CorruptionException.class)
                        .hasMessageContaining("an index partition ends before its separator");
            }
        }
    }

    private static long firstFilter(TableFile file, TableFixture fixture) {
        return BlockHandle.offset(firstPartition(file, fixture)[1]);
    }

    /** Returns the handles of the first index partition and its filter. */
    private static long[] firstPartition(TableFile file, TableFixture fixture) {
        long[] found = new long[2];
        TableVisitor visitor = new TableVisitor() {
            @Override
            public void partition(int number, long indexHandle, BlockView index, long filterHandle, int probes) {
                if (found[0] == 0) {
                    found[0] = indexHandle;
                    found[1] = filterHandle;
                }
            }

            @Override
            public void damage(CorruptionException problem) {
                throw problem;
            }
        };
        try (TableWalk walk = new TableWalk(file, fixture.account, visitor)) {
            walk.run();
        }
        return found;
    }

    @Test
    void verify_ofKeysOutOfOrder_saysSo() {
        try (TableFixture fixture = new TableFixture()) {
            TreeSet<Entry> model =
                    new TreeSet<>(List.of(Entry.put("a", 1, "x"), Entry.put("b", 2, "y"), Entry.put("c", 2, "z")));
            TableOptions options = SMALL.withCompression(Compression.NONE).withFilterBitsPerKey(0);
            long number = fixture.write(options, model).number();
            byte[] bytes = fixture.bytes(number);
            long block = blocks(fixture, number).getFirst();
            int heads = TableFormat.BLOCK_HEADER_BYTES;
            bytes[heads + TableFormat.HEAD_BYTES] = 'd';
            seal(bytes, block, number);
            fixture.replace(number, bytes);
            assertThat(problems(fixture, number))
                    .containsExactly("entry 2 of a data block is not after the one before it");
            bytes[heads + TableFormat.HEAD_BYTES] = 'b';
            bytes[heads + 2 * TableFormat.HEAD_BYTES] = 'd';
            seal(bytes, block, number);
            fixture.replace(number, bytes);
            assertThat(problems(fixture, number)).containsExactly("a data block has entries behind its separator");
        }
    }

    /** Returns what verifying finds, without place and advice. */
    private static List<String> problems(TableFixture fixture, long number) {
        List<String> found = new ArrayList<>();
        try (TableReader reader = fixture.reader(number)) {
            reader.verify(problem -> {
                String message = String.valueOf(problem.getMessage());
                found.add(message.substring(message.indexOf(": ") + 2, message.indexOf(". ")));
            });
        }
        return found;
    }

    static long named(TableFixture fixture, long number) {
        try (TableFile file = new TableFile(fixture.directory.open(FileName.table(number)), number);
                BlockFetcher fetcher =
                        new BlockFetcher(fixture.account, io.beachdb.base.MemoryUse.SCRATCH, ReadOptions.COMPACTION)) {
            return OpenTable.namedBlocks(file, OpenTable.readFooter(file, fetcher), fetcher)[0];
        }
    }

    private static int indexOf(byte[] bytes, byte[] wanted) {
        for (int i = 0; i + wanted.length <= bytes.length; i++) {
            if (Arrays.equals(bytes, i, i + wanted.length, wanted, 0, wanted.length)) {
                return i;
            }
        }
        throw new AssertionError("not there");
    }
}
