package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.Durability;
import io.beachdb.Options;
import io.beachdb.Range;
import io.beachdb.Reader;
import io.beachdb.Snapshot;
import io.beachdb.WriteBatch;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.SimulatedRandom;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * One random history, played under many options, and with reopenings, deaths of the process and power cuts between its
 * steps: all that a user sees must be the same, to the byte. No model is asked what is right; so what no model thought of
 * (what a cursor does after a turn, between two bounds, in a snapshot that a compaction passed) is compared too.
 */
class MetamorphicTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final long FIRST_SEED = 1;
    private static final int SEEDS = Integer.getInteger("beach.metamorphic.seeds", 4);
    private static final int STEPS = 250;
    private static final int DISTURBED_ONE_IN = 12;

    /** What differs from one playing of a history to the next. */
    private record Variation(String name, UnaryOperator<Options.Builder> options, boolean disturbed) {
        @Override
        public String toString() {
            return name + (disturbed ? ", disturbed" : "");
        }
    }

    private static List<Variation> variations() {
        Map<String, UnaryOperator<Options.Builder>> options = new TreeMap<>();
        options.put("small", o -> o);
        options.put(
                "defaults",
                o -> o.writeBufferBytes(1 << 20).level0CompactionTables(4).level0StopTables(20));
        options.put("one entry a block, no filter", o -> o.blockBytes(1).filterBitsPerKey(0));
        options.put(
                "tiny tables and levels, compacted at once",
                o -> o.targetTableBytes(4096)
                        .baseLevelBytes(64 << 10)
                        .levelMultiplier(2)
                        .level0CompactionTables(1));
        options.put(
                "uncompressed, large blocks, manifest rolls over",
                o -> o.compression(Options.Compression.NONE)
                        .blockBytes(64 << 10)
                        .manifestBytes(4096));
        options.put(
                "lifetimes checked, two compactions at once, short interval",
                o -> o.checkLifetimes(true)
                        .compactionThreads(2)
                        .level0CompactionTables(2)
                        .loggedSyncInterval(Duration.ofMillis(1)));
        List<Variation> variations = new ArrayList<>();
        options.forEach((name, change) -> {
            variations.add(new Variation(name, change, false));
            variations.add(new Variation(name, change, true));
        });
        return variations;
    }

    @Test
    void history_underManyOptionsAndDisturbances_showsTheSame() {
        long compared = 0;
        for (long seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
            Variation first = variations().getFirst();
            List<String> expected = play(seed, first);
            compared += expected.size();
            for (Variation variation : variations().subList(1, variations().size())) {
                List<String> shown = play(seed, variation);
                compared += shown.size();
                assertSame(expected, shown, "seed " + seed + ", " + variation + " against " + first);
            }
        }
        System.out.println(compared + " steps of " + SEEDS + " histories compared, "
                + variations().size() + " playings of each");
    }

    private static void assertSame(List<String> expected, List<String> shown, String what) {
        assertThat(shown).as(what).hasSameSizeAs(expected);
        for (int i = 0; i < STEPS; i++) {
            assertThat(shown.get(i)).as("%s, step %d", what, i).isEqualTo(expected.get(i));
        }
    }

    /** The comparison sees a loss: writes that are only logged, some of which a cut takes. */
    @Test
    void history_thatIsOnlyLogged_showsSomethingElse() {
        Variation quiet = variations().getFirst();
        Variation disturbed = new Variation(quiet.name, quiet.options, true);
        assertThat(quiet.disturbed).isFalse();
        List<String> expected = play(FIRST_SEED, quiet);
        List<String> shown = play(FIRST_SEED, disturbed, Durability.LOGGED);
        assertThatThrownBy(() -> assertSame(expected, shown, "only logged"))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("only logged, step ");
    }

    private static List<String> play(long seed, Variation variation) {
        return play(seed, variation, Durability.SYNCED);
    }

    private static List<String> play(long seed, Variation variation, Durability durability) {
        List<String> shown = new ArrayList<>();
        SimulatedRandom disturbance = new SimulatedRandom(variation.toString().hashCode() + seed);
        try (SteppedEngine engine = new SteppedEngine(seed)) {
            engine.open(DIRECTORY, variation.options);
            for (int i = 0; i < STEPS; i++) {
                if (variation.disturbed && disturbance.nextInt(DISTURBED_ONE_IN) == 0) {
                    disturb(engine, variation, disturbance);
                }
                Step step = new Step(new SimulatedRandom(seed * STEPS + i), durability);
                engine.step(db -> shown.add(step.play(db)));
            }
            engine.step(BeachDB::close);
            assertThat(engine.disk().violations()).isEmpty();
        }
        return shown;
    }

    /** Does what no user may notice; every write has been synced. */
    private static void disturb(SteppedEngine engine, Variation variation, SimulatedRandom random) {
        switch (random.nextInt(6)) {
            case 0 -> engine.step(BeachDB::flush);
            case 1 -> engine.step(BeachDB::compact);
            case 2 -> {
                engine.step(BeachDB::close);
                engine.open(DIRECTORY, variation.options);
            }
            case 3 -> {
                engine.kill();
                engine.open(DIRECTORY, variation.options);
            }
            default -> {
                engine.cutPower(CutPolicy.random(random.nextLong()));
                engine.open(DIRECTORY, variation.options);
            }
        }
    }

    /** One step of a history, that some random bits decide; its text is all that it showed. */
    private static final class Step {
        private final SimulatedRandom random;
        private final Durability durability;
        private final StringBuilder shown = new StringBuilder();

        Step(SimulatedRandom random, Durability durability) {
            this.random = random;
            this.durability = durability;
        }

        String play(BeachDB db) {
            switch (random.nextInt(12)) {
                case 0, 1 -> get(db);
                case 2 -> multiGet(db);
                case 3 -> scan(db);
                case 4 -> walk(db);
                case 5 -> snapshot(db);
                case 6 -> deleteMany(db);
                default -> write(db);
            }
            return shown.toString();
        }

        /** Few letters, so that keys meet and are prefixes of each other; the empty key is one. */
        private byte[] key() {
            byte[] key = new byte[random.nextInt(random.nextInt(8) + 1)];
            for (int i = 0; i < key.length; i++) {
                key[i] = (byte) (random.nextInt(10) == 0 ? 0xFF * random.nextInt(2) : 'a' + random.nextInt(3));
            }
            return key;
        }

        private byte[] value() {
            byte[] value = new byte[random.nextInt(20) == 0 ? random.nextInt(20_000) : random.nextInt(200)];
            Arrays.fill(value, (byte) random.nextInt(256));
            return value;
        }

        private Range range() {
            byte[] one = key();
            byte[] other = key();
            boolean ascending = Arrays.compareUnsigned(one, other) <= 0;
            return switch (random.nextInt(5)) {
                case 0 -> Range.all();
                case 1 -> Range.from(one);
                case 2 -> Range.to(one);
                case 3 -> Range.prefix(one);
                default -> ascending ? Range.of(one, other) : Range.of(other, one);
            };
        }

        private void write(BeachDB db) {
            WriteBatch batch = new WriteBatch();
            for (int i = random.nextInt(6); i >= 0; i--) {
                if (random.nextInt(4) == 0) {
                    batch.delete(key());
                } else {
                    batch.put(key(), value());
                }
            }
            db.write(batch, durability);
            show("wrote");
        }

        private void deleteMany(BeachDB db) {
            List<byte[]> found = new ArrayList<>();
            try (Cursor cursor = db.cursor(range())) {
                for (cursor.first(); cursor.valid(); cursor.next()) {
                    found.add(cursor.key().toArray(ValueLayout.JAVA_BYTE));
                }
            }
            show("deletes " + found.size());
            for (byte[] key : found.subList(0, found.size() / 2)) {
                db.delete(key, durability);
            }
        }

        private void get(Reader reader) {
            byte[] key = key();
            show(text(MemorySegment.ofArray(key)) + " is " + text(reader.get(key)));
        }

        private void multiGet(Reader reader) {
            List<byte[]> keys = new ArrayList<>();
            for (int i = random.nextInt(8); i >= 0; i--) {
                keys.add(key());
            }
            reader.multiGet(keys).forEach(value -> show(text(value)));
        }

        private void scan(Reader reader) {
            Range range = range();
            show("scan of " + range);
            try (Cursor cursor = reader.cursor(range)) {
                if (random.nextInt(2) == 0) {
                    for (cursor.first(); cursor.valid(); cursor.next()) {
                        show(cursor);
                    }
                } else {
                    for (cursor.last(); cursor.valid(); cursor.previous()) {
                        show(cursor);
                    }
                }
            }
        }

        /** A cursor that goes to and fro. */
        private void walk(Reader reader) {
            try (Cursor cursor = reader.cursor(range())) {
                for (int i = 0; i < 30; i++) {
                    int move = random.nextInt(cursor.valid() ? 10 : 4);
                    switch (move) {
                        case 0 -> cursor.first();
                        case 1 -> cursor.last();
                        case 2 -> cursor.seek(key());
                        case 3 -> cursor.seekAtOrBefore(key());
                        case 4, 5, 6 -> cursor.next();
                        default -> cursor.previous();
                    }
                    show(cursor);
                }
            }
        }

        private void snapshot(BeachDB db) {
            try (Snapshot snapshot = db.snapshot()) {
                for (int i = random.nextInt(4); i >= 0; i--) {
                    write(db);
                }
                walk(snapshot);
                scan(snapshot);
                multiGet(snapshot);
                get(snapshot);
            }
            scan(db);
        }

        private void show(Cursor cursor) {
            show(cursor.valid() ? text(cursor.key()) + "=" + text(cursor.value()) : "-");
        }

        private void show(String what) {
            shown.append(what).append('\n');
        }

        private static String text(byte @Nullable [] bytes) {
            return bytes == null ? "absent" : text(MemorySegment.ofArray(bytes));
        }

        /** Short bytes as they are, of long ones length and a hash. */
        private static String text(MemorySegment bytes) {
            byte[] array = bytes.toArray(ValueLayout.JAVA_BYTE);
            return array.length < 10
                    ? "'" + new String(array, StandardCharsets.ISO_8859_1) + "'"
                    : array.length + ":" + Arrays.hashCode(array);
        }
    }
}
