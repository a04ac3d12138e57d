package io.beachdb.memtable;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.MemoryBudget;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.memtable.Entries.Entry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Writers and readers at once: each entry is seen whole and in order, and all are there at the end. */
final class MemtableConcurrencyTest {
    private static final int WRITERS = 4;
    private static final int READERS = 2;
    private static final int PER_WRITER = 15_000;

    private final MemoryBudget budget = MemoryBudget.ofBytes(256 << 20);
    private final ExecutorService threads = Executors.newFixedThreadPool(WRITERS + READERS);

    // Entries that each writer has added for sure: readers must find them.
    private final AtomicLongArray added = new AtomicLongArray(WRITERS);
    private final AtomicInteger writing = new AtomicInteger(WRITERS);

    @AfterEach
    void close() {
        threads.shutdownNow();
        assertThat(budget.usedBytes()).isZero();
        budget.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void entries_addedAndReadAtOnce_areWholeInOrderAndComplete(long seed) throws Exception {
        try (Memtable memtable = new Memtable(budget.openAccount(), seed, seed % 2 * (64 << 10))) {
            List<Future<Void>> running = new ArrayList<>();
            for (int writer = 0; writer < WRITERS; writer++) {
                running.add(threads.submit(write(memtable, writer)));
            }
            for (int reader = 0; reader < READERS; reader++) {
                running.add(threads.submit(read(memtable, seed * 10 + reader)));
            }
            for (Future<Void> future : running) {
                future.get();
            }
            checkComplete(memtable);
        }
    }

    private Callable<Void> write(Memtable memtable, int writer) {
        return () -> {
            try {
                Inserter inserter = memtable.newInserter();
                for (int i = 0; i < PER_WRITER; i++) {
                    Entry entry = entry(writer, i);
                    Entries.add(memtable, inserter, entry.key(), entry.trailer(), entry.value());
                    added.set(writer, i + 1);
                }
            } finally {
                writing.decrementAndGet();
            }
            return null;
        };
    }

    private Callable<Void> read(Memtable memtable, long seed) {
        return () -> {
            SplittableRandom random = new SplittableRandom(seed);
            EntryCursor cursor = memtable.cursor();
            do {
                checkAddedIsFound(memtable, random);
                checkWalk(cursor, true, random);
                checkWalk(cursor, false, random);
            } while (writing.get() > 0);
            return null;
        };
    }

    private void checkAddedIsFound(Memtable memtable, SplittableRandom random) {
        for (int i = 0; i < 500; i++) {
            int writer = random.nextInt(WRITERS);
            long count = added.get(writer);
            if (count > 0) {
                Entry expected = entry(writer, random.nextLong(count));
                long found = Entries.find(memtable, expected.key(), InternalKeys.sequence(expected.trailer()));
                assertThat(found).as("%s", expected).isPositive();
                assertThat(Entries.entry(memtable, found)).isEqualTo(expected);
            }
        }
    }

    /** Walks some hundred entries from a random place. */
    private static void checkWalk(EntryCursor cursor, boolean forwards, SplittableRandom random) {
        Entry start = entry(random.nextInt(WRITERS), random.nextLong(PER_WRITER));
        if (forwards) {
            cursor.seek(Entries.memory(start.key()), 0, start.key().length, start.trailer());
        } else {
            cursor.seekBefore(Entries.memory(start.key()), 0, start.key().length, start.trailer());
        }
        Entry last = null;
        for (int i = 0; i < 500 && cursor.valid(); i++) {
            Entry seen = Entries.entry(cursor);
            checkWhole(seen);
            if (last != null) {
                int order = last.compareTo(seen);
                assertThat(forwards ? order < 0 : order > 0)
                        .as("%s, then %s", last, seen)
                        .isTrue();
            }
            last = seen;
            if (forwards) {
                cursor.next();
            } else {
                cursor.previous();
            }
        }
    }

    private void checkComplete(Memtable memtable) {
        List<Entry> expected = new ArrayList<>();
        for (int writer = 0; writer < WRITERS; writer++) {
            for (int i = 0; i < PER_WRITER; i++) {
                expected.add(entry(writer, i));
            }
        }
        expected.sort(null);
        int at = 0;
        EntryCursor cursor = memtable.cursor();
        for (cursor.first(); cursor.valid(); cursor.next()) {
            assertThat(Entries.entry(cursor)).isEqualTo(expected.get(at++));
        }
        assertThat(at).isEqualTo(expected.size());
        for (cursor.last(); cursor.valid(); cursor.previous()) {
            assertThat(Entries.entry(cursor)).isEqualTo(expected.get(--at));
        }
        assertThat(at).isZero();
        for (int level = 0; level < Memtable.MAX_HEIGHT; level++) {
            assertThat(Entries.level(memtable, level)).isSorted();
        }
        assertThat(memtable.entries()).isEqualTo(expected.size());
        assertThat(memtable.smallestSequence()).isEqualTo(1);
        assertThat(memtable.largestSequence()).isEqualTo(WRITERS * (long) PER_WRITER);
        assertThat(memtable.tombstones())
                .isEqualTo(expected.stream()
                        .filter(entry -> InternalKeys.kind(entry.trailer()) == InternalKeys.KIND_DELETE)
                        .count());
    }

    /**
     * What a writer adds as its i-th entry: a value that follows from the sequence. Two writers ascend side by side, each
     * key next to the other's; two jump about among few keys.
     */
    private static Entry entry(int writer, long i) {
        long sequence = i * WRITERS + writer + 1;
        long number = writer < 2 ? i * 2 + writer : new SplittableRandom(sequence).nextLong(PER_WRITER / 10) * 20;
        boolean put = sequence % 5 != 0;
        long trailer = InternalKeys.trailer(sequence, put ? InternalKeys.KIND_PUT : InternalKeys.KIND_DELETE);
        return new Entry(Entries.bytes(String.format("%08d", number)), trailer, put ? value(sequence) : new byte[0]);
    }

    private static byte[] value(long sequence) {
        byte[] value = new byte[(int) (sequence % 200)];
        Arrays.fill(value, (byte) (sequence % 251));
        return value;
    }

    private static void checkWhole(Entry entry) {
        long sequence = InternalKeys.sequence(entry.trailer());
        Entry expected = entry((int) ((sequence - 1) % WRITERS), (sequence - 1) / WRITERS);
        assertThat(entry).isEqualTo(expected);
    }
}
