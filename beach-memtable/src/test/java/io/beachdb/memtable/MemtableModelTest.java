package io.beachdb.memtable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.MemoryBudget;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.memtable.Entries.Entry;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableSet;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random histories against a sorted set of {@code java.util}: same entries, same order, same answers at every edge. */
final class MemtableModelTest {
    private static final int ENTRIES = 1500;
    private static final byte[] NOTHING = new byte[0];

    private final MemoryBudget budget = MemoryBudget.ofBytes(64 << 20);

    @AfterEach
    void close() {
        assertThat(budget.usedBytes()).isZero();
        budget.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void history_random_readsAsTheModel(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        try (Memtable memtable = new Memtable(budget.openAccount(), random.nextLong(), seed % 2 * 4096)) {
            NavigableSet<Entry> model = fill(memtable, random);
            assertThat(memtable.entries()).isEqualTo(model.size());
            checkWalks(memtable, model);
            checkSeeks(memtable, model, random);
            checkFinds(memtable, model, random);
            checkTurns(memtable, model, random);
        }
    }

    private static NavigableSet<Entry> fill(Memtable memtable, SplittableRandom random) {
        NavigableSet<Entry> model = new TreeSet<>();
        Inserter[] inserters = {memtable.newInserter(), memtable.newInserter()};
        byte[] last = NOTHING;
        for (int sequence = 1; sequence <= ENTRIES; sequence++) {
            if (random.nextInt(5) == 0 && !model.isEmpty()) {
                refuseAgain(memtable, inserters[random.nextInt(2)], model, random);
            }
            // Now and then a key near the last one, for the inserters' memory.
            byte[] key = random.nextInt(3) == 0 ? neighbour(last, random) : randomKey(random);
            boolean put = random.nextInt(4) != 0;
            byte[] value = put ? randomBytes(random, random.nextInt(100)) : NOTHING;
            long trailer = InternalKeys.trailer(sequence, put ? InternalKeys.KIND_PUT : InternalKeys.KIND_DELETE);
            Entries.add(memtable, inserters[random.nextInt(2)], key, trailer, value);
            model.add(new Entry(key, trailer, value));
            last = key;
        }
        return model;
    }

    /** What is there already is refused, midway through the inserter's work: that must not lead later entries astray. */
    private static void refuseAgain(
            Memtable memtable, Inserter inserter, NavigableSet<Entry> model, SplittableRandom random) {
        Entry from = model.ceiling(new Entry(randomKey(random), InternalKeys.NEWEST_TRAILER, NOTHING));
        Entry again = from == null ? model.first() : from;
        assertThatThrownBy(() -> Entries.add(memtable, inserter, again.key(), again.trailer(), NOTHING))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** Few different bytes and often a long common start, so that keys meet, and differ late as well as early. */
    private static byte[] randomKey(SplittableRandom random) {
        byte[] key = new byte[random.nextInt(4) == 0 ? random.nextInt(60) : random.nextInt(4)];
        int same = random.nextInt(key.length + 1);
        for (int i = same; i < key.length; i++) {
            key[i] = (byte) (random.nextInt(3) * 127);
        }
        return key;
    }

    private static byte[] neighbour(byte[] key, SplittableRandom random) {
        byte[] near = Arrays.copyOf(key, key.length + random.nextInt(2));
        if (near.length > 0) {
            near[near.length - 1] += (byte) (random.nextInt(3) - 1);
        }
        return near;
    }

    private static byte[] randomBytes(SplittableRandom random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private static void checkWalks(Memtable memtable, NavigableSet<Entry> model) {
        for (int level = 0; level < Memtable.MAX_HEIGHT; level++) {
            assertThat(Entries.level(memtable, level)).isSorted();
        }
        EntryCursor cursor = memtable.cursor();
        List<Entry> forwards = new ArrayList<>();
        for (cursor.first(); cursor.valid(); cursor.next()) {
            forwards.add(Entries.entry(cursor));
        }
        assertThat(forwards).containsExactlyElementsOf(model);
        List<Entry> backwards = new ArrayList<>();
        for (cursor.last(); cursor.valid(); cursor.previous()) {
            backwards.add(Entries.entry(cursor));
        }
        assertThat(backwards).containsExactlyElementsOf(model.descendingSet());
    }

    private static void checkSeeks(Memtable memtable, NavigableSet<Entry> model, SplittableRandom random) {
        EntryCursor cursor = memtable.cursor();
        List<Entry> edges = new ArrayList<>();
        for (Entry entry : model) {
            edges.add(entry);
            edges.add(new Entry(entry.key(), entry.trailer() + 1, NOTHING));
            edges.add(new Entry(entry.key(), entry.trailer() - 1, NOTHING));
            edges.add(new Entry(entry.key(), 0, NOTHING));
            edges.add(new Entry(entry.key(), InternalKeys.NEWEST_TRAILER, NOTHING));
            edges.add(new Entry(randomKey(random), entry.trailer(), NOTHING));
        }
        for (Entry edge : edges) {
            MemorySegment key = Entries.memory(edge.key());
            cursor.seek(key, 0, edge.key().length, edge.trailer());
            checkStands(cursor, model.ceiling(edge), edge);
            cursor.seekBefore(key, 0, edge.key().length, edge.trailer());
            checkStands(cursor, model.lower(edge), edge);
        }
    }

    private static void checkFinds(Memtable memtable, NavigableSet<Entry> model, SplittableRandom random) {
        for (int i = 0; i < 3 * ENTRIES; i++) {
            byte[] key = randomKey(random);
            long sequence = random.nextInt(ENTRIES + 2);
            Entry expected = model.ceiling(new Entry(key, InternalKeys.seekTrailer(sequence), NOTHING));
            long found = Entries.find(memtable, key, sequence);
            if (expected == null || !Arrays.equals(expected.key(), key)) {
                assertThat(found).isZero();
            } else {
                assertThat(found).isPositive();
                assertThat(Entries.entry(memtable, found)).isEqualTo(expected);
            }
        }
    }

    /** Steps that change direction at random, while entries come in: what was there at the start is seen, in order. */
    private static void checkTurns(Memtable memtable, NavigableSet<Entry> model, SplittableRandom random) {
        EntryCursor cursor = memtable.cursor();
        Inserter inserter = memtable.newInserter();
        Entry at = model.first();
        boolean forwards = true;
        cursor.first();
        for (int step = 0; step < 5 * ENTRIES; step++) {
            if (random.nextInt(20) == 0) {
                byte[] key = neighbour(at.key(), random);
                long trailer = InternalKeys.trailer(ENTRIES + 1 + step, InternalKeys.KIND_PUT);
                Entries.add(memtable, inserter, key, trailer, NOTHING);
                model.add(new Entry(key, trailer, NOTHING));
            }
            if (random.nextInt(30) == 0) {
                forwards = !forwards;
            }
            if (forwards) {
                cursor.next();
            } else {
                cursor.previous();
            }
            Entry expected = forwards ? model.higher(at) : model.lower(at);
            // An entry added since the cursor was last positioned from afar may be passed by; an older one may not.
            while (expected != null
                    && isYoung(expected)
                    && !(cursor.valid() && Entries.entry(cursor).equals(expected))) {
                expected = forwards ? model.higher(expected) : model.lower(expected);
            }
            checkStands(cursor, expected, at);
            if (expected == null) {
                forwards = !forwards;
                if (forwards) {
                    cursor.first();
                } else {
                    cursor.last();
                }
                expected = forwards ? model.first() : model.last();
                checkStands(cursor, expected, at);
            }
            at = expected;
        }
    }

    private static boolean isYoung(Entry entry) {
        return InternalKeys.sequence(entry.trailer()) > ENTRIES;
    }

    private static void checkStands(EntryCursor cursor, @Nullable Entry expected, Entry from) {
        if (expected == null) {
            assertThat(cursor.valid()).as("end of the list, from %s", from).isFalse();
        } else {
            assertThat(cursor.valid()).as("from %s to %s", from, expected).isTrue();
            assertThat(Entries.entry(cursor)).as("from %s", from).isEqualTo(expected);
        }
    }
}
