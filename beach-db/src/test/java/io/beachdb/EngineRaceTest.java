package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.BeachException;
import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryBudget;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Everything at once: writers, reads of all kinds, snapshots and cursors that one thread uses and another closes, flushes,
 * compactions, a block cache far too small, and at last the close of the database; then readers alone, of a read-only
 * opening. Each read is right, or says by a
 * {@link ClosedException} that what it reads by was closed; nothing is left behind.
 *
 * <p>Each key {@code a/i} has a twin {@code b/i}, always written with it in one batch, with versions that grow. So one
 * instant shows equal versions, and a later read no older one.
 *
 * <p>Longer: {@code -Dbeach.race.rounds=N}; other choices: {@code -Dbeach.race.seed=S}.
 */
@Timeout(600)
class EngineRaceTest {
    private static final int ROUNDS = Integer.getInteger("beach.race.rounds", 1);
    private static final long FIRST_SEED = Long.getLong("beach.race.seed", 1);
    private static final int PAIRS = 200;
    private static final int WRITERS = 2; // each of every second pair
    private static final int WRITES = 300;
    private static final int READS = 1000; // of a life that only reads
    private static final int LARGE_BYTES = 60_000;

    enum OptionSet {
        PLAIN,
        CHECK_LIFETIMES,
        UNCOMPRESSED_WITHOUT_FILTERS,
        TINY,
        TINY_UNCOMPRESSED_CHECK_LIFETIMES,
        LOGGED,
        UNLOGGED_FAIL_WHEN_DISK_FULL;

        Options with(MemoryBudget budget) {
            Options.Builder options = Options.builder().memoryBudget(budget).writeBufferBytes(1L << 20);
            return switch (this) {
                case PLAIN -> options.build();
                case CHECK_LIFETIMES -> options.checkLifetimes(true).build();
                case UNCOMPRESSED_WITHOUT_FILTERS ->
                    options.compression(Options.Compression.NONE)
                            .filterBitsPerKey(0)
                            .build();
                case TINY -> tiny(options).compactionThreads(2).build();
                case TINY_UNCOMPRESSED_CHECK_LIFETIMES ->
                    tiny(options)
                            .compactionThreads(1)
                            .compression(Options.Compression.NONE)
                            .checkLifetimes(true)
                            .build();
                case LOGGED ->
                    options.durability(Durability.LOGGED)
                            .loggedSyncInterval(Duration.ofMillis(1))
                            .build();
                case UNLOGGED_FAIL_WHEN_DISK_FULL ->
                    options.durability(Durability.UNLOGGED)
                            .failWhenDiskFull(true)
                            .build();
            };
        }

        private static Options.Builder tiny(Options.Builder options) {
            return options.blockBytes(512)
                    .targetTableBytes(64 << 10)
                    .baseLevelBytes(256 << 10)
                    .level0CompactionTables(2)
                    .maxImmutableMemtables(1)
                    .manifestBytes(64 << 10);
        }
    }

    private static byte[] key(char twin, int i) {
        return String.format("%c/%04d", twin, i).getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] value(int i, int version) {
        byte[] value = new byte[i % 10 == 0 ? LARGE_BYTES : 4 + (i + version) % 700];
        MemorySegment.ofArray(value).fill((byte) version).set(ValueLayout.JAVA_INT_UNALIGNED, 0, version);
        return value;
    }

    /** Returns the version in a value, all of whose bytes are checked; 0 if there is none. */
    private static int version(int i, byte @Nullable [] value) {
        if (value == null) {
            return 0;
        }
        int version = MemorySegment.ofArray(value).get(ValueLayout.JAVA_INT_UNALIGNED, 0);
        assertThat(value).as("pair %d", i).isEqualTo(value(i, version));
        return version;
    }

    /** One life of a database. */
    private static final class Race {
        private final BeachDB db;
        private final AtomicIntegerArray written; // versions that writers know to be there
        private final AtomicInteger writing = new AtomicInteger(WRITERS);
        private final AtomicInteger gets = new AtomicInteger();
        private final AtomicReference<@Nullable Snapshot> sharedSnapshot = new AtomicReference<>();
        private final AtomicReference<@Nullable Cursor> sharedCursor = new AtomicReference<>();
        private final ConcurrentLinkedQueue<Throwable> wrong = new ConcurrentLinkedQueue<>();
        private final List<Thread> threads = new ArrayList<>();
        private final long seed;
        private volatile boolean closing;

        Race(BeachDB db, AtomicIntegerArray written, long seed) {
            this.db = db;
            this.written = written;
            this.seed = seed;
        }

        private interface Turn {
            void run(Random random);
        }

        /** Starts a thread that takes turns until the database is closed. */
        private void start(String name, Turn turn) {
            Random random = new Random(seed * 31 + name.hashCode());
            threads.add(Thread.ofPlatform().name(name).start(() -> {
                try {
                    while (true) {
                        turn.run(random);
                    }
                } catch (ClosedException e) {
                    if (!closing) {
                        wrong.add(new AssertionError("seed " + seed + ", " + name + ": refused before the close", e));
                    }
                } catch (Throwable e) {
                    wrong.add(new AssertionError("seed " + seed + ", " + name, e));
                }
            }));
        }

        void run() throws InterruptedException {
            startWriters();
            startReaders();
            start("maintenance", this::maintain);
            while (writing.get() > 0 && wrong.isEmpty()) {
                Thread.onSpinWait();
            }
            end();
        }

        /** The same without what changes anything. */
        void runReadOnly() throws InterruptedException {
            startReaders();
            while (gets.get() < READS && wrong.isEmpty()) {
                Thread.onSpinWait();
            }
            end();
        }

        private void startWriters() {
            for (int w = 0; w < WRITERS; w++) {
                int writer = w;
                int[] count = new int[1];
                start("writer " + w, random -> {
                    write(writer, random);
                    if (++count[0] == WRITES) {
                        writing.decrementAndGet();
                    }
                });
            }
        }

        private void startReaders() {
            start("get", this::get);
            start("snapshot", this::snapshot);
            start("cursor", this::walk);
            start("shared snapshot, reader", this::readSharedSnapshot);
            start("shared snapshot, closer", this::closeSharedSnapshot);
            start("shared cursor, walker", this::stepSharedCursor);
            start("shared cursor, closer", this::closeSharedCursor);
        }

        private void end() throws InterruptedException {
            closing = true;
            db.close();
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(wrong).isEmpty();
        }

        private void write(int writer, Random random) {
            int i = random.nextInt(PAIRS / WRITERS) * WRITERS + writer;
            int version = written.get(i) + 1;
            WriteBatch batch = new WriteBatch();
            batch.put(key('a', i), value(i, version));
            batch.put(key('b', i), value(i, version));
            int durability = random.nextInt(6);
            if (durability < 3) {
                db.write(batch, Durability.values()[durability]);
            } else {
                db.write(batch); // as the options say
            }
            written.set(i, version);
        }

        private void get(Random random) {
            int i = random.nextInt(PAIRS);
            int before = written.get(i);
            int first = version(i, db.get(key('a', i)));
            int second = version(i, db.get(key('b', i)));
            assertThat(first).as("pair %d", i).isGreaterThanOrEqualTo(before);
            assertThat(second).as("pair %d", i).isGreaterThanOrEqualTo(first);
            gets.incrementAndGet();
        }

        private void snapshot(Random random) {
            try (Snapshot snapshot = db.snapshot()) {
                int i = random.nextInt(PAIRS);
                int first = version(i, snapshot.get(key('a', i)));
                for (int again = random.nextInt(20); again >= 0; again--) {
                    assertThat(version(i, snapshot.get(key('b', i))))
                            .as("pair %d", i)
                            .isEqualTo(first);
                }
            }
        }

        private void walk(Random random) {
            try (Cursor cursor = db.cursor()) {
                int[] versions = new int[PAIRS];
                boolean forwards = random.nextBoolean();
                int seen = 0;
                if (forwards) {
                    cursor.first();
                } else {
                    cursor.last();
                }
                while (cursor.valid()) {
                    byte[] key = new byte[cursor.keyLength()];
                    cursor.copyKey(MemorySegment.ofArray(key), 0);
                    int i = Integer.parseInt(new String(key, 2, 4, StandardCharsets.US_ASCII));
                    byte[] value = new byte[(int) cursor.valueLength()];
                    cursor.copyValue(MemorySegment.ofArray(value), 0);
                    int version = version(i, value);
                    boolean isFirst = (key[0] == 'a') == forwards;
                    assertThat(version).as("pair %d", i).isEqualTo(isFirst ? version : versions[i]);
                    versions[i] = version;
                    seen += isFirst ? 1 : -1;
                    if (forwards) {
                        cursor.next();
                    } else {
                        cursor.previous();
                    }
                }
                assertThat(seen).as("twins").isZero();
            }
        }

        private void readSharedSnapshot(Random random) {
            Snapshot snapshot = sharedSnapshot.get();
            if (snapshot == null) {
                sharedSnapshot.set(db.snapshot());
                return;
            }
            try {
                int i = random.nextInt(PAIRS);
                assertThat(version(i, snapshot.get(key('b', i)))).isEqualTo(version(i, snapshot.get(key('a', i))));
                snapshot.cursor(Range.prefix(key('a', i))).close();
            } catch (ClosedException closedByTheOther) {
                sharedSnapshot.compareAndSet(snapshot, null);
            }
        }

        private void closeSharedSnapshot(Random random) {
            close(sharedSnapshot.get(), random);
        }

        private void stepSharedCursor(Random random) {
            Cursor cursor = sharedCursor.get();
            if (cursor == null) {
                sharedCursor.set(db.cursor());
                return;
            }
            try {
                int i = random.nextInt(PAIRS);
                if (random.nextBoolean()) {
                    cursor.seek(key('a', i));
                } else {
                    cursor.seekAtOrBefore(key('b', i));
                }
                for (int steps = random.nextInt(30); steps > 0 && cursor.valid(); steps--) {
                    byte[] value = new byte[(int) cursor.valueLength()];
                    cursor.copyValue(MemorySegment.ofArray(value), 0);
                    byte[] key = new byte[cursor.keyLength()];
                    cursor.copyKey(MemorySegment.ofArray(key), 0);
                    assertThat(version(Integer.parseInt(new String(key, 2, 4, StandardCharsets.US_ASCII)), value))
                            .isPositive();
                    if (random.nextBoolean()) {
                        cursor.next();
                    } else {
                        cursor.previous();
                    }
                }
            } catch (ClosedException closedByTheOther) {
                sharedCursor.compareAndSet(cursor, null);
            }
        }

        private void closeSharedCursor(Random random) {
            close(sharedCursor.get(), random);
        }

        private void close(@Nullable AutoCloseable shared, Random random) {
            for (int spins = random.nextInt(1 << random.nextInt(16)); spins > 0; spins--) {
                Thread.onSpinWait();
            }
            try {
                if (shared != null) {
                    shared.close();
                }
                db.sequence(); // throws when the database is closed: this thread's end
            } catch (BeachException e) {
                throw e;
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }

        private void maintain(Random random) {
            switch (random.nextInt(4)) {
                case 0 -> db.compact();
                case 1 -> db.compact(Range.prefix(key('a', random.nextInt(PAIRS))));
                case 2 -> db.flush();
                default -> db.awaitDurable(db.sequence());
            }
        }
    }

    private final ConcurrentLinkedQueue<Throwable> uncaught = new ConcurrentLinkedQueue<>();

    @TempDir
    private Path directory;

    /** What ends a thread of the engine is told to nobody else. */
    @BeforeEach
    void gatherUncaught() {
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> uncaught.add(thrown));
    }

    @AfterEach
    void checkUncaught() {
        Thread.setDefaultUncaughtExceptionHandler(null);
        assertThat(uncaught).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void everything_atOnce_isRightOrRefusedAndLeavesNothing(OptionSet options) throws InterruptedException {
        AtomicIntegerArray written = new AtomicIntegerArray(PAIRS);
        try (MemoryBudget budget = MemoryBudget.ofBytes(6L << 20)) {
            for (long seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
                new Race(BeachDB.open(directory, options.with(budget)), written, seed).run();
                assertThat(budget.usedBytes()).as("left behind, seed %d", seed).isZero();
                Options readOnly =
                        options.with(budget).toBuilder().readOnly(true).build();
                new Race(BeachDB.open(directory, readOnly), written, seed).runReadOnly();
                assertThat(budget.usedBytes())
                        .as("left behind by reading, seed %d", seed)
                        .isZero();
            }
            try (BeachDB db = BeachDB.open(directory, options.with(budget))) {
                for (int i = 0; i < PAIRS; i++) {
                    int first = version(i, db.get(key('a', i)));
                    assertThat(first).as("pair %d", i).isGreaterThanOrEqualTo(written.get(i));
                    assertThat(version(i, db.get(key('b', i)))).isEqualTo(first);
                }
            }
        }
    }
}
