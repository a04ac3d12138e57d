package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.cli.Cli.Result;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code docs/guides/backup-and-damage.md} says can be done can be done. */
class BackupGuideTest {
    @TempDir
    private Path directory;

    private Path db;
    private Path copy;

    /** A table of a to c, one of m, one of x to z; a copy; then further openings. */
    @BeforeEach
    void fill() throws IOException {
        db = directory.resolve("db");
        copy = directory.resolve("copy");
        try (BeachDB opened = BeachDB.open(db)) {
            for (List<String> keys : List.of(List.of("a", "b", "c"), List.of("m"), List.of("x", "y", "z"))) {
                keys.forEach(key -> put(opened, key));
                opened.flush();
            }
        }
        FileTrees.copy(db, copy);
        try (BeachDB opened = BeachDB.open(db)) {
            put(opened, "later");
        }
    }

    private static void put(BeachDB opened, String key) {
        opened.put(bytes(key), bytes("value of " + key), Durability.LOGGED);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String keys(Path of) {
        return String.join("", Cli.good("scan", of, "--keys-only").lines().toList());
    }

    private static List<Path> files(Path of, String like) throws IOException {
        try (Stream<Path> all = Files.list(of)) {
            return all.filter(path -> path.getFileName().toString().contains(like))
                    .sorted()
                    .toList();
        }
    }

    private static Path damaged(Path file) throws IOException {
        byte[] content = Files.readAllBytes(file);
        content[0] ^= 1;
        return Files.write(file, content);
    }

    private static void restore(Path file, Path from) throws IOException {
        Files.copy(from.resolve(file.getFileName()), file, StandardCopyOption.REPLACE_EXISTING);
    }

    private static void exported(Object... arguments) {
        Object[] all = Stream.concat(Stream.of("export"), Stream.of(arguments)).toArray();
        Result result = Cli.run(all);
        assertThat(result.code()).as(result.err()).isZero();
    }

    @Test
    void copy_ofTheClosedDirectory_opens() {
        assertThat(Cli.run("verify", copy).code()).isZero();
        assertThat(keys(copy)).isEqualTo("abcmxyz");
    }

    @Test
    void checkpoint_isADatabaseOfItsOwn() throws IOException {
        Path made = directory.resolve("backups/today");
        assertThat(Cli.good("checkpoint", db, made)).isEqualTo("made " + made + ": 8 entries in tables\n");
        assertThat(keys(made)).isEqualTo("abclatermxyz");
        Cli.good("put", db, "only", "here");
        Cli.good("delete", made, "m");
        assertThat(keys(made)).isEqualTo("abclaterxyz");
        assertThat(keys(db)).isEqualTo("abclatermonlyxyz");
        Result again = Cli.run("checkpoint", db, made);
        assertThat(again.code()).isEqualTo(1);
        assertThat(again.err()).contains(made + " is not empty").hasLineCount(1);
        assertThat(Cli.run("checkpoint", directory.resolve("none"), copy.resolveSibling("new"))
                        .err())
                .contains("does not exist");
        Cli.good("destroy", made, "--yes");
        assertThat(made).doesNotExist();
        assertThat(Cli.run("verify", db).code()).isZero();
    }

    @Test
    void export_andLoad_giveTheEntriesBack() {
        Path file = directory.resolve("all.csv");
        exported(db, file);
        Cli.good("load", directory.resolve("new"), file);
        assertThat(keys(directory.resolve("new"))).isEqualTo("abclatermxyz");
    }

    @Test
    void restore_ofATable_isAllItTakes() throws IOException {
        Path table = damaged(files(db, ".sst").getFirst());
        Result scan = Cli.run("scan", db);
        assertThat(scan.code()).isEqualTo(1);
        assertThat(scan.err()).contains(table + " at offset 0", "Restore this file");
        assertThat(Cli.good("get", db, "m")).isEqualTo("value of m\n");
        restore(table, copy);
        assertThat(Cli.run("verify", db).code()).isZero();
        assertThat(keys(db)).isEqualTo("abclatermxyz");
    }

    @Test
    void restore_ofCurrentAlone_isRefused() throws IOException {
        Path current = damaged(db.resolve("CURRENT"));
        assertThat(Cli.run("scan", db).err()).contains(current + " at offset 0", "Restore the whole directory");
        restore(current, copy);
        assertThat(Cli.run("scan", db).code()).isEqualTo(1);
        FileTrees.delete(db);
        FileTrees.copy(copy, db);
        assertThat(keys(db)).isEqualTo("abcmxyz");
    }

    @Test
    void export_besideADamagedTable_savesTheOthers() throws IOException {
        Path table = damaged(files(db, ".sst").get(1)); // of m
        String manifest = Cli.good("dump", "manifest", files(db, "MANIFEST").getFirst());
        assertThat(manifest.lines()
                        .filter(line -> line.contains(table.getFileName().toString())))
                .anyMatch(line -> line.contains("\"m\"") && line.contains(" .. "));
        Path before = directory.resolve("before.csv");
        Path behind = directory.resolve("behind.csv");
        exported(db, before, "--to", "m");
        exported(db, behind, "--from", "n");
        Path fresh = directory.resolve("new");
        Cli.good("load", fresh, before);
        Cli.good("load", fresh, behind);
        assertThat(keys(fresh)).isEqualTo("abclaterxyz");
    }

    @Test
    void missingOptionsAndLock_areMadeAnew() throws IOException {
        for (String like : List.of("OPTIONS", "LOCK")) {
            for (Path file : files(db, like)) {
                Files.delete(file);
            }
        }
        assertThat(keys(db)).isEqualTo("abclatermxyz");
        Cli.good("put", db, "q", "1");
        assertThat(files(db, "OPTIONS")).hasSize(1);
    }
}
