package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.cli.Cli.Result;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** put, get, delete, scan, stats, compact. */
class EntryCommandsTest {
    @TempDir
    private Path directory;

    private Path db;

    @BeforeEach
    void choose() {
        db = directory.resolve("db");
    }

    @Test
    void get_afterPut_givesTheValue() {
        Cli.good("put", db, "colour", "blue");
        assertThat(Cli.good("get", db, "colour")).isEqualTo("blue\n");
        Cli.good("put", db, "colour", "");
        assertThat(Cli.good("get", db, "colour")).isEqualTo("\n");
    }

    @Test
    void get_absentKey_messageAndACodeOfItsOwn() {
        Cli.good("put", db, "colour", "blue");
        Result result = Cli.run("get", db, "col\\x00our");
        assertThat(result.code()).isEqualTo(3);
        assertThat(result.bytes()).isEmpty();
        assertThat(result.err()).isEqualTo("beach: no such key: col\\x00our\n");
        assertThat(Cli.run("get", db, "").err()).isEqualTo("beach: no such key: the empty one\n");
    }

    @Test
    void get_binaryKeyAndValue_escapedOrRaw() {
        Cli.good("put", db, "k\\x00\\xff", "\\\\ \\x09\u00e9");
        assertThat(Cli.good("get", db, "k\\x00\\xFF")).isEqualTo("\\\\ \\x09\\xc3\\xa9\n");
        assertThat(Cli.run("get", db, "k\\x00\\xff", "--raw").bytes())
                .isEqualTo("\\ \t\u00e9".getBytes(StandardCharsets.UTF_8));
        try (BeachDB opened = BeachDB.open(db)) {
            assertThat(opened.get(new byte[] {'k', 0, (byte) 0xFF}))
                    .isEqualTo("\\ \t\u00e9".getBytes(StandardCharsets.UTF_8));
        }
    }

    @Test
    void put_emptyKey_works() {
        Cli.good("put", db, "", "empty");
        assertThat(Cli.good("get", db, "")).isEqualTo("empty\n");
    }

    @Test
    void put_valueThatNamesAFileByAnAt_takenAsItStands() throws Exception {
        Path file = Files.writeString(directory.resolve("file"), "its content");
        Cli.good("put", db, "@key", "@" + file);
        assertThat(Cli.good("get", db, "@key")).isEqualTo("@" + file + "\n");
    }

    @Test
    void destroy_onlyWhenMeant() {
        Cli.good("put", db, "a", "1");
        Result asked = Cli.run("destroy", db);
        assertThat(asked.code()).isEqualTo(2);
        assertThat(asked.err()).contains("--yes");
        assertThat(Cli.good("get", db, "a")).isEqualTo("1\n");
        assertThat(Cli.good("destroy", db, "--yes")).isEqualTo("destroyed " + db + "\n");
        assertThat(db).doesNotExist();
        assertThat(Cli.run("destroy", db, "--yes").code()).isEqualTo(1);
    }

    @Test
    void delete_presentOrAbsent_gone() {
        Cli.good("put", db, "a", "1");
        Cli.good("delete", db, "a");
        Cli.good("delete", db, "a");
        assertThat(Cli.run("get", db, "a").code()).isEqualTo(3);
    }

    @Test
    void scan_ranges_inOrderBothWays() {
        for (String key : new String[] {"b1", "a", "b2", "c", "b\\xff", "\\x00"}) {
            Cli.good("put", db, key, "v" + key);
        }
        assertThat(Cli.good("scan", db, "--keys-only")).isEqualTo("\\x00\na\nb1\nb2\nb\\xff\nc\n");
        assertThat(Cli.good("scan", db, "--keys-only", "--reverse")).isEqualTo("c\nb\\xff\nb2\nb1\na\n\\x00\n");
        assertThat(Cli.good("scan", db, "--prefix", "b")).isEqualTo("b1\tvb1\nb2\tvb2\nb\\xff\tvb\\xff\n");
        assertThat(Cli.good("scan", db, "--from", "a", "--to", "b2", "--keys-only"))
                .isEqualTo("a\nb1\n");
        assertThat(Cli.good("scan", db, "--from", "b2", "--limit", "2", "--keys-only"))
                .isEqualTo("b2\nb\\xff\n");
        assertThat(Cli.good("scan", db, "--to", "b2", "--reverse", "--limit", "1", "--keys-only"))
                .isEqualTo("b1\n");
        assertThat(Cli.good("scan", db, "--limit", "0")).isEmpty();
        assertThat(Cli.good("scan", db, "--from", "x")).isEmpty();
        assertThat(Cli.run("scan", db, "--prefix", "\\x00", "--raw").bytes())
                .isEqualTo(new byte[] {0, '\t', 'v', 0, '\n'});
    }

    @Test
    void stats_textAndJson_showTheShape() {
        Cli.good("put", db, "a", "1");
        assertThat(Cli.good("stats", db)).contains("db\n", "level  tables", "native memory", "newest write: sequence");
        String json = Cli.good("stats", db, "--json");
        assertThat(JsonText.parseObject(json.getBytes(StandardCharsets.UTF_8)).keySet())
                .containsExactly("directory", "files", "health", "stats", "memory");
    }

    @Test
    void stats_countTheTablesThatTheDatabaseHas() throws Exception {
        try (BeachDB opened = BeachDB.open(db)) {
            opened.put(new byte[] {'a'}, new byte[] {'1'});
            opened.flush();
        }
        String files = Cli.good("stats", db).lines().limit(8).collect(Collectors.joining("\n"));
        assertThat(files).containsPattern("table +1 ").containsPattern("log +1 ");
        Files.writeString(db.resolve("999998.sst"), "an orphan");
        Files.createDirectory(db.resolve("999999.sst"));
        Files.createDirectory(db.resolve("000001.wal"));
        assertThat(Cli.good("stats", db)).startsWith(files);
    }

    @Test
    void compact_wholeAndRange_keepWhatIsThere() {
        for (int i = 0; i < 12; i++) {
            Cli.good("put", db, "k" + i % 7, "v" + i);
        }
        String before = Cli.good("scan", db);
        assertThat(Cli.good("compact", db, "--from", "k2", "--to", "k5")).startsWith("compacted in ");
        assertThat(Cli.good("compact", db, "--json")).startsWith("{\"nanos\":");
        assertThat(Cli.good("scan", db)).isEqualTo(before);
    }

    @Test
    void commands_withoutADatabase_refuseAndMakeNothing() {
        for (String command : new String[] {"scan", "stats", "export", "compact", "verify"}) {
            Result result = Cli.run(command, db);
            assertThat(result.code()).as(command).isEqualTo(1);
            assertThat(result.err())
                    .as(command)
                    .startsWith("beach: ")
                    .contains("db")
                    .hasLineCount(1);
        }
        assertThat(Cli.run("delete", db, "a").code()).isEqualTo(1);
        assertThat(db).doesNotExist();
    }

    @Test
    void commands_onAFile_refuse() throws Exception {
        Files.writeString(db, "I am a file");
        for (String command : new String[] {"scan", "stats", "export", "compact", "verify"}) {
            Result result = Cli.run(command, db);
            assertThat(result.code()).as(command).isEqualTo(1);
            assertThat(result.err())
                    .as(command)
                    .startsWith("beach: ")
                    .contains("db")
                    .hasLineCount(1);
        }
        assertThat(Cli.run("put", db, "a", "1").code()).isEqualTo(1);
        assertThat(Files.readString(db)).isEqualTo("I am a file");
    }

    @Test
    void put_whileOpenElsewhere_namesTheHolder() {
        try (BeachDB held = BeachDB.open(db)) {
            Result result = Cli.run("put", held.directory(), "a", "1");
            assertThat(result.code()).isEqualTo(1);
            assertThat(result.err()).contains("is open already", "held by").hasLineCount(1);
        }
    }

    @Test
    void put_readOnlyDirectory_refuses() throws Exception {
        Files.createDirectory(db, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("r-xr-xr-x")));
        Assumptions.assumeFalse(Files.isWritable(db), "this user may write everywhere");
        Result result = Cli.run("put", db, "a", "1");
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).startsWith("beach: ").contains("db").hasLineCount(1);
    }

    @Test
    void put_keyOverTheLimit_refused() {
        Result result = Cli.run("put", db, "k".repeat((1 << 20) + 1), "v");
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err()).contains("1048577", "1048576").hasLineCount(1);
    }
}
