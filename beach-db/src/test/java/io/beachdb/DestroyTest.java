package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.DatabaseLockedException;
import io.beachdb.durability.DurabilityEvent;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@link BeachDB#destroy(Path)} deletes, and what it leaves alone. What a power cut leaves: {@code EngineScenario}. */
class DestroyTest {
    private static final byte[] KEY = "key".getBytes(StandardCharsets.US_ASCII);

    @TempDir
    private Path root;

    private Path directory;

    @BeforeEach
    void fill() {
        directory = root.resolve("db");
        try (BeachDB db = BeachDB.open(directory)) {
            db.put(KEY, KEY);
            db.flush();
            db.put(KEY, KEY);
        }
    }

    @Test
    void destroy_database_directoryIsGoneAndMayBeMadeAnew() {
        assertThat(BeachDB.destroy(directory)).isTrue();
        assertThat(directory).doesNotExist();
        assertThat(root).isEmptyDirectory();
        assertThat(BeachDB.destroy(directory)).isFalse();
        try (BeachDB db = BeachDB.open(directory)) {
            assertThat(db.get(KEY)).isNull();
        }
    }

    @Test
    void destroy_besideFilesOfOthers_leavesThem() throws IOException {
        Path stranger = Files.writeString(directory.resolve("notes.txt"), "mine");
        Path inner = Files.createDirectory(directory.resolve("inner"));
        assertThat(BeachDB.destroy(directory)).isTrue();
        assertThat(stranger).hasContent("mine");
        assertThat(inner).isDirectory();
        assertThat(directory.resolve("CURRENT")).doesNotExist();
        assertThat(directory.resolve("LOCK")).exists(); // never deleted where somebody may open it
        assertThat(BeachDB.destroy(directory)).as("again").isFalse();
        try (BeachDB db = BeachDB.open(directory)) {
            assertThat(db.get(KEY)).isNull();
        }
    }

    @Test
    void destroy_listenerThrows_goesOn() {
        Options options = Options.builder()
                .listener(new DatabaseListener() {
                    @Override
                    public void onFileEvent(DurabilityEvent event) {
                        throw new IllegalStateException("of the test");
                    }
                })
                .build();
        assertThat(BeachDB.destroy(directory, options)).isTrue();
        assertThat(directory).doesNotExist();
    }

    @Test
    void destroy_whileOpen_refused() {
        try (BeachDB db = BeachDB.open(directory)) {
            assertThatThrownBy(() -> BeachDB.destroy(directory)).isInstanceOf(DatabaseLockedException.class);
            assertThat(db.get(KEY)).isEqualTo(KEY);
            db.put(KEY, KEY);
        }
    }

    @Test
    void destroy_whereNoDatabaseIs_nothingHappens() throws IOException {
        assertThat(BeachDB.destroy(root.resolve("absent"))).isFalse();
        Path empty = Files.createDirectory(root.resolve("empty"));
        assertThat(BeachDB.destroy(empty)).isFalse();
        assertThat(empty).isEmptyDirectory();
    }

    @Test
    void destroy_whatACutDestructionLeft_endsIt() throws IOException {
        Files.delete(directory.resolve("CURRENT"));
        assertThat(BeachDB.destroy(directory)).isTrue();
        assertThat(directory).doesNotExist();
    }
}
