package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.ClosedException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Threads that call anything, and one that interrupts them at any moment, on real files: no call fails, the health stays
 * OK, each interrupted caller finds its interrupt status set, and what was acknowledged is there after a reopening.
 *
 * <p>Longer: {@code -Dbeach.interrupt.rounds=N}; one seed again: {@code -Dbeach.interrupt.seed=S}, as far as threads allow.
 */
@Timeout(600)
class InterruptStressTest {
    private static final int ROUNDS = Integer.getInteger("beach.interrupt.rounds", 1);
    private static final long FIRST_SEED = Long.getLong("beach.interrupt.seed", 1);
    private static final int CALLERS = 6;
    private static final int CALLS = 300;
    private static final int KEYS = 150; // of each caller
    private static final int LARGEST_VALUE = 200_000;
    private static final Durability[] DURABILITIES = Durability.values();

    /** Who may be interrupted. */
    enum Victims {
        /** Half of the callers; the others must not notice. */
        SOME,
        ALL,
        /** All, on virtual threads. */
        ALL_VIRTUAL
    }

    /**
     * One caller: the only writer of its keys, so it knows what is in them. At most one interrupt comes to a call, and the
     * two agree on whether it has.
     */
    private static final class Caller implements Runnable {
        private static final int NONE = 0; // no call, or one whose interrupt is on its way
        private static final int ARMED = 1; // in a call, not interrupted yet

        private final int id;
        private final boolean victim;
        private final BeachDB db;
        private final Path directory;
        private final Random random;
        private final Map<Integer, Integer> values = new HashMap<>(); // by number of the key; absent: deleted
        private final AtomicInteger state = new AtomicInteger();
        private final AtomicInteger delivered = new AtomicInteger();
        private int received;
        private int made;
        private volatile @Nullable Thread thread;
        private volatile @Nullable Throwable failure;

        Caller(int id, boolean victim, BeachDB db, Path directory, long seed) {
            this.id = id;
            this.victim = victim;
            this.db = db;
            this.directory = directory;
            this.random = new Random(seed * 31 + id);
        }

        @Override
        public void run() {
            thread = Thread.currentThread();
            try {
                for (int i = 0; i < CALLS; i++) {
                    callOnce();
                }
            } catch (Throwable e) {
                failure = e;
            }
        }

        private void callOnce() {
            state.set(victim ? ARMED : NONE);
            call();
            if (victim && !state.compareAndSet(ARMED, NONE)) {
                received++;
                while (delivered.get() < received) {
                    Thread.onSpinWait();
                }
                assertThat(Thread.interrupted()).as("interrupt status kept").isTrue();
            } else {
                assertThat(Thread.interrupted()).as("interrupted by nobody").isFalse();
            }
        }

        /** Called by the one thread that interrupts. */
        boolean interrupt() {
            Thread target = thread;
            if (target == null || !state.compareAndSet(ARMED, NONE)) {
                return false;
            }
            target.interrupt();
            delivered.incrementAndGet();
            return true;
        }

        private void call() {
            int key = random.nextInt(KEYS);
            switch (random.nextInt(32)) {
                case 0 -> db.flush();
                case 1 -> db.sync();
                case 2 -> db.awaitDurable(db.sequence());
                case 3 -> compactOrCheckpoint();
                case 4, 5 -> walk(key);
                case 6, 7 -> {
                    db.delete(key(id, key), DURABILITIES[random.nextInt(DURABILITIES.length)]);
                    values.remove(key);
                }
                case 8, 9 -> writeBatch();
                case 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 -> {
                    db.put(key(id, key), value(++made), DURABILITIES[random.nextInt(DURABILITIES.length)]);
                    values.put(key, made);
                }
                default -> checkGet(key);
            }
        }

        private void compactOrCheckpoint() {
            if (random.nextInt(4) == 0) {
                Path copy = directory.resolve("copy" + id + "-" + ++made);
                db.checkpoint(copy);
                BeachDB.destroy(copy);
            } else {
                db.compact();
            }
        }

        private void writeBatch() {
            WriteBatch batch = new WriteBatch();
            int first = random.nextInt(KEYS - 5);
            made++;
            for (int i = first; i < first + 5; i++) {
                batch.put(key(id, i), value(made));
                values.put(i, made);
            }
            db.write(batch);
        }

        private void checkGet(int key) {
            Integer expected = values.get(key);
            assertThat(db.get(key(id, key)))
                    .as("caller %d, key %d", id, key)
                    .isEqualTo(expected == null ? null : value(expected));
        }

        private void walk(int from) {
            try (Cursor cursor = db.cursor(Range.prefix(prefix(id)))) {
                boolean forwards = random.nextBoolean();
                int i = from;
                if (forwards) {
                    cursor.seek(key(id, from));
                } else {
                    cursor.seekAtOrBefore(key(id, from));
                }
                for (int steps = 0; steps < 30; steps++, i += forwards ? 1 : -1) {
                    while (i >= 0 && i < KEYS && !values.containsKey(i)) {
                        i += forwards ? 1 : -1;
                    }
                    assertThat(cursor.valid()).isEqualTo(i >= 0 && i < KEYS);
                    if (!cursor.valid()) {
                        return;
                    }
                    byte[] value = new byte[(int) cursor.valueLength()];
                    cursor.copyValue(MemorySegment.ofArray(value), 0);
                    assertThat(value)
                            .as("caller %d, key %d", id, i)
                            .isEqualTo(value(Objects.requireNonNull(values.get(i))));
                    if (forwards) {
                        cursor.next();
                    } else {
                        cursor.previous();
                    }
                }
            }
        }

        void checkAll(BeachDB reopened) {
            for (int i = 0; i < KEYS; i++) {
                Integer expected = values.get(i);
                assertThat(reopened.get(key(id, i)))
                        .as("after reopening, caller %d, key %d", id, i)
                        .isEqualTo(expected == null ? null : value(expected));
            }
        }
    }

    private static byte[] prefix(int caller) {
        return ("caller" + caller + "/").getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] key(int caller, int number) {
        return String.format("caller%d/%04d", caller, number).getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] value(int number) {
        byte[] value = new byte[number % 40 == 0 ? LARGEST_VALUE : 50 + number % 1000];
        Arrays.fill(value, (byte) number);
        return value;
    }

    @TempDir
    private Path directory;

    private static Options options() {
        return Options.builder()
                .memoryBytes(12L << 20)
                .writeBufferBytes(1L << 20)
                .targetTableBytes(1L << 20)
                .blockBytes(1024)
                .build();
    }

    @ParameterizedTest
    @EnumSource
    void interrupts_atAnyMoment_failNoCallAndLoseNothing(Victims victims) throws InterruptedException {
        for (long seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
            Path path = directory.resolve("db" + seed);
            List<Caller> callers = new ArrayList<>();
            try (BeachDB db = BeachDB.open(path, options())) {
                for (int i = 0; i < CALLERS; i++) {
                    callers.add(new Caller(i, victims != Victims.SOME || i % 2 == 0, db, directory, seed));
                }
                run(callers, victims == Victims.ALL_VIRTUAL, seed);
                assertThat(db.health().state()).as("seed %d", seed).isEqualTo(Health.State.OK);
            }
            try (BeachDB reopened = BeachDB.open(path, options())) {
                callers.forEach(caller -> caller.checkAll(reopened));
            }
        }
    }

    private static void run(List<Caller> callers, boolean virtual, long seed) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        AtomicBoolean done = new AtomicBoolean();
        AtomicLong interrupts = new AtomicLong();
        for (Caller caller : callers) {
            threads.add(
                    virtual
                            ? Thread.ofVirtual().start(caller)
                            : Thread.ofPlatform().start(caller));
        }
        Thread interrupter = Thread.ofPlatform().start(() -> {
            Random random = new Random(seed);
            while (!done.get()) {
                if (callers.get(random.nextInt(callers.size())).interrupt()) {
                    interrupts.incrementAndGet();
                }
                for (int spins = random.nextInt(1 << random.nextInt(18)); spins > 0; spins--) {
                    Thread.onSpinWait();
                }
            }
        });
        for (Thread thread : threads) {
            thread.join();
        }
        done.set(true);
        interrupter.join();
        for (Caller caller : callers) {
            assertThat(caller.failure).as("seed %d, caller %d", seed, caller.id).isNull();
        }
        assertThat(interrupts.get()).isPositive();
    }

    /** The thread that opens and closes is interrupted at any moment, beside writers that nobody interrupts. */
    @ParameterizedTest
    @EnumSource(names = {"SOME", "ALL_VIRTUAL"})
    void interrupts_ofWhoOpensAndCloses_harmNobody(Victims victims) throws InterruptedException {
        int opened = victims == Victims.SOME ? 8 : 4;
        Map<Integer, Integer> acknowledged = new HashMap<>();
        for (int round = 0; round < ROUNDS * opened; round++) {
            ConcurrentLinkedQueue<Throwable> wrong = new ConcurrentLinkedQueue<>();
            int first = round * 1000;
            Runnable life = () -> {
                try {
                    BeachDB db = BeachDB.open(directory.resolve("db"), options());
                    CountDownLatch written = new CountDownLatch(1);
                    Thread writer = Thread.ofPlatform().start(() -> {
                        try {
                            for (int i = first; ; i++) {
                                db.put(key(0, i), value(i));
                                acknowledged.put(i, i);
                                if (i == first + 20) {
                                    written.countDown();
                                }
                            }
                        } catch (ClosedException expected) {
                            written.countDown();
                        } catch (Throwable e) {
                            wrong.add(e);
                            written.countDown();
                        }
                    });
                    while (written.getCount() > 0) {
                        Thread.onSpinWait();
                    }
                    db.close();
                    while (writer.isAlive()) {
                        Thread.onSpinWait();
                    }
                } catch (Throwable e) {
                    wrong.add(e);
                }
            };
            Thread owner = victims == Victims.SOME
                    ? Thread.ofPlatform().start(life)
                    : Thread.ofVirtual().start(life);
            Random random = new Random(FIRST_SEED * 1000 + round);
            while (owner.isAlive()) {
                owner.interrupt();
                for (int spins = random.nextInt(1 << random.nextInt(18)); spins > 0; spins--) {
                    Thread.onSpinWait();
                }
            }
            owner.join();
            assertThat(wrong).as("round %d", round).isEmpty();
        }
        try (BeachDB db = BeachDB.open(directory.resolve("db"), options())) {
            assertThat(acknowledged).isNotEmpty();
            acknowledged.forEach((key, value) ->
                    assertThat(db.get(key(0, key))).as("key %d", key).isEqualTo(value(value)));
        }
    }
}
