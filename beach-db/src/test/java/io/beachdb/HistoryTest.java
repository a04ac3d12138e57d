package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.RandomSource;
import io.beachdb.base.Scheduler;
import io.beachdb.testkit.CheckedVfs;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random histories of all operations against a {@link TreeMap}, under option sets that make everything happen often. */
class HistoryTest {
    private static final int STEPS = 2500;

    @TempDir
    private Path directory;

    record Case(String name, long seed, Options.Builder options) {
        @Override
        public String toString() {
            return name + ", seed " + seed;
        }
    }

    private static Options.Builder small() {
        return Options.builder()
                .memoryBytes(16L << 20)
                .writeBufferBytes(64 << 10)
                .seams(new Seams(CheckedVfs.system(), Scheduler.system(), RandomSource.seeded(5)));
    }

    static List<Case> cases() {
        return List.of(
                new Case("small memtables", 1, small()),
                new Case(
                        "tiny tables and levels",
                        2,
                        small().targetTableBytes(4096).baseLevelBytes(64 << 10).levelMultiplier(2)),
                new Case(
                        "one entry a block, no filter", 3, small().blockBytes(1).filterBitsPerKey(0)),
                new Case(
                        "uncompressed, level 0 at once",
                        4,
                        small().compression(Options.Compression.NONE).level0CompactionTables(1)),
                new Case(
                        "large blocks, manifest rolls over",
                        5,
                        small().blockBytes(64 << 10).manifestBytes(4096)),
                new Case("defaults", 6, Options.builder()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void history_ofEverything_equalsTheModel(Case c) {
        Random random = new Random(c.seed);
        NavigableMap<byte[], byte[]> model = new TreeMap<>(Arrays::compareUnsigned);
        Options options = c.options.build();
        BeachDB db = BeachDB.open(directory, options);
        List<Map.Entry<Snapshot, NavigableMap<byte[], byte[]>>> snapshots = new ArrayList<>();
        try {
            for (int i = 0; i < STEPS; i++) {
                switch (random.nextInt(100)) {
                    case 0 -> db.flush();
                    case 1 -> db.compact();
                    case 2 -> db.compact(Range.of(key(random), key(random)));
                    case 3 -> {
                        snapshots.forEach(s -> s.getKey().close());
                        snapshots.clear();
                        db.close();
                        db = BeachDB.open(directory, options);
                    }
                    case 4 -> snapshots.add(Map.entry(db.snapshot(), new TreeMap<>(model)));
                    case 5 -> {
                        if (!snapshots.isEmpty()) {
                            Map.Entry<Snapshot, NavigableMap<byte[], byte[]>> taken =
                                    snapshots.remove(random.nextInt(snapshots.size()));
                            compare(taken.getKey().cursor(), taken.getValue());
                            taken.getKey().close();
                        }
                    }
                    case 6, 7 -> walk(db, model, random);
                    case 8, 9, 10, 11, 12 -> {
                        byte[] key = key(random);
                        assertThat(db.get(key)).isEqualTo(model.get(key));
                    }
                    case 13, 14, 15, 16 -> batch(db, model, random);
                    case 17, 18, 19, 20, 21, 22, 23, 24 -> {
                        byte[] key = key(random);
                        db.delete(key, durability(random));
                        model.remove(key);
                    }
                    default -> {
                        byte[] key = key(random);
                        byte[] value = value(random);
                        db.put(key, value, durability(random));
                        model.put(key, value);
                    }
                }
            }
            compare(db.cursor(), model);
        } finally {
            db.close();
        }
    }

    private static Durability durability(Random random) {
        int choice = random.nextInt(40);
        return choice == 0 ? Durability.SYNCED : choice < 5 ? Durability.UNLOGGED : Durability.LOGGED;
    }

    private static byte[] key(Random random) {
        byte[] key = new byte[random.nextInt(4)];
        for (int i = 0; i < key.length; i++) {
            key[i] = (byte) (random.nextInt(5) * 63);
        }
        return key;
    }

    private static byte[] value(Random random) {
        byte[] value = new byte[random.nextInt(50) == 0 ? random.nextInt(20_000) : random.nextInt(100)];
        Arrays.fill(value, (byte) random.nextInt(256));
        return value;
    }

    private static void batch(BeachDB db, NavigableMap<byte[], byte[]> model, Random random) {
        WriteBatch batch = new WriteBatch();
        for (int i = random.nextInt(20); i >= 0; i--) {
            byte[] key = key(random);
            if (random.nextInt(3) == 0) {
                batch.delete(key);
                model.remove(key);
            } else {
                byte[] value = value(random);
                batch.put(key, value);
                model.put(key, value);
            }
        }
        db.write(batch, durability(random));
    }

    private static void compare(Cursor opened, NavigableMap<byte[], byte[]> model) {
        try (Cursor cursor = opened) {
            cursor.first();
            for (Map.Entry<byte[], byte[]> entry : model.entrySet()) {
                checkAt(cursor, entry);
                cursor.next();
            }
            assertThat(cursor.valid()).isFalse();
            cursor.last();
            for (Map.Entry<byte[], byte[]> entry : model.descendingMap().entrySet()) {
                checkAt(cursor, entry);
                cursor.previous();
            }
            assertThat(cursor.valid()).isFalse();
        }
    }

    private static void checkAt(Cursor cursor, Map.Entry<byte[], byte[]> expected) {
        assertThat(cursor.valid()).isTrue();
        assertThat(cursor.key().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(expected.getKey());
        assertThat(cursor.value().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(expected.getValue());
    }

    /** A walk of seeks and steps in both directions within bounds. */
    private static void walk(BeachDB db, NavigableMap<byte[], byte[]> model, Random random) {
        byte[] from = key(random);
        byte[] to = key(random);
        boolean empty = Arrays.compareUnsigned(from, to) >= 0;
        NavigableMap<byte[], byte[]> within =
                empty ? new TreeMap<>(Arrays::compareUnsigned) : model.subMap(from, true, to, false);
        try (Cursor cursor = db.cursor(Range.of(from, to))) {
            Map.Entry<byte[], byte[]> at = null;
            for (int i = 0; i < 30; i++) {
                byte[] target = key(random);
                switch (random.nextInt(at == null ? 4 : 8)) {
                    case 0 -> {
                        cursor.first();
                        at = within.firstEntry();
                    }
                    case 1 -> {
                        cursor.last();
                        at = within.lastEntry();
                    }
                    case 2 -> {
                        cursor.seek(target);
                        at = within.ceilingEntry(target);
                    }
                    case 3 -> {
                        cursor.seekAtOrBefore(target);
                        at = within.floorEntry(target);
                    }
                    case 4, 5 -> {
                        cursor.next();
                        at = within.higherEntry(Objects.requireNonNull(at).getKey());
                    }
                    default -> {
                        cursor.previous();
                        at = within.lowerEntry(Objects.requireNonNull(at).getKey());
                    }
                }
                assertThat(cursor.valid()).isEqualTo(at != null);
                if (at != null) {
                    checkAt(cursor, at);
                }
            }
        }
    }
}
