package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.RandomSource;
import io.beachdb.base.Scheduler;
import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every call of the public face on an interrupted thread: interrupted before the call, then at each operation on files
 * that it does itself, one after the other. It does what it says, keeps the interrupt status, and harms nobody else.
 * {@link InterruptStressTest} interrupts at any moment instead.
 */
@Timeout(120)
class InterruptTest {
    private static final int KEYS = 400;
    private static final int LARGEST_VALUE = 300_000;
    private static final int MOST_OPERATIONS = 100;

    /** Interrupts the thread that is in a call, at one of the operations on files that it does. */
    private static final class InterruptingVfs {
        private final boolean interruptSafe;
        private volatile @Nullable Thread victim;
        private int countdown; // the victim's
        private boolean interrupted; // the victim's

        /** @param interruptSafe as the system is; else as one that knows no calls that are safe from interrupts */
        InterruptingVfs(boolean interruptSafe) {
            this.interruptSafe = interruptSafe;
        }

        Vfs vfs() {
            return around(Vfs.class, Vfs.system());
        }

        private <T> T around(Class<T> type, T real) {
            InvocationHandler handler = (_, method, arguments) -> {
                if (!interruptSafe && method.getName().equals("interruptSafeBytes")) {
                    return 0;
                }
                if (Thread.currentThread() == victim && countdown-- == 0) {
                    Thread.currentThread().interrupt();
                    interrupted = true;
                }
                try {
                    Object result = method.invoke(real, arguments);
                    return result instanceof VfsFile file ? around(VfsFile.class, file) : result;
                } catch (InvocationTargetException e) {
                    throw e.getCause();
                }
            };
            return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
        }

        /** Runs a call on this thread, interrupted at its operation number {@code at}; returns whether it had that many. */
        boolean run(int at, Runnable call) {
            countdown = at;
            interrupted = false;
            victim = Thread.currentThread();
            try {
                call.run();
            } finally {
                victim = null;
            }
            return interrupted;
        }
    }

    /** One call, and whether it needs a database that has just been opened: with nothing of its tables in memory. */
    record Call(String name, Body body) {
        @Override
        public String toString() {
            return name;
        }
    }

    interface Body {
        void run(BeachDB db, int round, Path beside);
    }

    record Case(Call call, boolean interruptSafe) {
        @Override
        public String toString() {
            return call + (interruptSafe ? "" : ", without safe calls");
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] key(int i) {
        return bytes(String.format("key%05d", i));
    }

    private static byte[] value(int i) {
        byte[] value = new byte[i % 100 == 0 ? LARGEST_VALUE : 200];
        Arrays.fill(value, (byte) i);
        return value;
    }

    private static void putOne(BeachDB db, int round, Durability durability, int bytes) {
        byte[] value = new byte[bytes];
        Arrays.fill(value, (byte) round);
        db.put(bytes("put" + round), value, durability);
        assertThat(db.get(bytes("put" + round))).isEqualTo(value);
    }

    private static void assertEntry(Cursor cursor, int i) {
        assertThat(cursor.valid()).isTrue();
        byte[] key = new byte[cursor.keyLength()];
        cursor.copyKey(MemorySegment.ofArray(key), 0);
        assertThat(key).isEqualTo(key(i));
        byte[] value = new byte[(int) cursor.valueLength()];
        cursor.copyValue(MemorySegment.ofArray(value), 0);
        assertThat(value).isEqualTo(value(i));
    }

    private static final List<Call> CALLS = List.of(
            new Call("put SYNCED", (db, round, _) -> putOne(db, round, Durability.SYNCED, 100)),
            new Call("put SYNCED, large", (db, round, _) -> putOne(db, round, Durability.SYNCED, 1_500_000)),
            new Call("put LOGGED", (db, round, _) -> putOne(db, round, Durability.LOGGED, 100)),
            new Call("put LOGGED, large", (db, round, _) -> putOne(db, round, Durability.LOGGED, 1_500_000)),
            new Call("put UNLOGGED", (db, round, _) -> putOne(db, round, Durability.UNLOGGED, 100)),
            new Call("puts that rotate", (db, round, _) -> {
                for (int i = 0; i < 12; i++) {
                    putOne(db, round * 100 + i, Durability.SYNCED, 100_000);
                }
            }),
            new Call("write", (db, round, _) -> {
                WriteBatch batch = new WriteBatch();
                batch.put(bytes("batch" + round), value(1));
                batch.delete(bytes("put0"));
                db.write(batch);
                assertThat(db.get(bytes("batch" + round))).isEqualTo(value(1));
            }),
            new Call("delete", (db, round, _) -> {
                db.delete(bytes("put" + round));
                assertThat(db.get(bytes("put" + round))).isNull();
            }),
            new Call("get", (db, _, _) -> assertThat(db.get(key(7))).isEqualTo(value(7))),
            new Call("get, large", (db, _, _) -> assertThat(db.get(key(100))).isEqualTo(value(100))),
            new Call("get into", (db, _, _) -> {
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment destination = arena.allocate(LARGEST_VALUE);
                    long length = db.get(key(100), destination);
                    assertThat(destination.asSlice(0, length).mismatch(MemorySegment.ofArray(value(100))))
                            .isEqualTo(-1);
                }
            }),
            new Call("multiGet", (db, _, _) -> {
                List<byte[]> found = db.multiGet(List.of(key(3), key(200), key(399)));
                assertThat(found).containsExactly(value(3), value(200), value(399));
            }),
            new Call("view", (db, _, _) -> {
                Long mismatch = db.view(key(200), found -> found.mismatch(MemorySegment.ofArray(value(200))));
                assertThat(mismatch).isEqualTo(-1);
            }),
            new Call("snapshot", (db, _, _) -> {
                try (Snapshot snapshot = db.snapshot()) {
                    assertThat(snapshot.get(key(8))).isEqualTo(value(8));
                }
            }),
            new Call("cursor", (db, _, _) -> {
                try (Cursor cursor = db.cursor(Range.prefix(bytes("key")))) {
                    cursor.first();
                    for (int i = 0; i < KEYS; i++, cursor.next()) {
                        assertEntry(cursor, i);
                    }
                    cursor.last();
                    for (int i = KEYS - 1; i >= 0; i--, cursor.previous()) {
                        assertEntry(cursor, i);
                    }
                    cursor.seek(key(100));
                    assertEntry(cursor, 100);
                    cursor.seekAtOrBefore(key(99));
                    assertEntry(cursor, 99);
                }
            }),
            new Call("flush", (db, round, _) -> {
                db.put(bytes("flushed" + round), value(1), Durability.UNLOGGED);
                db.flush();
                assertThat(db.durableSequence()).isEqualTo(db.sequence());
            }),
            new Call("compact", (db, round, _) -> {
                db.put(key(5), value(5), Durability.UNLOGGED);
                db.put(bytes("compacted" + round), value(1), Durability.UNLOGGED);
                db.compact();
            }),
            new Call("sync", (db, round, _) -> {
                long sequence = db.put(bytes("put" + round), value(1), Durability.LOGGED);
                db.sync();
                assertThat(db.durableSequence()).isGreaterThanOrEqualTo(sequence);
            }),
            new Call("awaitDurable", (db, round, _) -> {
                db.put(bytes("logged" + round), value(1), Durability.LOGGED);
                long sequence = db.put(bytes("unlogged" + round), value(1), Durability.UNLOGGED);
                db.awaitDurable(sequence);
                assertThat(db.durableSequence()).isGreaterThanOrEqualTo(sequence);
            }),
            new Call("whenDurable", (db, round, _) -> {
                long sequence = db.put(bytes("put" + round), value(1), Durability.UNLOGGED);
                boolean interrupted = Thread.interrupted(); // join itself is the JDK's
                assertThat(db.whenDurable(sequence, Runnable::run).join()).isGreaterThanOrEqualTo(sequence);
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }),
            new Call(
                    "approximateBytes",
                    (db, _, _) -> assertThat(db.approximateBytes(Range.all())).isPositive()),
            new Call("stats, memory, health, resume", (db, _, _) -> {
                assertThat(db.stats()).isNotNull();
                assertThat(db.memory()).isNotNull();
                db.resume();
                db.awaitRest();
                assertThat(db.health().state()).isEqualTo(Health.State.OK);
            }),
            new Call("open, write, close", (db, round, beside) -> {
                Path other = beside.resolve("other");
                try (BeachDB opened = BeachDB.open(other, db.options())) {
                    opened.put(bytes("a" + round), value(1));
                    assertThat(opened.health().state()).isEqualTo(Health.State.OK);
                }
            }),
            new Call("open read-only", (db, round, beside) -> {
                Path copy = beside.resolve("shown" + round);
                db.checkpoint(copy);
                Options readOnly = db.options().toBuilder().readOnly(true).build();
                try (BeachDB opened = BeachDB.open(copy, readOnly)) {
                    assertThat(opened.get(key(7))).isEqualTo(value(7));
                }
            }),
            new Call("checkpoint, destroy", (db, round, beside) -> {
                Path copy = beside.resolve("copy" + round);
                db.put(bytes("put" + round), value(3), Durability.UNLOGGED);
                db.checkpoint(copy);
                try (BeachDB opened = BeachDB.open(copy, db.options())) {
                    assertThat(opened.get(bytes("put" + round))).isEqualTo(value(3));
                }
                assertThat(BeachDB.destroy(copy, db.options())).isTrue();
            }));

    static Stream<Case> cases() {
        return CALLS.stream().flatMap(call -> Stream.of(new Case(call, true), new Case(call, false)));
    }

    @TempDir
    private Path directory;

    @AfterEach
    void clearStatus() {
        Thread.interrupted(); // whatever a failure left
    }

    @ParameterizedTest
    @MethodSource("cases")
    void call_interruptedAtAnyOfItsFileOperations_doesItsWorkAndHarmsNobody(Case one) throws InterruptedException {
        InterruptingVfs interrupting = new InterruptingVfs(one.interruptSafe);
        Options options = Options.builder()
                .memoryBytes(16L << 20)
                .writeBufferBytes(1L << 20)
                .seams(new Seams(interrupting.vfs(), Scheduler.system(), RandomSource.system()))
                .build();
        Path path = directory.resolve("db");
        try (BeachDB db = BeachDB.open(path, options)) {
            for (int i = 0; i < KEYS; i++) {
                db.put(key(i), value(i), Durability.UNLOGGED);
            }
            db.compact();
        }
        boolean more = true;
        for (int at = -1; more; at++) {
            assertThat(at).isLessThan(MOST_OPERATIONS);
            try (BeachDB db = BeachDB.open(path, options)) { // anew, so that nothing is in memory
                int round = at + 1;
                if (at < 0) {
                    Thread.currentThread().interrupt();
                }
                more = interrupting.run(at, () -> one.call.body.run(db, round, directory)) || at < 0;
                assertThat(Thread.interrupted())
                        .as("status after operation %d", at)
                        .isEqualTo(more);
                assertUnharmed(db, round);
            }
        }
        try (BeachDB db = BeachDB.open(path, options)) {
            for (int i = 0; i < KEYS; i++) {
                assertThat(db.get(key(i))).as("key %d", i).isEqualTo(value(i));
            }
        }
    }

    /** Another thread, which nobody interrupts, reads and writes. */
    private static void assertUnharmed(BeachDB db, int round) throws InterruptedException {
        Throwable[] failure = new Throwable[1];
        Thread other = Thread.ofPlatform().start(() -> {
            try {
                db.put(bytes("other"), value(round));
                assertThat(Objects.requireNonNull(db.get(bytes("other")))).isEqualTo(value(round));
                assertThat(db.get(key(100))).isEqualTo(value(100));
                assertThat(db.get(key(333))).isEqualTo(value(333));
                db.flush();
            } catch (Throwable e) {
                failure[0] = e;
            }
        });
        other.join();
        assertThat(failure[0]).isNull();
        assertThat(db.health().state()).isEqualTo(Health.State.OK);
    }
}
