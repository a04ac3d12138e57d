package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.ClosedException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.DatabaseExistsException;
import io.beachdb.base.DatabaseLockedException;
import io.beachdb.base.RandomSource;
import io.beachdb.base.Scheduler;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.testkit.CheckedVfs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a checkpoint holds, and that it is a database of its own. What a power cut leaves: {@code EngineScenario}. */
class CheckpointTest {
    @TempDir
    private Path root;

    private static Options options() {
        return Options.builder()
                .memoryBytes(16L << 20)
                .writeBufferBytes(256 << 10)
                .checkLifetimes(true)
                .seams(new Seams(CheckedVfs.system(), Scheduler.system(), RandomSource.system()))
                .build();
    }

    private BeachDB open(String name) {
        return BeachDB.open(root.resolve(name), options());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte @Nullable [] bytes) {
        return bytes == null ? "absent" : new String(bytes, StandardCharsets.UTF_8);
    }

    private static List<Path> tables(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.toString().endsWith(".sst"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void checkpoint_holdsWhatWasWritten_andEachGoesItsOwnWay() throws IOException {
        Path copy = root.resolve("copies/today/db"); // none of them there yet
        try (BeachDB db = open("db")) {
            for (int i = 0; i < 300; i++) {
                db.put(bytes("k" + i), bytes("v" + i), i % 2 == 0 ? Durability.LOGGED : Durability.UNLOGGED);
                if (i % 100 == 50) {
                    db.flush();
                }
            }
            db.delete(bytes("k7"));
            db.checkpoint(copy);
            db.put(bytes("k8"), bytes("later"));
            db.compact(); // deletes the tables of the checkpoint here
            assertThat(text(db.get(bytes("k8")))).isEqualTo("later");
        }
        assertThat(copy.resolve("LOCK")).exists();
        long sequence;
        try (BeachDB made = BeachDB.open(copy, options())) {
            for (int i = 0; i < 300; i++) {
                assertThat(text(made.get(bytes("k" + i)))).isEqualTo(i == 7 ? "absent" : "v" + i);
            }
            sequence = made.put(bytes("k9"), bytes("mine"));
            made.compact();
        }
        try (BeachDB db = open("db")) {
            assertThat(text(db.get(bytes("k9")))).isEqualTo("v9");
            assertThat(sequence)
                    .as("sequences go on where the checkpoint was made")
                    .isEqualTo(302);
        }
        assertThat(BeachDB.destroy(root.resolve("db"))).isTrue();
        try (BeachDB made = BeachDB.open(copy, options())) {
            assertThat(text(made.get(bytes("k9")))).isEqualTo("mine");
        }
    }

    @Test
    void checkpoint_ofTables_takesNoRoom() throws IOException {
        Path copy = root.resolve("copy");
        try (BeachDB db = open("db")) {
            db.put(bytes("k"), new byte[100_000]);
            db.checkpoint(copy);
            Path table = tables(copy).getFirst();
            assertThat(Files.isSameFile(table, root.resolve("db").resolve(table.getFileName())))
                    .isTrue();
        }
    }

    @Test
    void checkpoint_ofAnEmptyDatabase_isOne() {
        try (BeachDB db = open("db")) {
            db.checkpoint(root.resolve("copy"));
        }
        try (BeachDB made = BeachDB.open(
                root.resolve("copy"),
                options().toBuilder().createIfMissing(false).build())) {
            assertThat(made.get(bytes("k"))).isNull();
        }
    }

    @Test
    void checkpoint_ofACheckpoint_andBesideSnapshots() {
        try (BeachDB db = open("db")) {
            db.put(bytes("k"), bytes("1"));
            try (Snapshot snapshot = db.snapshot()) {
                db.put(bytes("k"), bytes("2"));
                db.checkpoint(root.resolve("copy"));
                assertThat(text(snapshot.get(bytes("k")))).isEqualTo("1");
            }
        }
        try (BeachDB copy = open("copy")) {
            copy.checkpoint(root.resolve("copy2"));
        }
        try (BeachDB second = open("copy2")) {
            assertThat(text(second.get(bytes("k")))).isEqualTo("2");
        }
    }

    @Test
    void checkpoint_besideWriters_isAPrefixOfTheirOrder() throws InterruptedException {
        AtomicBoolean end = new AtomicBoolean();
        AtomicInteger written = new AtomicInteger();
        try (BeachDB db = open("db")) {
            Thread writer = new Thread(() -> {
                while (!end.get()) {
                    int next = written.get() + 1;
                    db.write(
                            new WriteBatch()
                                    .put(bytes("a"), bytes(String.valueOf(next)))
                                    .put(bytes("z"), bytes(String.valueOf(next))),
                            Durability.LOGGED);
                    written.set(next);
                }
            });
            writer.start();
            for (int i = 0; i < 10; i++) {
                int before = written.get();
                db.checkpoint(root.resolve("copy" + i));
                try (BeachDB copy = open("copy" + i)) {
                    assertThat(text(copy.get(bytes("a")))).isEqualTo(text(copy.get(bytes("z"))));
                    if (before > 0) {
                        assertThat(Integer.parseInt(text(copy.get(bytes("a"))))).isBetween(before, written.get() + 1);
                    }
                }
            }
            end.set(true);
            writer.join();
        }
    }

    @Test
    void checkpoint_whereItMayNotBe_isRefusedAndChangesNothing() throws IOException {
        Path other = Files.createDirectory(root.resolve("other"));
        Files.writeString(other.resolve("notes.txt"), "mine");
        try (BeachDB db = open("db");
                BeachDB second = open("second")) {
            db.put(bytes("k"), bytes("v"));
            assertThatThrownBy(() -> db.checkpoint(other))
                    .isInstanceOf(DatabaseExistsException.class)
                    .hasMessageContainingAll(other.toString(), "notes.txt");
            try (Stream<Path> files = Files.list(other)) {
                assertThat(files).containsExactly(other.resolve("notes.txt"));
            }
            assertThatThrownBy(() -> db.checkpoint(db.directory())).isInstanceOf(DatabaseExistsException.class);
            assertThatThrownBy(() -> db.checkpoint(db.directory().resolve("../db/inner")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("own directory");
            assertThat(db.directory().resolve("inner")).doesNotExist();
            assertThatThrownBy(() -> db.checkpoint(second.directory())).isInstanceOf(DatabaseExistsException.class);
            assertThat(text(db.get(bytes("k")))).isEqualTo("v");
        }
    }

    @Test
    void checkpoint_whenItMayNotWrite_isRefused() throws IOException {
        try (BeachDB db = open("db")) {
            db.put(bytes("k"), bytes("v"));
        }
        Path copy = root.resolve("copy");
        try (BeachDB db = BeachDB.open(
                root.resolve("db"), options().toBuilder().readOnly(true).build())) {
            assertThatThrownBy(() -> db.checkpoint(copy)).isInstanceOf(WriteRefusedException.class);
        }
        assertThat(copy).doesNotExist();
        BeachDB closed = open("db");
        closed.close();
        assertThatThrownBy(() -> closed.checkpoint(copy)).isInstanceOf(ClosedException.class);
        assertThat(copy).doesNotExist();
    }

    @Test
    void checkpoint_ofACutTable_isDamageAndLeavesNothing() throws IOException {
        Path copy = root.resolve("copy");
        try (BeachDB db = open("db")) {
            db.put(bytes("k"), bytes("v"));
            db.flush();
            Path table = tables(root.resolve("db")).getFirst();
            byte[] good = Files.readAllBytes(table);
            Files.write(table, Arrays.copyOf(good, good.length - 1));
            assertThatThrownBy(() -> db.checkpoint(copy))
                    .isInstanceOf(CorruptionException.class)
                    .hasMessageContaining(table.getFileName() + " at offset ");
            assertThat(tables(copy)).isEmpty();
            Files.write(table, good);
            db.checkpoint(copy); // only locks are left there
        }
        try (BeachDB made = open("copy")) {
            assertThat(text(made.get(bytes("k")))).isEqualTo("v");
            assertThatThrownBy(() -> open("copy")).isInstanceOf(DatabaseLockedException.class);
        }
    }
}
