package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Calls against the contract: beyond the limits, after a close, with memory that cannot be used, with absurd options. Each is
 * a named exception, and nothing was written.
 */
class MisuseTest {
    private static final int MAX_KEY = 1 << 20;
    private static final long MEMORY = 8L << 20;
    private static final int MAX_BATCH = (int) (MEMORY / 4);

    @TempDir
    private Path directory;

    private static Options.Builder options() {
        return Options.builder().memoryBytes(MEMORY).writeBufferBytes(256 << 10);
    }

    private BeachDB open() {
        return BeachDB.open(directory, options().build());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void assertThrown(String name, Runnable attempt, Class<? extends Throwable> thrown, String... says) {
        Throwable failure = catchThrowable(attempt::run);
        assertThat(failure).as(name).isExactlyInstanceOf(thrown);
        for (String part : says) {
            assertThat(failure).as(name).hasMessageContaining(part);
        }
    }

    /** Makes attempts, and checks that none wrote anything or changed what is read. */
    private static void assertNothingHappens(BeachDB db, Runnable attempts) {
        long sequence = db.sequence();
        long logged = db.stats().logBytesWritten();
        attempts.run();
        assertThat(db.sequence()).isEqualTo(sequence);
        assertThat(db.stats().logBytesWritten()).isEqualTo(logged);
        try (Cursor cursor = db.cursor()) {
            cursor.first();
            assertThat(cursor.key().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(bytes("k"));
            assertThat(cursor.value().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(bytes("value"));
            cursor.next();
            assertThat(cursor.valid()).isFalse();
        }
    }

    // ---- Limits.

    @Test
    void keysValuesAndBatches_beyondTheLimits_areRefusedAndWriteNothing() {
        byte[] longKey = new byte[MAX_KEY + 1];
        byte[] longValue = new byte[MAX_BATCH];
        MemorySegment keySegment = MemorySegment.ofArray(longKey);
        MemorySegment valueSegment = MemorySegment.ofArray(longValue);
        byte[] k = bytes("k");
        MemorySegment destination = MemorySegment.ofArray(new byte[8]);
        try (BeachDB db = open();
                Snapshot snapshot = db.snapshot();
                Cursor cursor = db.cursor()) {
            db.put(k, bytes("value"));
            Map<String, Runnable> withKey = new LinkedHashMap<>();
            withKey.put("put", () -> db.put(longKey, k));
            withKey.put("put segment", () -> db.put(keySegment, destination));
            withKey.put("delete", () -> db.delete(longKey));
            withKey.put("delete segment", () -> db.delete(keySegment));
            withKey.put("get", () -> db.get(longKey));
            withKey.put("get segment", () -> db.get(keySegment));
            withKey.put("get into", () -> db.get(longKey, destination));
            withKey.put("get segment into", () -> db.get(keySegment, destination));
            withKey.put("view", () -> db.view(longKey, value -> value));
            withKey.put("multiGet", () -> db.multiGet(List.of(k, longKey)));
            withKey.put("snapshot get", () -> snapshot.get(longKey));
            withKey.put("seek", () -> cursor.seek(longKey));
            withKey.put("seekAtOrBefore", () -> cursor.seekAtOrBefore(keySegment));
            withKey.put("batch put", () -> new WriteBatch().put(longKey, k));
            withKey.put("batch delete", () -> new WriteBatch().delete(keySegment));
            withKey.put("range from", () -> Range.from(longKey));
            withKey.put("range to", () -> Range.to(longKey));
            withKey.put("range of", () -> Range.of(k, longKey));
            withKey.put("range prefix", () -> Range.prefix(longKey));
            Map<String, Runnable> withValue = new LinkedHashMap<>();
            withValue.put("put", () -> db.put(k, longValue));
            withValue.put("put segment", () -> db.put(MemorySegment.ofArray(k), valueSegment));
            withValue.put("put huge", () -> db.put(MemorySegment.ofArray(k), hugeSegment()));
            withValue.put("write", () -> db.write(new WriteBatch().put(k, longValue)));
            assertNothingHappens(db, () -> {
                withKey.forEach((name, attempt) -> assertThrown(
                        name, attempt, IllegalArgumentException.class, "key has 1048577 bytes, allowed up to 1048576"));
                withValue.forEach((name, attempt) ->
                        assertThrown(name, attempt, IllegalArgumentException.class, "bytes, allowed up to 2097152"));
                assertThrown(
                        "batch beyond 1 GiB",
                        () -> new WriteBatch().put(MemorySegment.ofArray(k), hugeSegment()),
                        IllegalArgumentException.class,
                        "allowed up to 1073741824");
                assertThrown(
                        "batch room",
                        () -> new WriteBatch(Integer.MAX_VALUE),
                        IllegalArgumentException.class,
                        "initialBytes is 2147483647, allowed 0 to 1073741824");
                assertThrown(
                        "sequence to come",
                        () -> db.awaitDurable(db.sequence() + 1),
                        IllegalArgumentException.class,
                        "sequence is 2, the newest write has 1");
            });
            byte[] longest = new byte[MAX_KEY];
            db.put(longest, new byte[MAX_BATCH - MAX_KEY]);
            assertThat(db.get(longest)).hasSize(MAX_BATCH - MAX_KEY);
        }
    }

    /** As long as a segment can say it is, with nothing behind it. */
    @SuppressWarnings("restricted")
    private static MemorySegment hugeSegment() {
        return MemorySegment.ofAddress(4096).reinterpret(Long.MAX_VALUE);
    }

    // ---- Nulls.

    @Test
    @SuppressWarnings("NullAway")
    void nulls_anywhere_areNullPointerExceptionsAndWriteNothing() {
        byte[] k = bytes("k");
        byte[] none = null;
        MemorySegment noSegment = null;
        MemorySegment segment = MemorySegment.ofArray(k);
        WriteBatch batch = new WriteBatch();
        try (BeachDB db = open();
                Cursor cursor = db.cursor()) {
            db.put(k, bytes("value"));
            List<Runnable> attempts = List.of(
                    () -> db.put(none, k),
                    () -> db.put(k, none),
                    () -> db.put(segment, noSegment),
                    () -> db.put(noSegment, segment),
                    () -> db.put(k, k, null),
                    () -> db.delete(none),
                    () -> db.delete(k, null),
                    () -> db.write(null),
                    () -> db.write(batch, null),
                    () -> db.get(none),
                    () -> db.get(noSegment),
                    () -> db.get(k, null),
                    () -> db.view(k, null),
                    () -> db.multiGet(null),
                    () -> db.multiGet(Arrays.asList(k, null)),
                    () -> db.cursor(null),
                    () -> db.compact(null),
                    () -> db.approximateBytes(null),
                    () -> assertThat(db.whenDurable(1, null)).isNull(),
                    () -> cursor.seek(none),
                    () -> cursor.seek(noSegment),
                    () -> batch.put(none, k),
                    () -> batch.put(k, none),
                    () -> batch.delete(noSegment),
                    () -> Range.from(null),
                    () -> BeachDB.open(null),
                    () -> BeachDB.open(directory, null));
            assertNothingHappens(db, () -> {
                for (int i = 0; i < attempts.size(); i++) {
                    assertThrown("attempt " + i, attempts.get(i), NullPointerException.class);
                }
            });
            assertThat(batch.bytes()).isZero();
        }
    }

    // ---- After a close.

    @Test
    void everyCall_afterTheDatabaseIsClosed_isAClosedException() {
        BeachDB db = open();
        byte[] k = bytes("k");
        db.put(k, bytes("value"));
        MemorySegment segment = MemorySegment.ofArray(k);
        Snapshot snapshot = db.snapshot();
        Cursor cursor = db.cursor();
        cursor.first();
        db.close();
        Map<String, Runnable> calls = new LinkedHashMap<>();
        calls.put("put", () -> db.put(k, k));
        calls.put("put segments", () -> db.put(segment, segment, Durability.UNLOGGED));
        calls.put("delete", () -> db.delete(k));
        calls.put("write", () -> db.write(new WriteBatch().put(k, k)));
        calls.put("write nothing", () -> db.write(new WriteBatch()));
        calls.put("snapshot", db::snapshot);
        calls.put("flush", db::flush);
        calls.put("sync", db::sync);
        calls.put("compact", db::compact);
        calls.put("awaitRest", db::awaitRest);
        calls.put("approximateBytes", () -> db.approximateBytes(Range.all()));
        calls.put("durableSequence", db::durableSequence);
        calls.put("awaitDurable", () -> db.awaitDurable(1));
        calls.put("resume", db::resume);
        calls.put("stats", db::stats);
        readerCalls(db, calls);
        readerCalls(snapshot, calls);
        cursorCalls(cursor, calls);
        calls.put("cursor valid", cursor::valid);
        calls.forEach((name, call) -> assertThrown(name, call, ClosedException.class, "closed"));
        assertThat(db.whenDurable(5, Runnable::run))
                .failsWithin(Duration.ofSeconds(60)) // on another thread
                .withThrowableOfType(java.util.concurrent.ExecutionException.class)
                .withCauseInstanceOf(ClosedException.class);
        assertThat(db.health().state()).isEqualTo(Health.State.CLOSED);
        assertThat(db.directory()).isEqualTo(db.directory());
        assertThat(db.memory().usedBytes()).isZero();
        cursor.close();
        snapshot.close();
        db.close();
        try (BeachDB again = open()) {
            assertThat(again.get(k)).isEqualTo(bytes("value"));
        }
    }

    private static void readerCalls(Reader reader, Map<String, Runnable> calls) {
        String of = reader instanceof Snapshot ? "snapshot " : "";
        byte[] k = bytes("k");
        MemorySegment segment = MemorySegment.ofArray(k);
        calls.put(of + "get", () -> reader.get(k));
        calls.put(of + "get segment", () -> reader.get(segment));
        calls.put(of + "get into", () -> reader.get(k, segment));
        calls.put(of + "get segment into", () -> reader.get(segment, segment));
        calls.put(of + "view", () -> reader.view(k, value -> value));
        calls.put(of + "multiGet", () -> reader.multiGet(List.of(k)));
        calls.put(of + "multiGet of nothing", () -> reader.multiGet(List.of()));
        calls.put(of + "cursor", reader::cursor);
        calls.put(of + "cursor of a range", () -> reader.cursor(Range.from(k)));
        calls.put(of + "sequence", reader::sequence);
    }

    private static void cursorCalls(Cursor cursor, Map<String, Runnable> calls) {
        byte[] k = bytes("k");
        MemorySegment segment = MemorySegment.ofArray(k);
        calls.put("cursor first", cursor::first);
        calls.put("cursor last", cursor::last);
        calls.put("cursor seek", () -> cursor.seek(k));
        calls.put("cursor seekAtOrBefore", () -> cursor.seekAtOrBefore(segment));
        calls.put("cursor next", cursor::next);
        calls.put("cursor previous", cursor::previous);
        calls.put("cursor key", cursor::key);
        calls.put("cursor value", cursor::value);
        calls.put("cursor keyLength", cursor::keyLength);
        calls.put("cursor valueLength", cursor::valueLength);
        calls.put("cursor copyKey", () -> cursor.copyKey(segment, 0));
        calls.put("cursor copyValue", () -> cursor.copyValue(segment, 0));
        calls.put("cursor compareKey", () -> cursor.compareKey(segment));
        calls.put("cursor keyMemory", cursor::keyMemory);
        calls.put("cursor keyOffset", cursor::keyOffset);
        calls.put("cursor valueMemory", cursor::valueMemory);
        calls.put("cursor valueOffset", cursor::valueOffset);
        calls.put("cursor sequence", cursor::sequence);
    }

    @Test
    void everyCall_afterSnapshotOrCursorIsClosed_isAClosedExceptionAndOthersGoOn() {
        try (BeachDB db = open();
                Cursor other = db.cursor()) {
            db.put(bytes("k"), bytes("value"));
            Snapshot snapshot = db.snapshot();
            Cursor ofSnapshot = snapshot.cursor();
            snapshot.close();
            Cursor cursor = db.cursor();
            cursor.first();
            cursor.close();
            Map<String, Runnable> calls = new LinkedHashMap<>();
            readerCalls(snapshot, calls);
            cursorCalls(cursor, calls);
            assertNothingHappens(
                    db, () -> calls.forEach((name, call) -> assertThrown(name, call, ClosedException.class, "closed")));
            ofSnapshot.first();
            assertThat(ofSnapshot.valid()).isTrue();
            ofSnapshot.close();
            other.first();
            assertThat(other.valid()).isFalse();
        }
    }

    // ---- Memory of others.

    @Test
    void segments_thatCannotBeUsed_areNamedExceptionsAndWriteNothing() throws Exception {
        MemorySegment closed;
        try (Arena arena = Arena.ofShared()) {
            closed = arena.allocate(8);
        }
        MemorySegment[] confined = new MemorySegment[1];
        Object done = new Object();
        boolean[] stop = new boolean[1];
        Thread owner = new Thread(() -> {
            try (Arena arena = Arena.ofConfined()) {
                synchronized (done) {
                    confined[0] = arena.allocate(8);
                    done.notifyAll();
                    while (!stop[0]) {
                        done.wait();
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        owner.start();
        synchronized (done) {
            while (confined[0] == null) {
                done.wait();
            }
        }
        try (BeachDB db = open()) {
            db.put(bytes("k"), bytes("value"));
            for (boolean flushed : new boolean[] {false, true}) {
                if (flushed) {
                    db.flush();
                }
                assertUnusable(db, closed, IllegalStateException.class);
                assertUnusable(db, confined[0], WrongThreadException.class);
            }
            MemorySegment readOnly = MemorySegment.ofArray(new byte[8]).asReadOnly();
            assertThrown("read-only", () -> db.get(bytes("k"), readOnly), IllegalArgumentException.class, "read");
        } finally {
            synchronized (done) {
                stop[0] = true;
                done.notifyAll();
            }
            owner.join();
        }
    }

    private static void assertUnusable(BeachDB db, MemorySegment bad, Class<? extends Throwable> thrown) {
        byte[] k = bytes("k");
        MemorySegment good = MemorySegment.ofArray(k);
        WriteBatch batch = new WriteBatch().put(k, k);
        int batchBytes = batch.bytes();
        try (Cursor cursor = db.cursor()) {
            cursor.first();
            Map<String, Runnable> calls = new LinkedHashMap<>();
            for (Durability durability : Durability.values()) {
                calls.put("put key " + durability, () -> db.put(bad, good, durability));
                calls.put("put value " + durability, () -> db.put(good, bad, durability));
                calls.put("delete " + durability, () -> db.delete(bad, durability));
            }
            calls.put("get", () -> db.get(bad));
            calls.put("get key into", () -> db.get(bad, good));
            calls.put("get into", () -> db.get(k, bad));
            calls.put("view", () -> db.view(bad, value -> value));
            calls.put("compareKey", () -> cursor.compareKey(bad));
            calls.put("copyKey", () -> cursor.copyKey(bad, 0));
            calls.put("copyValue", () -> cursor.copyValue(bad, 0));
            calls.put("batch put key", () -> batch.put(bad, good));
            calls.put("batch put value", () -> batch.put(good, bad));
            calls.put("batch delete", () -> batch.delete(bad));
            calls.put("seek", () -> cursor.seek(bad));
            calls.put("seekAtOrBefore", () -> cursor.seekAtOrBefore(bad));
            assertNothingHappens(db, () -> calls.forEach((name, call) -> assertThrown(name, call, thrown)));
        }
        assertThat(batch.bytes()).isEqualTo(batchBytes);
        assertThat(batch.count()).isEqualTo(1);
        batch.delete(k);
        db.write(batch);
        assertThat(db.get(k)).isNull();
        db.put(k, bytes("value"));
    }

    @Test
    void copies_thatDoNotFit_areRefusedWithBothSizes() {
        try (BeachDB db = open()) {
            db.put(bytes("k"), bytes("value"));
            for (boolean flushed : new boolean[] {false, true}) {
                if (flushed) {
                    db.flush();
                }
                try (Cursor cursor = db.cursor()) {
                    cursor.first();
                    MemorySegment four = MemorySegment.ofArray(bytes("xxxx"));
                    assertThrown(
                            "value",
                            () -> cursor.copyValue(four, 0),
                            IllegalArgumentException.class,
                            "5 bytes",
                            "offset 0",
                            "4 bytes");
                    assertThrown(
                            "key",
                            () -> cursor.copyKey(four, 4),
                            IllegalArgumentException.class,
                            "1 bytes",
                            "offset 4");
                    assertThrown("before", () -> cursor.copyKey(four, -1), IllegalArgumentException.class, "offset -1");
                    assertThat(four.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(bytes("xxxx"));
                    cursor.copyKey(four, 3);
                    assertThat(four.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(bytes("xxxk"));
                }
            }
        }
    }

    // ---- Options.

    /** An option that cannot be, what is thrown, and what that must say. */
    record Absurd(
            String option, UnaryOperator<Options.Builder> set, Class<? extends Throwable> thrown, String... says) {
        @Override
        public String toString() {
            return option + " " + String.join(" ", says);
        }
    }

    private static Absurd range(String option, UnaryOperator<Options.Builder> set, String says) {
        return new Absurd(option, set, IllegalArgumentException.class, option, says);
    }

    @SuppressWarnings("NullAway")
    static Stream<Absurd> absurdities() {
        long most = Long.MAX_VALUE;
        int mostInt = Integer.MAX_VALUE;
        return Stream.of(
                new Absurd("durability", b -> b.durability(null), NullPointerException.class, "durability"),
                new Absurd(
                        "loggedSyncInterval",
                        b -> b.loggedSyncInterval(null),
                        NullPointerException.class,
                        "loggedSyncInterval"),
                range("loggedSyncInterval", b -> b.loggedSyncInterval(Duration.ZERO), "is 0, allowed 1 to 3600000"),
                range("loggedSyncInterval", b -> b.loggedSyncInterval(Duration.ofNanos(-1)), "allowed 1 to 3600000"),
                range("loggedSyncInterval", b -> b.loggedSyncInterval(Duration.ofSeconds(most)), "1 to 3600000"),
                range("loggedSyncInterval", b -> b.loggedSyncInterval(Duration.ofSeconds(-most)), "1 to 3600000"),
                new Absurd(
                        "memoryBudget",
                        b -> b.memoryBudget(MemoryBudget.ofBytes(1)),
                        IllegalArgumentException.class,
                        "memory budget is 1 bytes, allowed 4194304 and more"),
                range("memoryBytes", b -> b.memoryBytes(0), "is 0, allowed 4194304 and more"),
                range("memoryBytes", b -> b.memoryBytes(-most), "allowed 4194304 and more"),
                range("writeBufferBytes", b -> b.writeBufferBytes(65535), "is 65535, allowed 65536 to"),
                range("writeBufferBytes", b -> b.writeBufferBytes(most), "allowed 65536 to 4294967296"),
                range("writeBufferBytes", b -> b.writeBufferBytes(2097153), "allowed 65536 to 2097152"),
                range("maxImmutableMemtables", b -> b.maxImmutableMemtables(0), "is 0, allowed 1 to 16"),
                range("maxImmutableMemtables", b -> b.maxImmutableMemtables(17), "is 17, allowed 1 to 16"),
                range("blockBytes", b -> b.blockBytes(0), "is 0, allowed 1 to 262144"),
                range("blockBytes", b -> b.blockBytes(mostInt), "allowed 1 to 262144"),
                range("filterBitsPerKey", b -> b.filterBitsPerKey(-1), "is -1, allowed 0 to 20"),
                range("filterBitsPerKey", b -> b.filterBitsPerKey(21), "is 21, allowed 0 to 20"),
                new Absurd("compression", b -> b.compression(null), NullPointerException.class, "compression"),
                range("targetTableBytes", b -> b.targetTableBytes(1), "is 1, allowed 4096 to 4294967296"),
                range("targetTableBytes", b -> b.targetTableBytes(most), "allowed 4096 to 4294967296"),
                range("level0CompactionTables", b -> b.level0CompactionTables(0), "is 0, allowed 1 to 64"),
                range("level0CompactionTables", b -> b.level0CompactionTables(65), "is 65, allowed 1 to 64"),
                range("level0StopTables", b -> b.level0StopTables(257), "is 257, allowed 2 to 256"),
                range("level0StopTables", b -> b.level0StopTables(4), "is 4, allowed 5 to 256"),
                range("baseLevelBytes", b -> b.baseLevelBytes(0), "is 0, allowed 65536 to 1099511627776"),
                range("baseLevelBytes", b -> b.baseLevelBytes(most), "allowed 65536 to 1099511627776"),
                range("levelMultiplier", b -> b.levelMultiplier(1), "is 1, allowed 2 to 100"),
                range("levelMultiplier", b -> b.levelMultiplier(mostInt), "allowed 2 to 100"),
                range("debtSlowdownBytes", b -> b.debtSlowdownBytes(-1), "is -1, allowed 65536 and more"),
                range("debtStopBytes", b -> b.debtStopBytes(0), "is 0, allowed 65536 and more"),
                range("debtStopBytes", b -> b.debtSlowdownBytes(70_000).debtStopBytes(69_999), "70000 and more"),
                range("compactionThreads", b -> b.compactionThreads(0), "is 0, allowed 1 to 64"),
                range("compactionThreads", b -> b.compactionThreads(mostInt), "allowed 1 to 64"),
                range("compactionBytesPerSecond", b -> b.compactionBytesPerSecond(-1), "is -1, allowed 0 and more"),
                range("manifestBytes", b -> b.manifestBytes(1), "is 1, allowed 4096 to 1073741824"),
                range("manifestBytes", b -> b.manifestBytes(most), "allowed 4096 to 1073741824"),
                range("readOnly", b -> b.readOnly(true).errorIfExists(true), "exclude each other"),
                new Absurd("listener", b -> b.listener(null), NullPointerException.class, "listener"),
                new Absurd("seams", b -> b.seams(null), NullPointerException.class, "seams"));
    }

    @ParameterizedTest
    @MethodSource("absurdities")
    void options_absurd_areRefusedByNameValueAndRange(Absurd absurd) {
        Consumer<Options.Builder> build = builder -> absurd.set.apply(builder).build();
        assertThrown(absurd.toString(), () -> build.accept(options()), absurd.thrown, absurd.says);
    }

    @Test
    void options_each_hasItsAbsurdity() {
        TreeSet<String> missing = new TreeSet<>();
        for (RecordComponent component : Options.class.getRecordComponents()) {
            if (component.getType() != boolean.class) {
                missing.add(component.getName());
            }
        }
        absurdities().forEach(absurd -> missing.remove(absurd.option));
        assertThat(missing).as("options without an absurd value here").isEmpty();
    }

    @Test
    void open_withASpentBudget_isRefused() {
        MemoryBudget budget = MemoryBudget.ofBytes(MEMORY);
        budget.close();
        assertThrown(
                "closed budget",
                () -> BeachDB.open(
                        directory.resolve("db"), options().memoryBudget(budget).build()),
                IllegalStateException.class,
                "closed");
    }
}
