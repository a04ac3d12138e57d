package io.beachdb.sstable;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random tables of many shapes against a sorted set: point reads, scans and random walks both ways. */
class TableModelTest {
    private static final int WALK_STEPS = 3000;

    /** Kinds of keys. */
    enum KeyShape {
        /** Zero to twelve bytes of a small alphabet that holds the extremes: many prefixes of one another. */
        TINY_ALPHABET,
        /** "user" and digits. */
        COMMON_PREFIX,
        /** Random bytes. */
        RANDOM,
        /** A few bytes behind a long equal run. */
        LONG_PREFIX,
        /** Some of them tens of kilobytes. */
        HUGE
    }

    record Case(String name, TableOptions options, KeyShape keys, int entries, int versions, int maxValue) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Case> cases() {
        TableOptions plain = TableOptions.DEFAULT.withCompression(Compression.NONE);
        TableOptions lz4 = TableOptions.DEFAULT;
        return Stream.of(
                new Case("one entry", plain, KeyShape.RANDOM, 1, 1, 10),
                new Case("default, digits", lz4, KeyShape.COMMON_PREFIX, 20_000, 1, 100),
                new Case("uncompressed, digits", plain, KeyShape.COMMON_PREFIX, 20_000, 1, 100),
                new Case("prefixes of one another", lz4, KeyShape.TINY_ALPHABET, 5_000, 3, 20),
                new Case("empty values", plain, KeyShape.RANDOM, 5_000, 1, 0),
                new Case("many versions", lz4, KeyShape.TINY_ALPHABET, 50, 400, 50),
                new Case("many versions, tiny blocks", plain.withBlockBytes(64), KeyShape.TINY_ALPHABET, 50, 400, 5),
                new Case("blocks of one byte", plain.withBlockBytes(1), KeyShape.TINY_ALPHABET, 2_000, 2, 10),
                new Case("partitions of one block", lz4.withPartitionBytes(1), KeyShape.RANDOM, 5_000, 1, 100),
                new Case(
                        "blocks and partitions of one entry",
                        plain.withBlockBytes(1).withPartitionBytes(1),
                        KeyShape.TINY_ALPHABET,
                        500,
                        4,
                        10),
                new Case("huge blocks", lz4.withBlockBytes(256 << 10), KeyShape.COMMON_PREFIX, 20_000, 1, 100),
                new Case(
                        "huge blocks of tiny entries",
                        plain.withBlockBytes(256 << 10),
                        KeyShape.TINY_ALPHABET,
                        30_000,
                        2,
                        0),
                new Case("no filter", lz4.withFilterBitsPerKey(0), KeyShape.RANDOM, 5_000, 2, 50),
                new Case("dense filter", lz4.withFilterBitsPerKey(20), KeyShape.RANDOM, 5_000, 2, 50),
                new Case("long equal prefixes", lz4, KeyShape.LONG_PREFIX, 5_000, 2, 50),
                new Case("huge keys", lz4, KeyShape.HUGE, 300, 2, 50),
                new Case("large values", lz4, KeyShape.COMMON_PREFIX, 30, 2, 700_000),
                new Case("large values, no compression", plain, KeyShape.TINY_ALPHABET, 30, 2, 700_000));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void table_ofRandomEntries_readsAsTheModel(Case one) {
        long seed = Long.getLong("beach.seed", one.name.hashCode());
        System.out.println("seed " + seed + " for " + one.name);
        Random random = new Random(seed);
        TreeSet<Entry> model = randomEntries(one, random);
        try (TableFixture fixture = new TableFixture()) {
            TableFixture.Written written = fixture.write(one.options, model);
            assertThat(written.metadata().entries()).isEqualTo(model.size());
            assertThat(written.metadata().fileBytes()).isEqualTo(fixture.bytes(written.number()).length);
            assertThat(fixture.chargedByReading()).isEmpty();
            try (TableReader reader = fixture.reader(written.number())) {
                checkProperties(reader.properties(), written.metadata(), model);
                List<Entry> sorted = new ArrayList<>(model);
                for (ReadOptions options : List.of(ReadOptions.COMPACTION, ReadOptions.CURSOR)) {
                    try (EntryCursor cursor = reader.cursor(options)) {
                        assertThat(TableFixture.scan(cursor).equals(sorted)).isTrue();
                        checkBackwards(cursor, sorted);
                        walk(fixture, cursor, model, random, one.maxValue > 100_000 ? 300 : WALK_STEPS);
                    }
                }
                checkGets(fixture, reader, model, sorted, random);
                fixture.result.close();
            }
            assertThat(fixture.chargedByReading()).isEmpty();
        }
    }

    private static TreeSet<Entry> randomEntries(Case one, Random random) {
        TreeSet<Entry> model = new TreeSet<>();
        for (int i = 0; i < one.entries; i++) {
            byte[] key = randomKey(one.keys, random, one.entries);
            int versions = 1 + random.nextInt(one.versions);
            for (int j = 0; j < versions; j++) {
                boolean delete = random.nextInt(8) == 0;
                long sequence = random.nextBoolean() ? random.nextInt(1000) : random.nextLong() >>> 8;
                byte[] value = new byte[delete ? 0 : random.nextInt(one.maxValue + 1)];
                if (random.nextBoolean()) {
                    random.nextBytes(value);
                } else {
                    Arrays.fill(value, (byte) random.nextInt(256));
                }
                int kind = delete ? InternalKeys.KIND_DELETE : InternalKeys.KIND_PUT;
                model.add(new Entry(key, InternalKeys.trailer(sequence, kind), value));
            }
        }
        return model;
    }

    private static byte[] randomKey(KeyShape shape, Random random, int range) {
        switch (shape) {
            case TINY_ALPHABET -> {
                byte[] key = new byte[random.nextInt(13)];
                byte[] alphabet = {0, 1, 'a', 'b', 0x7f, (byte) 0x80, (byte) 0xfe, (byte) 0xff};
                for (int i = 0; i < key.length; i++) {
                    key[i] = alphabet[random.nextInt(alphabet.length)];
                }
                return key;
            }
            case COMMON_PREFIX -> {
                return String.format("user%09d", random.nextInt(10 * range))
                        .getBytes(java.nio.charset.StandardCharsets.UTF_8);
            }
            case RANDOM -> {
                byte[] key = new byte[1 + random.nextInt(30)];
                random.nextBytes(key);
                return key;
            }
            case LONG_PREFIX -> {
                byte[] key = new byte[90 + random.nextInt(60)];
                Arrays.fill(key, 0, 80, (byte) 'p');
                key[random.nextInt(80)] = (byte) ('p' + random.nextInt(2));
                for (int i = 80; i < key.length; i++) {
                    key[i] = (byte) random.nextInt(3);
                }
                return key;
            }
            case HUGE -> {
                byte[] key = new byte[random.nextInt(10) == 0 ? 1 << 20 : random.nextInt(40_000)];
                Arrays.fill(key, (byte) random.nextInt(3));
                for (int i = 0; i < 5 && key.length > 0; i++) {
                    key[key.length - 1 - random.nextInt(Math.min(key.length, 30))] = (byte) random.nextInt(256);
                }
                return key;
            }
        }
        throw new AssertionError(shape);
    }

    private static void checkProperties(TableProperties properties, TableMetadata metadata, TreeSet<Entry> model) {
        long tombstones = model.stream()
                .filter(e -> InternalKeys.kind(e.trailer()) == InternalKeys.KIND_DELETE)
                .count();
        long raw = model.stream()
                .mapToLong(e -> e.key().length + 8 + e.value().length)
                .sum();
        assertThat(properties.entries()).isEqualTo(model.size());
        assertThat(properties.tombstones()).isEqualTo(tombstones).isEqualTo(metadata.tombstones());
        assertThat(properties.rawBytes()).isEqualTo(raw).isEqualTo(metadata.rawBytes());
        assertThat(properties.smallestSequence())
                .isEqualTo(
                        model.stream().mapToLong(e -> e.trailer() >>> 8).min().orElseThrow())
                .isEqualTo(metadata.smallestSequence());
        assertThat(properties.largestSequence())
                .isEqualTo(
                        model.stream().mapToLong(e -> e.trailer() >>> 8).max().orElseThrow())
                .isEqualTo(metadata.largestSequence());
        assertThat(properties.creationMillis()).isEqualTo(TableFixture.CREATED);
        assertThat(properties.keyspace()).isZero();
        assertThat(metadata.smallestKey()).isEqualTo(model.first().key());
        assertThat(metadata.smallestTrailer()).isEqualTo(model.first().trailer());
        assertThat(metadata.largestKey()).isEqualTo(model.last().key());
        assertThat(metadata.largestTrailer()).isEqualTo(model.last().trailer());
    }

    private static void checkBackwards(EntryCursor cursor, List<Entry> sorted) {
        int at = sorted.size();
        for (cursor.last(); cursor.valid(); cursor.previous()) {
            assertThat(TableFixture.entry(cursor)).isEqualTo(sorted.get(--at));
        }
        assertThat(at).isZero();
    }

    private static void walk(TableFixture fixture, EntryCursor cursor, TreeSet<Entry> model, Random random, int steps) {
        List<Entry> sorted = new ArrayList<>(model);
        cursor.first();
        @Nullable Entry expected = model.first();
        for (int i = 0; i < steps; i++) {
            int action = random.nextInt(20);
            if (expected == null && action < 14) {
                action = 14 + random.nextInt(6);
            }
            if (action < 7) {
                cursor.next();
                expected = model.higher(Objects.requireNonNull(expected));
            } else if (action < 14) {
                cursor.previous();
                expected = model.lower(Objects.requireNonNull(expected));
            } else {
                Entry target = randomTarget(sorted, random);
                switch (action) {
                    case 14 -> {
                        cursor.first();
                        expected = model.first();
                    }
                    case 15 -> {
                        cursor.last();
                        expected = model.last();
                    }
                    case 16, 17 -> {
                        fixture.seek(cursor, target.key(), target.trailer());
                        expected = model.ceiling(target);
                    }
                    default -> {
                        fixture.seekBefore(cursor, target.key(), target.trailer());
                        expected = model.lower(target);
                    }
                }
            }
            assertThat(cursor.valid() ? TableFixture.entry(cursor) : null).isEqualTo(expected);
        }
    }

    /** An entry of the table, or one near it: another trailer, a byte more or less or changed. */
    private static Entry randomTarget(List<Entry> sorted, Random random) {
        Entry near = sorted.get(random.nextInt(sorted.size()));
        byte[] key = near.key();
        long trailer = near.trailer();
        switch (random.nextInt(6)) {
            case 0 -> trailer += random.nextInt(3) - 1;
            case 1 -> trailer = InternalKeys.NEWEST_TRAILER;
            case 2 -> trailer = 0;
            case 3 -> key = Arrays.copyOf(key, key.length + 1);
            case 4 -> key = Arrays.copyOf(key, Math.max(0, key.length - 1));
            default -> {
                key = key.clone();
                if (key.length > 0) {
                    key[random.nextInt(key.length)] += (byte) (random.nextInt(3) - 1);
                }
            }
        }
        return new Entry(key, trailer, new byte[0]);
    }

    private static void checkGets(
            TableFixture fixture, TableReader reader, TreeSet<Entry> model, List<Entry> sorted, Random random) {
        int gets = Math.min(20_000, 20 + sorted.size() * 3);
        if (sorted.size() < 100) {
            gets = 100;
        }
        for (int i = 0; i < gets; i++) {
            Entry target = randomTarget(sorted, random);
            long sequence = InternalKeys.sequence(target.trailer());
            Entry bound = new Entry(target.key(), InternalKeys.seekTrailer(sequence), new byte[0]);
            Entry expected = model.ceiling(bound);
            if (expected != null && !Arrays.equals(expected.key(), target.key())) {
                expected = null;
            }
            assertThat(fixture.get(reader, target.key(), sequence)).isEqualTo(expected);
        }
    }
}
