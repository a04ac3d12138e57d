package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.ClosedException;
import io.beachdb.base.DatabaseExistsException;
import io.beachdb.base.DatabaseLockedException;
import io.beachdb.base.DatabaseNotFoundException;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.RandomSource;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.testkit.CheckedVfs;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The public face on a real directory, every receipt checked against what is on disk. */
class BeachDBTest {
    @TempDir
    private Path directory;

    private static Options.Builder options() {
        return Options.builder()
                .memoryBytes(16L << 20)
                .writeBufferBytes(256 << 10)
                .checkLifetimes(true)
                .seams(new Seams(CheckedVfs.system(), Scheduler.system(), RandomSource.system()));
    }

    private BeachDB open() {
        return BeachDB.open(directory, options().build());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte @Nullable [] bytes) {
        return bytes == null ? "absent" : new String(bytes, StandardCharsets.UTF_8);
    }

    private static String text(MemorySegment segment) {
        return new String(segment.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    @Test
    void close_thenOpen_everythingIsThere() {
        try (BeachDB db = open()) {
            for (int i = 0; i < 1000; i++) {
                db.put(bytes("k" + i), bytes("v" + i), i % 100 == 0 ? Durability.SYNCED : Durability.LOGGED);
            }
            db.put(bytes("unlogged"), bytes("u"), Durability.UNLOGGED);
            db.delete(bytes("k7"));
        }
        try (BeachDB db = open()) {
            assertThat(text(db.get(bytes("k999")))).isEqualTo("v999");
            assertThat(db.get(bytes("k7"))).isNull();
            assertThat(text(db.get(bytes("unlogged")))).isEqualTo("u");
        }
        try (BeachDB db = BeachDB.open(directory, options().readOnly(true).build())) {
            assertThat(text(db.get(bytes("k999")))).isEqualTo("v999");
            assertThat(db.health().state()).isEqualTo(Health.State.OPENED_READ_ONLY);
            assertThatThrownBy(() -> db.put(bytes("a"), bytes("b"))).isInstanceOf(WriteRefusedException.class);
        }
    }

    @Test
    void get_inAllTiers_agree() {
        try (BeachDB db = open();
                Arena arena = Arena.ofShared()) {
            byte[] key = bytes("key");
            db.put(key, bytes("a value"));
            for (boolean flushed : new boolean[] {false, true}) {
                if (flushed) {
                    db.flush();
                }
                MemorySegment destination = arena.allocate(7);
                assertThat(db.get(key, destination)).isEqualTo(7);
                assertThat(text(destination)).isEqualTo("a value");
                MemorySegment small = arena.allocate(6).fill((byte) 'x');
                assertThat(db.get(key, small)).isEqualTo(7);
                assertThat(text(small)).isEqualTo("xxxxxx");
                assertThat(db.get(bytes("no"), small)).isEqualTo(-1);
                assertThat(db.<String>view(key, BeachDBTest::text)).isEqualTo("a value");
                assertThat(db.<String>view(bytes("no"), BeachDBTest::text)).isNull();
                MemorySegment nativeKey = arena.allocate(3);
                MemorySegment.copy(MemorySegment.ofArray(key), 0, nativeKey, 0, 3);
                assertThat(text(db.get(nativeKey))).isEqualTo("a value");
                assertThat(db.multiGet(List.of(key, bytes("no"))).stream().map(BeachDBTest::text))
                        .containsExactly("a value", "absent");
            }
        }
    }

    @Test
    void largeValue_goesThroughLogTableAndCursor() {
        byte[] large = new byte[3 << 20];
        for (int i = 0; i < large.length; i++) {
            large[i] = (byte) (i * 31 >>> 3);
        }
        try (BeachDB db = open()) {
            db.put(bytes("b"), large);
            db.put(bytes("a"), bytes("small"));
            assertThat(db.get(bytes("b"))).isEqualTo(large);
            db.flush();
            assertThat(db.get(bytes("b"))).isEqualTo(large);
        }
        try (BeachDB db = open();
                Cursor cursor = db.cursor()) {
            cursor.last();
            assertThat(cursor.value().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(large);
            cursor.previous();
            assertThat(text(cursor.value())).isEqualTo("small");
            cursor.next();
            assertThat(cursor.valueLength()).isEqualTo(large.length);
        }
    }

    @Test
    @SuppressWarnings("try") // reads after an early close are what is tested
    void snapshot_acrossOverwriteFlushAndCompaction_staysAsItWas() {
        try (BeachDB db = open()) {
            db.put(bytes("k"), bytes("old"));
            db.put(bytes("gone"), bytes("there"));
            try (Snapshot snapshot = db.snapshot()) {
                db.put(bytes("k"), bytes("new"));
                db.delete(bytes("gone"));
                db.flush();
                db.compact();
                assertThat(text(snapshot.get(bytes("k")))).isEqualTo("old");
                assertThat(text(snapshot.get(bytes("gone")))).isEqualTo("there");
                assertThat(text(db.get(bytes("k")))).isEqualTo("new");
                assertThat(db.get(bytes("gone"))).isNull();
                snapshot.close();
                assertThatThrownBy(() -> snapshot.get(bytes("k"))).isInstanceOf(ClosedException.class);
            }
            db.compact();
            long tombstones = db.stats().levels().stream()
                    .mapToLong(DatabaseStats.Level::tombstones)
                    .sum();
            assertThat(tombstones).isZero();
        }
    }

    @Test
    void versionsKeptForASnapshot_goByThemselvesWhenItCloses() {
        byte[] value = new byte[100];
        try (BeachDB db = open()) {
            putAll(db, value);
            Snapshot snapshot = db.snapshot();
            putAll(db, value);
            db.compact();
            assertThat(lastLevelEntries(db)).isEqualTo(2000);
            snapshot.close();
            db.awaitRest();
            assertThat(lastLevelEntries(db)).isEqualTo(1000);
        }
    }

    @Test
    void versionsKeptForASnapshot_overOlderTables_goToo() {
        byte[] value = new byte[100];
        Options small =
                options().baseLevelBytes(64 << 10).level0CompactionTables(1).build();
        try (BeachDB db = BeachDB.open(directory, small)) {
            for (int i = 0; i < 20; i++) {
                putAll(db, value); // each key once would not fill two levels
            }
            db.put(bytes("large"), new byte[256 << 10], Durability.LOGGED);
            db.compact();
            assertThat(entries(db)).isEqualTo(1001);
            putAll(db, value);
            Snapshot snapshot = db.snapshot();
            putAll(db, value);
            db.flush();
            db.awaitRest();
            assertThat(entries(db)).isEqualTo(3001);
            assertThat(lastLevelEntries(db)).as("entries below the versions").isEqualTo(1001);
            snapshot.close();
            db.awaitRest();
            assertThat(entries(db)).isEqualTo(2001);
        }
    }

    private static long entries(BeachDB db) {
        return db.stats().levels().stream()
                .mapToLong(DatabaseStats.Level::entries)
                .sum();
    }

    private static void putAll(BeachDB db, byte[] value) {
        for (int i = 0; i < 1000; i++) {
            db.put(bytes("key" + i), value, Durability.LOGGED);
        }
    }

    private static long lastLevelEntries(BeachDB db) {
        return db.stats().levels().getLast().entries();
    }

    @Test
    void view_keptPastItsCallback_throws() {
        try (BeachDB db = open()) {
            db.put(bytes("k"), bytes("value"));
            for (boolean flushed : new boolean[] {false, true}) {
                MemorySegment kept = Objects.requireNonNull(db.view(bytes("k"), value -> value));
                assertThatThrownBy(() -> text(kept))
                        .as("flushed %s", flushed)
                        .isInstanceOf(IllegalStateException.class);
                db.flush();
            }
        }
    }

    @Test
    void budget_closedWhileADatabaseUsesIt_isRefused() {
        MemoryBudget budget = MemoryBudget.ofBytes(64 << 20);
        try (BeachDB db = BeachDB.open(directory, options().memoryBudget(budget).build())) {
            db.put(bytes("k"), bytes("v"));
            assertThatThrownBy(budget::close).isInstanceOf(IllegalStateException.class);
            assertThat(text(db.get(bytes("k")))).isEqualTo("v");
        }
        budget.close();
    }

    @Test
    void durable_reportsAndAwaits() throws Exception {
        try (BeachDB db = open()) {
            long synced = db.put(bytes("a"), bytes("1"));
            assertThat(db.durableSequence()).isGreaterThanOrEqualTo(synced);
            long logged = db.put(bytes("b"), bytes("2"), Durability.LOGGED);
            assertThat(db.whenDurable(logged, Runnable::run).get(30, TimeUnit.SECONDS))
                    .isGreaterThanOrEqualTo(logged);
            long unlogged = db.put(bytes("c"), bytes("3"), Durability.UNLOGGED);
            assertThat(db.durableSequence()).isLessThan(unlogged);
            db.awaitDurable(unlogged);
            assertThat(db.durableSequence()).isGreaterThanOrEqualTo(unlogged);
            assertThatThrownBy(() -> db.awaitDurable(unlogged + 1)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    @SuppressWarnings("NullAway") // null is one of the misuses
    void misuse_isANamedException() {
        try (BeachDB db = open();
                Arena arena = Arena.ofShared()) {
            byte[] longest = new byte[1 << 20];
            db.put(longest, bytes("fits"));
            assertThatThrownBy(() -> db.put(new byte[(1 << 20) + 1], bytes("v")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("1048577")
                    .hasMessageContaining("1048576");
            assertThatThrownBy(() -> db.put(bytes("k"), new byte[5 << 20]))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("4194304");
            assertThatThrownBy(() -> db.get((byte[]) null)).isInstanceOf(NullPointerException.class);
            MemorySegment closed;
            try (Arena other = Arena.ofShared()) {
                closed = other.allocate(8);
            }
            assertThatThrownBy(() -> db.put(closed, arena.allocate(1))).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> db.get(closed)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> db.view(longest, v -> db.put(bytes("x"), bytes("y"))))
                    .isInstanceOf(IllegalStateException.class);
            Cursor cursor = db.cursor();
            assertThatThrownBy(cursor::key).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(cursor::next).isInstanceOf(IllegalStateException.class);
            cursor.first();
            MemorySegment kept = cursor.key();
            cursor.next();
            assertThatThrownBy(() -> kept.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
            cursor.close();
            cursor.close();
            assertThatThrownBy(cursor::first).isInstanceOf(ClosedException.class);
            db.put(bytes("still"), bytes("works"));
        }
    }

    @Test
    void afterClose_everyCallIsAClosedException() {
        BeachDB db = open();
        db.put(bytes("k"), bytes("v"));
        Cursor cursor = db.cursor();
        cursor.first();
        Snapshot snapshot = db.snapshot();
        db.close();
        db.close();
        assertThatThrownBy(() -> db.get(bytes("k"))).isInstanceOf(ClosedException.class);
        assertThatThrownBy(() -> db.put(bytes("k"), bytes("v"))).isInstanceOf(ClosedException.class);
        assertThatThrownBy(db::flush).isInstanceOf(ClosedException.class);
        assertThatThrownBy(db::snapshot).isInstanceOf(ClosedException.class);
        assertThatThrownBy(cursor::next).isInstanceOf(ClosedException.class);
        assertThatThrownBy(() -> snapshot.get(bytes("k"))).isInstanceOf(ClosedException.class);
        snapshot.close();
        cursor.close();
        assertThat(db.health().state()).isEqualTo(Health.State.CLOSED);
    }

    @Test
    void open_whatCannotBeOpened_saysWhy() throws IOException {
        try (BeachDB db = open()) {
            assertThatThrownBy(this::open)
                    .isInstanceOf(DatabaseLockedException.class)
                    .hasMessageContaining("process " + ProcessHandle.current().pid());
            db.put(bytes("still"), bytes("works"));
        }
        assertThatThrownBy(() ->
                        BeachDB.open(directory, options().errorIfExists(true).build()))
                .isInstanceOf(DatabaseExistsException.class);
        Path none = directory.resolve("none");
        assertThatThrownBy(() ->
                        BeachDB.open(none, options().createIfMissing(false).build()))
                .isInstanceOf(DatabaseNotFoundException.class);
        assertThat(none).doesNotExist();
        Path file = Files.writeString(directory.resolve("file"), "text");
        assertThatThrownBy(() -> BeachDB.open(file, options().build()))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("is a file");
        assertThatThrownBy(() -> options().writeBufferBytes(1).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("writeBufferBytes is 1, allowed 65536");
    }

    @Test
    void close_whileOthersWork_endsThemByNamedExceptions() throws Exception {
        for (int round = 0; round < 5; round++) {
            BeachDB db = BeachDB.open(
                    directory.resolve("r" + round),
                    options().checkLifetimes(false).build());
            List<Thread> threads = new ArrayList<>();
            List<Throwable> wrong = java.util.Collections.synchronizedList(new ArrayList<>());
            for (int t = 0; t < 4; t++) {
                int kind = t;
                Thread thread = new Thread(() -> {
                    try {
                        for (int i = 0; ; i++) {
                            work(db, kind, i);
                        }
                    } catch (ClosedException e) {
                        // what a close does to those who work
                    } catch (Throwable e) {
                        wrong.add(e);
                    }
                });
                thread.start();
                threads.add(thread);
            }
            while (db.sequence() < 300) {
                Thread.onSpinWait();
            }
            db.close();
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(wrong).isEmpty();
        }
    }

    private static void work(BeachDB db, int kind, int i) {
        switch (kind) {
            case 0 -> db.put(bytes("k" + i % 500), new byte[500], Durability.LOGGED);
            case 1 -> db.put(bytes("s" + i % 500), new byte[50], Durability.SYNCED);
            case 2 -> {
                try (Cursor cursor = db.cursor()) {
                    for (cursor.first(); cursor.valid(); cursor.next()) {
                        cursor.keyLength();
                    }
                }
            }
            default -> db.get(bytes("k" + i % 500));
        }
    }
}
