package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Reads of all kinds on many threads while the database is closed: each returns what is there or throws
 * {@link ClosedException}, all threads end, and no memory stays behind.
 */
@Timeout(300)
class CloseRaceTest {
    private static final int ROUNDS = 60;
    private static final int KEYS = 400;
    private static final int READS_BEFORE_THE_CLOSE = 20;
    private static final int LARGEST_VALUE = 300_000;
    private static final int WRITERS = 6;
    private static final Durability[] DURABILITIES = Durability.values();

    @TempDir
    private Path directory;

    private static byte[] key(int i) {
        return String.format("key%05d", i).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    }

    private static byte[] value(int i) {
        // Some are too large to be saved by a cursor, and some so large that a table keeps them apart.
        byte[] value = new byte[i % 100 == 0 ? LARGEST_VALUE : i % 50 == 0 ? 100_000 : 200];
        Arrays.fill(value, (byte) i);
        return value;
    }

    private static void assertValue(int i, MemorySegment found) {
        byte[] wanted = value(i);
        assertThat(found.byteSize()).isEqualTo(wanted.length);
        assertThat(found.mismatch(MemorySegment.ofArray(wanted))).as("key " + i).isEqualTo(-1);
    }

    private static void assertValue(int i, byte @Nullable [] found) {
        assertThat(found).as("key " + i).isEqualTo(value(i));
    }

    /** One read of some kind. */
    private interface Read {
        void run(BeachDB db, int i);
    }

    private static final Map<String, Read> READS = Map.of(
            "get",
            (db, i) -> assertValue(i, db.get(key(i))),
            "get into",
            (db, i) -> {
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment destination = arena.allocate(LARGEST_VALUE);
                    assertValue(i, destination.asSlice(0, db.get(key(i), destination)));
                }
            },
            "multiGet",
            (db, i) -> {
                List<byte[]> found = db.multiGet(List.of(key(i), key((i + 1) % KEYS)));
                assertValue(i, found.getFirst());
                assertValue((i + 1) % KEYS, found.getLast());
            },
            "view",
            (db, i) -> {
                Boolean seen = db.view(key(i), found -> {
                    assertValue(i, found);
                    return true;
                });
                assertThat(seen).isTrue();
            },
            "snapshot",
            (db, i) -> {
                try (Snapshot snapshot = db.snapshot()) {
                    assertValue(i, snapshot.get(key(i)));
                }
            },
            "cursor forwards",
            (db, i) -> {
                try (Cursor cursor = db.cursor()) {
                    cursor.seek(key(i));
                    for (int k = i; k < Math.min(KEYS, i + 20) && cursor.valid(); k++, cursor.next()) {
                        assertStandsOn(cursor, k);
                    }
                }
            },
            "cursor backwards",
            (db, i) -> {
                try (Cursor cursor = db.cursor()) {
                    cursor.seekAtOrBefore(key(i));
                    for (int k = i; k > Math.max(0, i - 20) && cursor.valid(); k--, cursor.previous()) {
                        assertStandsOn(cursor, k);
                    }
                }
            },
            "cursor's segments",
            (db, i) -> {
                try (Cursor cursor = db.cursor()) {
                    cursor.seek(key(i));
                    // Few: with checkLifetimes each step closes an arena, which stalls all these threads.
                    for (int k = 0; k < 2 && cursor.valid(); k++, cursor.next()) {
                        lookAtSegments(cursor);
                    }
                }
            });

    private static void assertStandsOn(Cursor cursor, int i) {
        byte[] key = new byte[key(i).length];
        cursor.copyKey(MemorySegment.ofArray(key), 0);
        assertThat(key).isEqualTo(key(i));
        MemorySegment value = MemorySegment.ofArray(new byte[(int) cursor.valueLength()]);
        cursor.copyValue(value, 0);
        assertValue(i, value);
    }

    /** By segments of the database's own memory, whose bytes say nothing any more once it is closed. */
    private static void lookAtSegments(Cursor cursor) {
        touch(cursor.key());
        touch(cursor.value());
        touch(cursor.keyMemory());
        touch(cursor.valueMemory());
        assertThat(cursor.keyOffset()).isNotNegative();
        assertThat(cursor.valueOffset()).isNotNegative();
    }

    private static void touch(MemorySegment shown) {
        try {
            int unspecified = Byte.toUnsignedInt(shown.get(ValueLayout.JAVA_BYTE, shown.byteSize() - 1));
            assertThat(unspecified).isBetween(0, 255);
        } catch (IllegalStateException gone) {
            assertThat(shown.scope().isAlive()).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void reads_whileTheDatabaseCloses_areRightOrRefused(boolean checkLifetimes) throws InterruptedException {
        Options.Builder options =
                Options.builder().writeBufferBytes(1L << 20).blockBytes(1024).checkLifetimes(checkLifetimes);
        try (MemoryBudget budget = MemoryBudget.ofBytes(16L << 20)) {
            options.memoryBudget(budget);
            try (BeachDB db = BeachDB.open(directory, options.build())) {
                for (int i = 0; i < KEYS; i += 2) {
                    db.put(key(i), value(i), Durability.LOGGED);
                }
                db.compact();
            }
            for (int round = 0; round < (checkLifetimes ? ROUNDS / 6 : ROUNDS); round++) {
                BeachDB db = BeachDB.open(directory, options.build());
                for (int i = 1; i < KEYS; i += 2) { // half in tables, half in the memtable
                    db.put(key(i), value(i), Durability.UNLOGGED);
                }
                readWhileClosing(db, round, () -> {
                    db.close();
                    assertThat(budget.usedBytes()).as("left behind by a close").isZero();
                });
            }
        }
    }

    private static void readWhileClosing(BeachDB db, int round, Runnable close) throws InterruptedException {
        ConcurrentLinkedQueue<Throwable> wrong = new ConcurrentLinkedQueue<>();
        AtomicLong refused = new AtomicLong();
        CountDownLatch reading = new CountDownLatch(READS.size());
        List<Thread> readers = new ArrayList<>();
        READS.forEach((name, read) -> {
            Random random = new Random(round * 31L + name.hashCode());
            readers.add(Thread.ofPlatform().name(name).start(() -> {
                try {
                    for (int n = 0; ; n++) {
                        if (n == READS_BEFORE_THE_CLOSE) {
                            reading.countDown();
                        }
                        read.run(db, random.nextInt(KEYS));
                    }
                } catch (ClosedException e) {
                    refused.incrementAndGet();
                } catch (Throwable e) {
                    wrong.add(new AssertionError("seed " + round + ", " + name, e));
                    reading.countDown();
                }
            }));
        });
        reading.await();
        close.run();
        for (Thread reader : readers) {
            reader.join();
        }
        assertThat(wrong).isEmpty();
        assertThat(refused.get()).isEqualTo(READS.size());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void writes_whileTheDatabaseCloses_areThereOrRefused(boolean ownBudget) throws InterruptedException {
        try (MemoryBudget budget = MemoryBudget.ofBytes(64L << 20)) {
            Options.Builder options = Options.builder().writeBufferBytes(1L << 20);
            options = ownBudget ? options.memoryBytes(64L << 20) : options.memoryBudget(budget);
            for (int round = 0; round < ROUNDS; round++) {
                int[] written = new int[WRITERS];
                BeachDB first = BeachDB.open(directory, options.build()); // the lock is free, whatever came before
                writeWhileClosing(first, written, () -> {
                    first.close();
                    assertThat(budget.usedBytes()).as("left behind by a close").isZero();
                });
                try (BeachDB db = BeachDB.open(directory, options.build())) {
                    for (int w = 0; w < WRITERS; w++) {
                        for (int n = 0; n < written[w]; n++) {
                            assertThat(db.get(key(w, n)))
                                    .as("round %d, writer %d", round, w)
                                    .isNotNull();
                        }
                    }
                }
            }
        }
    }

    private static byte[] key(int writer, int n) {
        return (writer + "/" + n).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    }

    /** @param written how many writes of each writer returned */
    private static void writeWhileClosing(BeachDB db, int[] written, Runnable close) throws InterruptedException {
        ConcurrentLinkedQueue<Throwable> wrong = new ConcurrentLinkedQueue<>();
        CountDownLatch writing = new CountDownLatch(WRITERS);
        List<Thread> writers = new ArrayList<>();
        for (int w = 0; w < WRITERS; w++) {
            int writer = w;
            byte[] value = new byte[w == 0 ? 2 << 20 : 200]; // one that waits for its buffer
            writers.add(Thread.ofPlatform().start(() -> {
                try {
                    for (int n = 0; ; n++) {
                        db.put(key(writer, n), value, DURABILITIES[writer % DURABILITIES.length]);
                        written[writer] = n + 1;
                        if (n == 0) {
                            writing.countDown();
                        }
                    }
                } catch (ClosedException e) {
                    assertThat(written[writer]).isPositive();
                } catch (Throwable e) {
                    wrong.add(new AssertionError("writer " + writer, e));
                    writing.countDown();
                }
            }));
        }
        writing.await();
        close.run();
        for (Thread writer : writers) {
            writer.join();
        }
        assertThat(wrong).isEmpty();
    }
}
