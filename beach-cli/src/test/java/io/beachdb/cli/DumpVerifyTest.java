package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.Options;
import io.beachdb.WriteBatch;
import io.beachdb.cli.Cli.Result;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** dump and verify, on whole files and on damaged ones. */
class DumpVerifyTest {
    private static final Options SMALL =
            Options.builder().writeBufferBytes(64 << 10).blockBytes(200).build();

    /** An END record in its fragment. */
    private static final int END_BYTES = 41;

    @TempDir
    private Path directory;

    private Path db;

    @BeforeEach
    void fill() {
        db = directory.resolve("db");
        fill(db);
    }

    /** A table from the first opening, and batches in the logs of the second: closed cleanly, all that is there counts. */
    private static void fill(Path db) {
        try (BeachDB opened = BeachDB.open(db, SMALL)) {
            for (int i = 0; i < 40; i++) {
                opened.put(bytes("key" + i), bytes("value" + i), Durability.LOGGED);
            }
            opened.delete(bytes("key7"));
            opened.flush();
        }
        try (BeachDB opened = BeachDB.open(db, SMALL)) {
            opened.put(bytes("log\0key"), bytes("in the log"));
            opened.write(new WriteBatch().delete(bytes("key1")).put(bytes("key2"), bytes("new")));
        }
    }

    @Test
    void verify_missingFiles_areAllToldAndTheRestIsRead() throws IOException {
        try (BeachDB opened = BeachDB.open(db, SMALL)) {
            opened.put(bytes("a"), bytes("b"));
            opened.flush();
        }
        List<Path> tables = files(".sst");
        assertThat(tables).hasSizeGreaterThan(2);
        Files.delete(tables.getFirst());
        Files.delete(tables.getLast());
        Path whole = tables.get(1);
        byte[] content = Files.readAllBytes(whole);
        content[3] ^= 1;
        Files.write(whole, content);
        Result result = Cli.run("verify", db);
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err())
                .contains(
                        tables.getFirst() + ": ",
                        tables.getLast() + ": ",
                        "and it is not there",
                        whole + " at offset 0: ",
                        "damaged in 3 places")
                .hasLineCount(4);
        Path log = files(".wal").getLast();
        Files.delete(log);
        assertThat(Cli.run("verify", db).err())
                .contains(log + ": ", "damaged in 4 places")
                .hasLineCount(5);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** A file that counts, by extension or prefix: of logs the last one, which was closed. */
    private Path file(String like) throws IOException {
        return files(like).stream()
                .filter(path -> !like.equals(".wal")
                        || Cli.run("dump", "wal", path).out().contains("closed cleanly"))
                .findFirst()
                .orElseThrow();
    }

    private List<Path> files(String like) throws IOException {
        try (Stream<Path> all = Files.list(db)) {
            return all.filter(path -> path.getFileName().toString().contains(like))
                    .sorted()
                    .toList();
        }
    }

    private Map<String, byte[]> snapshot() throws IOException {
        Map<String, byte[]> content = new TreeMap<>();
        try (Stream<Path> all = Files.list(db)) {
            for (Path path : (Iterable<Path>) all::iterator) {
                content.put(path.getFileName().toString(), Files.readAllBytes(path));
            }
        }
        return content;
    }

    private void assertUnchanged(Map<String, byte[]> before) throws IOException {
        Map<String, byte[]> after = snapshot();
        assertThat(after.keySet()).isEqualTo(before.keySet());
        before.forEach((name, content) ->
                assertThat(Arrays.equals(content, after.get(name))).as(name).isTrue());
    }

    @Test
    void verify_wholeDatabase_goodAndUntouched() throws IOException {
        Map<String, byte[]> before = snapshot();
        assertThat(Cli.good("verify", db)).contains("all whole: 40 entries in tables, 2 batches in logs");
        assertThat(Cli.good("verify", db, "--json"))
                .startsWith("{\"good\":true,")
                .contains("\"damage\":[]");
        assertUnchanged(before);
    }

    @Test
    void dump_wholeFiles_oneEntryALine() throws IOException {
        Map<String, byte[]> before = snapshot();
        assertThat(Cli.good("dump", "sst", file(".sst")))
                .contains("\"key39\" @40 PUT 7 bytes \"value39\"", "\"key7\" @41 DELETE");
        StringBuilder logs = new StringBuilder();
        for (Path log : files(".wal")) {
            logs.append(Cli.good("dump", "wal", log));
        }
        assertThat(logs)
                .contains(
                        "4294967338 PUT \"log\\x00key\" 10 bytes \"in the log\"",
                        "4294967339 DELETE \"key1\"", // the first life wrote to no log: sequences leapt
                        "4294967340 PUT \"key2\" 3 bytes \"new\"",
                        "closed cleanly");
        assertThat(Cli.good("dump", "manifest", file("MANIFEST"))).contains("SNAPSHOT", "40 entries", "END");
        assertThat(Cli.good("dump", "manifest", file("CURRENT"))).contains("leads to");
        assertUnchanged(before);
    }

    /** Where the END record of a log or manifest begins; the file's end if there is none. */
    private static int endRecord(String kind, Path file) throws IOException {
        return Cli.run("dump", kind, file)
                .out()
                .lines()
                .filter(line -> line.matches("\\s*\\d+ .*\\bEND\\b.*"))
                .map(line -> Integer.parseInt(line.strip().split(" +")[0]))
                .findFirst()
                .orElse((int) Files.size(file));
    }

    private static String kind(String like) {
        return like.equals(".sst") ? "sst" : like.equals(".wal") ? "wal" : "manifest";
    }

    @ParameterizedTest
    @ValueSource(strings = {".sst", ".wal", "MANIFEST", "CURRENT"})
    void verify_anyByteChanged_damageNamedWithFileAndOffset(String like) throws IOException {
        Path file = file(like);
        String name = file.getFileName().toString();
        byte[] good = Files.readAllBytes(file);
        // A log or manifest whose last record is bad cannot be told from one that a crash tore: up to there, all
        // counts.
        int end = endRecord(kind(like), file);
        SplittableRandom random = new SplittableRandom(4);
        for (int i = 0; i < 40; i++) {
            int at = i < 3 ? new int[] {0, end / 2, end - 1}[i] : random.nextInt(end);
            byte[] bad = good.clone();
            bad[at] ^= (byte) (1 << random.nextInt(8));
            Files.write(file, bad);

            Result verified = Cli.run("verify", db);
            assertThat(verified.code())
                    .as("byte %s of %s: %s", at, name, verified)
                    .isEqualTo(1);
            assertThat(verified.err()).as("byte " + at).contains(name).contains("offset");
            Result json = Cli.run("verify", db, "--json");
            assertThat(json.code()).isEqualTo(1);
            assertThat(json.out()).contains("\"good\":false", name);

            Result dumped = Cli.run("dump", kind(like), file);
            // What follows a damaged record shows the damage; the dump of one file alone may take the last one for
            // torn.
            assertThat(dumped.code()).as("byte %s of %s: %s", at, name, dumped).isEqualTo(1);
            assertThat(dumped.out() + dumped.err())
                    .as("byte " + at)
                    .contains(name)
                    .contains("offset");
        }
        Files.write(file, good);
        Cli.good("verify", db);
    }

    @ParameterizedTest
    @ValueSource(strings = {".wal", "MANIFEST"})
    void verify_lastRecordTorn_toldAndNoDamage(String like) throws IOException {
        Path file = file(like);
        byte[] good = Files.readAllBytes(file);
        int end = endRecord(kind(like), file);
        // Behind the record, an allocated log has zeros.
        int ends = end + END_BYTES;
        assertThat(ends).isLessThanOrEqualTo(good.length);
        for (int length = end + 1; length < ends; length += 7) {
            Files.write(file, Arrays.copyOf(good, length));
            String told = Cli.good("verify", db);
            assertThat(told).contains(file.getFileName().toString(), "offset " + end);
            assertThat(Cli.run("dump", kind(like), file).code()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {".sst", ".wal", "MANIFEST", "CURRENT"})
    void verify_fileCutWithinItsHeader_damageNamed(String like) throws IOException {
        Path file = file(like);
        byte[] good = Files.readAllBytes(file);
        for (int length : new int[] {0, 10, 63}) {
            Files.write(file, Arrays.copyOf(good, length));
            Result result = Cli.run("verify", db);
            assertThat(result.code()).as("cut to %s: %s", length, result).isEqualTo(1);
            assertThat(result.err()).contains(file.getFileName().toString());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {".sst", "MANIFEST", "CURRENT"})
    void verify_fileMissing_damageNamed(String like) throws IOException {
        Path file = file(like);
        Files.delete(file);
        Result result = Cli.run("verify", db);
        assertThat(result.code()).as(result.toString()).isEqualTo(1);
        assertThat(result.err()).contains(file.getFileName().toString());
    }

    @Test
    void verify_tableCutAnywhere_damageNamed() throws IOException {
        Path file = file(".sst");
        byte[] good = Files.readAllBytes(file);
        for (int length = 0; length < good.length; length += 1 + good.length / 20) {
            Files.write(file, Arrays.copyOf(good, length));
            Result result = Cli.run("verify", db);
            assertThat(result.code()).as("cut to %s: %s", length, result).isEqualTo(1);
            assertThat(result.err()).contains(file.getFileName().toString());
        }
    }

    @Test
    void verify_tableOfAnotherDatabase_refused() throws IOException {
        Path mine = file(".sst");
        Path same = null;
        for (int i = 0; same == null; i++) {
            Path other = directory.resolve("other" + i);
            fill(other);
            Path table = other.resolve(mine.getFileName());
            same = Files.exists(table) ? table : null; // numbers also go to logs made ahead, sometimes one more
        }
        Files.copy(same, mine, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        Result result = Cli.run("verify", db);
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).contains(mine.getFileName().toString()).contains("database");
    }

    @Test
    void verify_openElsewhere_refused() {
        try (BeachDB held = BeachDB.open(db)) {
            Result result = Cli.run("verify", held.directory());
            assertThat(result.code()).isEqualTo(1);
            assertThat(result.err()).contains("is open already").hasLineCount(1);
        }
    }

    @Test
    void verify_nonsenseInPlaceOfTheManifest_oneLine() throws IOException {
        Files.writeString(
                file("MANIFEST"), "The quick brown fox jumps over the lazy dog, again and again and again and again.");
        Result result = Cli.run("verify", db);
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).contains("MANIFEST-").hasLineCount(1);
    }

    /** A manifest that ends in the part it begins with never stood so on disk when CURRENT led to it: no torn tail. */
    @Test
    void dump_manifestWhoseFirstSnapshotIsCut_isDamageAsForAll() throws IOException {
        Path file = file("MANIFEST");
        byte[] good = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(good, 70));
        Result dumped = Cli.run("dump", "manifest", file);
        assertThat(dumped.code()).isEqualTo(1);
        assertThat(dumped.out()).contains("DAMAGE", "offset 64", "is not whole").doesNotContain("TORN TAIL");
        assertThat(dumped.err()).contains("is damaged; the lines with DAMAGE say where");
        assertThat(Cli.run("get", db, "key1").code()).isEqualTo(1);
        assertThat(Cli.run("verify", db).code()).isEqualTo(1);
    }

    @Test
    void verify_filesThatDoNotCount_areNamed() throws IOException {
        Files.copy(file(".sst"), db.resolve("999999.sst"));
        Files.writeString(db.resolve("000099.wal.tmp"), "");
        Files.writeString(db.resolve("000001.wal"), "");
        Files.writeString(db.resolve("MANIFEST-000001"), "");
        Files.writeString(db.resolve("notes.txt"), "");
        assertThat(Cli.good("verify", db))
                .contains(
                        "does not name them: 000001.wal, 000099.wal.tmp, 999999.sst, MANIFEST-000001 (the next opening for writing deletes them)",
                        "no files of a database: notes.txt",
                        "all whole: 40 entries");
        assertThat(Cli.good("verify", db, "--json")).contains("999999.sst", "\"good\":true");
    }

    /** What cannot even be opened hides nothing: neither the tables behind it nor the logs. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void verify_directoryInATablesPlace_theOtherTablesAndTheLogsAreReadToo(int which) throws IOException {
        try (BeachDB opened = BeachDB.open(db, SMALL)) {
            opened.put(bytes("more"), bytes("in another table"));
            opened.flush();
            opened.put(bytes("last"), bytes("in the log"));
        }
        List<Path> tables = files(".sst");
        assertThat(tables).hasSize(3);
        Path unopened = tables.get(which);
        Path cut = tables.get((which + 1) % 3);
        Path log = file(".wal");
        Files.delete(unopened);
        Files.createDirectory(unopened);
        Files.write(cut, Arrays.copyOf(Files.readAllBytes(cut), 100));
        byte[] bad = Files.readAllBytes(log);
        bad[33] ^= 4; // the database id
        Files.write(log, bad);

        Result result = Cli.run("verify", db);
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err())
                .hasLineCount(4)
                .contains("opening " + unopened + " failed: Is a directory")
                .contains(cut + " at offset 100: the file has 100 bytes")
                .contains(log + " at offset 0: ")
                .endsWith("db is damaged in 2 places; 1 file could not be read\n");
        Map<String, JsonText.Value> json =
                JsonText.parseObject(Cli.run("verify", db, "--json").bytes());
        assertThat(String.valueOf(json.get("damage")))
                .contains(cut.getFileName().toString(), log.getFileName().toString())
                .doesNotContain(unopened.getFileName().toString());
        assertThat(String.valueOf(json.get("unreadable")))
                .contains("opening " + unopened)
                .doesNotContain("at offset");
    }

    /** That the system refuses to read a file says nothing of what is in it. */
    @Test
    void verify_fileThatCannotBeRead_isNotCalledDamaged() throws IOException {
        for (String like : List.of(".sst", ".wal")) {
            Path unread = file(like);
            Path aside = Files.move(unread, directory.resolve("aside"));
            Files.createDirectory(unread);
            Result result = Cli.run("verify", db);
            assertThat(result.code()).as(like).isEqualTo(1);
            assertThat(result.err())
                    .as(like)
                    .contains(unread.getFileName().toString(), "Is a directory")
                    .doesNotContain("damage")
                    .endsWith(": 1 file could not be read\n");
            Result json = Cli.run("verify", db, "--json");
            assertThat(json.code()).as(like).isEqualTo(1);
            assertThat(json.out()).as(like).contains("\"good\":false", "\"damage\":[]", unread.getFileName() + "");
            Files.delete(unread);
            Files.move(aside, unread);
        }
        Cli.good("verify", db);
    }

    @Test
    void verify_noDatabase_isSaidForJsonToo() throws IOException {
        Path empty = Files.createDirectory(directory.resolve("empty"));
        Result result = Cli.run("verify", empty, "--json");
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.bytes()).isEmpty();
        assertThat(result.err()).contains("holds no database").hasLineCount(1);
    }

    @Test
    void verify_oneDamagedPlace_isCountedAsOne() throws IOException {
        Files.write(file(".sst"), new byte[100]);
        assertThat(Cli.run("verify", db).err()).hasLineCount(2).endsWith("is damaged in 1 place\n");
    }

    @Test
    void dump_wrongFile_refused() throws IOException {
        assertThat(Cli.run("dump", "sst", directory.resolve("000001.sst")).err())
                .contains("no such file");
        assertThat(Cli.run("dump", "sst", db).err()).contains("is a directory");
        assertThat(Cli.run("dump", "sst", file(".wal")).err()).contains("expected a name like 000013.sst");
        assertThat(Cli.run("dump", "wal", file("CURRENT")).err()).contains("expected a name like 000012.wal");
        Path renamed = Files.copy(file(".sst"), directory.resolve("999999.sst"));
        assertThat(Cli.run("dump", "sst", renamed).code()).isEqualTo(1);
        Path empty = Files.createFile(directory.resolve("000100.wal"));
        Result result = Cli.run("dump", "wal", empty);
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).startsWith("beach: " + empty).hasLineCount(1);
    }
}
