package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.Options;
import io.beachdb.cli.Cli.Result;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class LoadExportTest {
    @TempDir
    private Path directory;

    private Path db;

    @BeforeEach
    void choose() {
        db = directory.resolve("db");
    }

    private Path file(String name, String content) throws IOException {
        return Files.writeString(directory.resolve(name), content);
    }

    private void fillWithNoise(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        try (BeachDB opened = BeachDB.open(db)) {
            for (int i = 0; i < 400; i++) {
                opened.put(noise(random, 12), noise(random, 200), Durability.LOGGED);
            }
            opened.put(new byte[0], new byte[0]);
            opened.put("\",\n\r\t\\".getBytes(StandardCharsets.UTF_8), "\\x41,\"\"\n".getBytes(StandardCharsets.UTF_8));
        }
    }

    private static byte[] noise(SplittableRandom random, int most) {
        byte[] bytes = new byte[random.nextInt(most)];
        random.nextBytes(bytes);
        return bytes;
    }

    @ParameterizedTest
    @ValueSource(strings = {"csv", "tsv", "jsonl"})
    void load_whatExportWrote_isTheIdentity(String format) {
        fillWithNoise(1);
        Path copy = directory.resolve("copy");
        Path text = directory.resolve("all." + format);

        assertThat(Cli.run("export", db, text).err()).contains("entries");
        assertThat(Cli.good("load", copy, text)).startsWith("loaded " + scanCount() + " entries, ");
        assertThat(Cli.good("scan", copy)).isEqualTo(Cli.good("scan", db)).hasLineCount(scanCount());

        Path again = directory.resolve("again");
        String piped = Cli.good("export", db, "--format", format);
        assertThat(piped)
                .isEqualTo(Cli.good("export", copy, "--format", format))
                .isASCII();
        assertThat(Cli.runWithInput(piped, "load", again, "-", "--format", format)
                        .code())
                .isZero();
        assertThat(Cli.good("scan", again)).isEqualTo(Cli.good("scan", db));
    }

    private int scanCount() {
        return (int) Cli.good("scan", db, "--keys-only").lines().count();
    }

    @Test
    void export_range_onlyThat() {
        Cli.good("put", db, "a", "1");
        Cli.good("put", db, "b,\"", "2");
        Cli.good("put", db, "c", "3");
        assertThat(Cli.good("export", db, "--from", "b")).isEqualTo("key_escaped,value_escaped\n\"b,\"\"\",2\nc,3\n");
        assertThat(Cli.good("export", db, "--to", "b", "--format", "jsonl"))
                .isEqualTo("{\"key_escaped\":\"a\",\"value_escaped\":\"1\"}\n");
    }

    @Test
    void export_unknownName_orDirectory_refused() {
        Cli.good("put", db, "a", "1");
        assertThat(Cli.run("export", db, directory.resolve("x.xml")).code()).isEqualTo(2);
        assertThat(Cli.run("export", db, directory, "--format", "csv").err()).contains("is a directory");
        Path lost = directory.resolve("none/x.csv");
        assertThat(Cli.run("export", db, lost).err())
                .isEqualTo("beach: " + lost + ": there is no directory " + lost.getParent() + "\n");
        assertThat(directory.toFile().list()).containsExactly("db");
    }

    @Test
    void export_toADash_isToStandardOutput() {
        Cli.good("put", db, "a", "1");
        assertThat(Cli.good("export", db, "-")).isEqualTo("key_escaped,value_escaped\na,1\n");
    }

    record Good(String name, String file, String text, List<String> options, String scan) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Good> good() {
        return List.of(
                new Good("key and value", "a.csv", "key,value\nk1,v1\nk2,\"v,2\"\n", List.of(), "k1\tv1\nk2\tv,2\n"),
                new Good("value first", "a.csv", "value,key\nv1,k1\n", List.of(), "k1\tv1\n"),
                new Good(
                        "rest as JSON",
                        "a.csv",
                        "id,name,note\n7,Ann,\"say \"\"hi\"\"\"\n",
                        List.of(),
                        "7\t{\"name\":\"Ann\",\"note\":\"say \\\\\"hi\\\\\"\"}\n"),
                new Good(
                        "key column by name",
                        "a.csv",
                        "id,name\n7,Ann\n",
                        List.of("--key-column", "name"),
                        "Ann\t{\"id\":\"7\"}\n"),
                new Good(
                        "columns by number",
                        "a.csv",
                        "id,name\n7,Ann\n",
                        List.of("--key-column", "2", "--value-column", "1"),
                        "Ann\t7\n"),
                new Good(
                        "no header",
                        "a.csv",
                        "7,Ann\n8,Bob\n",
                        List.of("--no-header", "--value-column", "2"),
                        "7\tAnn\n8\tBob\n"),
                new Good("nothing", "a.csv", "", List.of(), ""),
                new Good(
                        "backslashes are data",
                        "a.csv",
                        "key,value\nC:\\x,a\\\\b\n",
                        List.of(),
                        "C:\\\\x\ta\\\\\\\\b\n"),
                new Good("escaped", "a.csv", "key,value\n\\x00,a\\\\b\n", List.of("--escaped"), "\\x00\ta\\\\b\n"),
                new Good("later rows win", "a.csv", "key,value\nk,1\nk,2\n", List.of(), "k\t2\n"),
                new Good("tsv", "a.tsv", "key\tvalue\nk,1\t\"v\"\n", List.of(), "k,1\t\"v\"\n"),
                new Good(
                        "json lines",
                        "a.jsonl",
                        "{\"key\":\"k1\",\"value\":\"v1\"}\n\n{\"key\":2,\"value\":[1,2]}\r\n",
                        List.of(),
                        "2\t[1,2]\nk1\tv1\n"),
                new Good(
                        "json documents",
                        "a.ndjson",
                        "{\"id\":true, \"x\":1}\r\n",
                        List.of("--key-field", "id"),
                        "true\t{\"id\":true, \"x\":1}\n"),
                new Good(
                        "json value field",
                        "a.jsonl",
                        "{\"id\":\"\\u00e9\",\"x\":{\"y\":1},\"z\":0}\n",
                        List.of("--key-field", "id", "--value-field", "x"),
                        "\\xc3\\xa9\t{\"y\":1}\n"));
    }

    @ParameterizedTest
    @MethodSource("good")
    void load_goodInput_loaded(Good example) throws IOException {
        Object[] arguments = Stream.concat(
                        Stream.of("load", db, file(example.file, example.text)), example.options.stream())
                .toArray();
        Cli.good(arguments);
        assertThat(Cli.good("scan", db)).isEqualTo(example.scan);
    }

    record Bad(String name, String file, String text, List<String> options, String message) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Bad> bad() {
        return List.of(
                new Bad(
                        "short row",
                        "a.csv",
                        "key,value\nk1,v1\nk2\n",
                        List.of(),
                        "line 3: the row has 1 fields, the first one has 2. What stands before it is loaded: 1 entry."),
                new Bad(
                        "open quote",
                        "a.csv",
                        "key,value\nk1,v1\nk2,\"v\n",
                        List.of(),
                        "line 3: the quote that begins here is never closed. What stands before it is loaded: 1 entry."),
                new Bad(
                        "no such column",
                        "a.csv",
                        "a,b\n",
                        List.of("--key-column", "c"),
                        "line 1: there is no column 'c'"),
                new Bad(
                        "no such number",
                        "a.csv",
                        "a,b\n",
                        List.of("--key-column", "3"),
                        "line 1: there is no column '3'"),
                new Bad("names twice", "a.csv", "a,a\n", List.of(), "line 1: two columns are named 'a'"),
                new Bad(
                        "bad escape",
                        "a.csv",
                        "key_escaped,value_escaped\na,\\q\n",
                        List.of(),
                        "line 2: '\\q' has a bad escape"),
                new Bad(
                        "bad escape by option",
                        "a.tsv",
                        "key\tvalue\n\\x1\ta\n",
                        List.of("--escaped"),
                        "line 2: '\\x1' has a bad"),
                new Bad(
                        "not json",
                        "a.jsonl",
                        "{\"key\":1,\"value\":2}\n{key\n",
                        List.of(),
                        "line 2: character 2: a member's name in quotes was expected. What stands before it is loaded: 1 entry."),
                new Bad(
                        "no key",
                        "a.jsonl",
                        "{\"k\":1}\n",
                        List.of(),
                        "line 1: the object has no member 'key'; it has k"),
                new Bad("null key", "a.jsonl", "{\"key\":null}\n", List.of(), "line 1: the key 'key' is null"),
                new Bad("object as key", "a.jsonl", "{\"key\":{}}\n", List.of(), "line 1: the key 'key' is {}"),
                new Bad(
                        "half a surrogate pair",
                        "a.jsonl",
                        "{\"key\":\"\\ud800\",\"value\":1}\n",
                        List.of(),
                        "line 1: a string has half of a surrogate pair"));
    }

    @ParameterizedTest
    @MethodSource("bad")
    void load_badInput_refusedWithItsLine(Bad example) throws IOException {
        Object[] arguments = Stream.concat(
                        Stream.of("load", db, file(example.file, example.text)), example.options.stream())
                .toArray();
        Result result = Cli.run(arguments);
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err())
                .startsWith("beach: " + directory.resolve(example.file) + " " + example.message)
                .hasLineCount(1);
        boolean before = example.message.contains("What stands before it is loaded");
        assertThat(result.err()).endsWith(before ? ": 1 entry.\n" : ". Nothing is loaded.\n");
        assertThat(Files.exists(db)).as("made a database").isEqualTo(before);
    }

    @Test
    void load_badLineOfStandardInput_saysSo() {
        assertThat(Cli.runWithInput("key,value\na,1\nb\n", "load", db, "-", "--format", "csv")
                        .err())
                .startsWith("beach: standard input line 3: the row has 1 fields");
    }

    @Test
    void load_inputThatCannotBeRead_isNamed() {
        InputStream broken = new InputStream() {
            @Override
            public int read() throws IOException {
                throw new IOException("Input/output error");
            }

            @Override
            public int read(byte[] into, int offset, int length) throws IOException {
                return read();
            }
        };
        assertThat(Cli.runWith(broken, false, "load", db, "-", "--format", "jsonl")
                        .err())
                .isEqualTo("beach: standard input: Input/output error. Nothing is loaded.\n");
        assertThat(db).doesNotExist();
    }

    @Test
    void load_onlyAHeader_toldHowToLoadIt() throws IOException {
        Path file = file("a.csv", "k,v\n");
        Result result = Cli.run("load", db, file);
        assertThat(result.code()).isZero();
        assertThat(result.out()).startsWith("loaded 0 entries");
        assertThat(result.err())
                .isEqualTo("beach: the only line of " + file + " was taken for the header; --no-header loads it\n");
        assertThat(Cli.good("load", db, file, "--no-header")).startsWith("loaded 1 entry");
        assertThat(Cli.good("load", db, file("none.csv", Cli.good("export", db, "--from", "z"))))
                .as("a header that says it is one")
                .startsWith("loaded 0 entries");
    }

    /** The log of the load would grow with what it loads, and its files come and go. */
    @Test
    void load_theDatabaseItself_refused() throws IOException {
        Cli.good("put", db, "a", "1");
        Path link = Files.createSymbolicLink(directory.resolve("link"), db);
        Path none = directory.resolve("none/db");
        List<Object[]> calls = List.of(
                new Object[] {db, db, " is the directory of the database"},
                new Object[] {db, link, " is the directory of the database"},
                new Object[] {link, db, " is the directory of the database"},
                new Object[] {db, directory, " holds the directory of the database"},
                new Object[] {none, directory, " holds the directory of the database"});
        for (Object[] call : calls) {
            Result result = Cli.run("load", call[0], call[1], "--format", "files");
            assertThat(result.code()).as(call[2].toString()).isEqualTo(ExitCodes.CALLED_WRONGLY);
            assertThat(result.err()).startsWith("beach: " + call[1] + call[2]).hasLineCount(1);
        }
        assertThat(none.getParent()).doesNotExist();
        assertThat(Cli.good("scan", db)).isEqualTo("a\t1\n");
    }

    @Test
    void load_firstKeyOverTheLimit_makesNoDatabase() throws IOException {
        Result result = Cli.run("load", db, file("a.csv", "key,value\n" + "k".repeat((1 << 20) + 1) + ",2\n"));
        assertThat(result.err()).contains("a.csv line 2: key has 1048577 bytes").endsWith("Nothing is loaded.\n");
        assertThat(db).doesNotExist();
    }

    @Test
    void load_orPutBesideOtherFiles_saysThatItMadeADatabaseThere() throws IOException {
        Files.createDirectory(db);
        Files.writeString(db.resolve("letter.txt"), "Dear");
        Files.createDirectory(db.resolve("photos"));
        Result put = Cli.run("put", db, "a", "1");
        assertThat(put.code()).isZero();
        assertThat(put.err()).isEqualTo("beach: made a database in " + db + ", beside 2 other files\n");
        Cli.good("put", db, "b", "2");
        assertThat(Cli.run("load", directory, file("a.csv", "key,value\na,1\n")).err())
                .isEqualTo("beach: made a database in " + directory + ", beside 2 other files\n");
        Cli.good("put", Files.createDirectory(directory.resolve("empty")), "a", "1");
    }

    @Test
    void load_badLineFarIn_whatStoodBeforeIsThere() throws IOException {
        StringBuilder text = new StringBuilder("key,value\n");
        for (int i = 0; i < 5000; i++) {
            text.append("key").append(i).append(",\"").append("v".repeat(200)).append("\"\n");
        }
        Result result = Cli.run("load", db, file("a.csv", text + "oops\n"));
        assertThat(result.err()).contains("line 5002: ", "What stands before it is loaded: 5,000 entries.");
        assertThat(scanCount()).isEqualTo(5000);
    }

    @Test
    void load_notUtf8_bytesKeptWherePlainAndRefusedWhereJson() throws IOException {
        byte[] latin = "id,name\n1,\u00e9\n".getBytes(StandardCharsets.ISO_8859_1);
        Path file = Files.write(directory.resolve("latin.csv"), latin);
        assertThat(Cli.run("load", db, file).err()).contains("line 2: column 'name' is not valid UTF-8");
        Cli.good("load", db, file, "--value-column", "name");
        assertThat(Cli.good("get", db, "1")).isEqualTo("\\xe9\n");
    }

    @Test
    void load_files_keysArePathsAndLinksLeftOut() throws IOException {
        Path tree = directory.resolve("tree");
        Files.createDirectories(tree.resolve("a/b"));
        Files.writeString(tree.resolve("top.txt"), "top");
        Files.write(tree.resolve("a/b/\u00e9.bin"), new byte[] {0, 1, 2});
        Files.createFile(tree.resolve("a/empty"));
        Files.createSymbolicLink(tree.resolve("link"), tree.resolve("top.txt"));
        Result result = Cli.run("load", db, tree);
        assertThat(result.code()).isZero();
        assertThat(result.out()).startsWith("loaded 3 entries, ");
        assertThat(result.err()).isEqualTo("beach: left out 1 link or special file\n");
        assertThat(Cli.good("scan", db)).isEqualTo("a/b/\\xc3\\xa9.bin\t\\x00\\x01\\x02\na/empty\t\ntop.txt\ttop\n");
    }

    @Test
    void load_wrongSource_refusedAndNoDatabaseMade() throws IOException {
        Path text = file("data", "key,value\n");
        assertThat(Cli.run("load", db, text).err()).contains("give --format");
        assertThat(Cli.run("load", db, directory.resolve("nope.csv")).err()).contains("nope.csv: no such file");
        assertThat(Cli.run("load", db, text, "--format", "files").err()).contains("needs a directory");
        assertThat(Cli.run("load", db, directory, "--format", "csv").err()).contains("is a directory");
        assertThat(Cli.run("load", db, "-", "--format", "files").err()).contains("needs a directory");
        assertThat(db).doesNotExist();
    }

    @Test
    void load_keyOverTheLimit_namesTheLine() throws IOException {
        Result result = Cli.run("load", db, file("a.csv", "key,value\na,1\n" + "k".repeat((1 << 20) + 1) + ",2\n"));
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err())
                .contains(
                        "line 3: key has 1048577 bytes, allowed up to 1048576. What stands before it is loaded: 1 entry.");
        assertThat(Cli.good("scan", db)).isEqualTo("a\t1\n");
    }

    @Test
    void export_formatItDoesNotWrite_namesThoseItDoes() {
        Cli.good("put", db, "a", "1");
        Result files = Cli.run("export", db, "--format", "files");
        assertThat(files.err()).contains("expected csv, tsv or jsonl, but was 'files'; files is for load alone");
        Result xml = Cli.run("export", db, "--format", "xml");
        assertThat(xml.err())
                .contains("expected csv, tsv or jsonl, but was 'xml'")
                .doesNotContain("FILES", "files");
        assertThat(List.of(files.code(), xml.code())).containsOnly(ExitCodes.CALLED_WRONGLY);
        assertThat(Cli.good("export", db, "--format", "CSV")).endsWith("a,1\n");
        assertThat(Cli.good("export", db, "--format", "tsv")).endsWith("a\t1\n");
        assertThat(Cli.good("export", db, "--format", "jsonl")).startsWith("{\"key_escaped\":\"a\"");
    }

    /** A value is refused when it is written, which for a small one is later: what is too large is written at once. */
    @Test
    void load_valueOverTheLimit_isRefusedWhereItStands() {
        Options small = Options.builder()
                .memoryBytes(16 << 20)
                .writeBufferBytes(1 << 20)
                .build();
        try (BeachDB open = BeachDB.open(db, small)) {
            BatchLoader loader = new BatchLoader(open);
            loader.put(new byte[] {'a'}, new byte[10]);
            assertThatThrownBy(() -> loader.put(new byte[] {'b'}, new byte[5 << 20]))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("bytes, allowed up to");
            assertThat(loader.entries()).isEqualTo(1);
            loader.put(new byte[] {'c'}, new byte[3 << 20]);
            loader.finish();
            assertThat(open.get(new byte[] {'a'})).hasSize(10);
            assertThat(open.get(new byte[] {'b'})).isNull();
            assertThat(open.get(new byte[] {'c'})).hasSize(3 << 20);
        }
    }

    @Test
    void load_oneEntry_isCountedAsOne() throws IOException {
        assertThat(Cli.good("load", db, file("a.csv", "key,value\na,1\n"))).startsWith("loaded 1 entry, 2 B, in ");
    }

    @Test
    void load_json_printsFigures() throws IOException {
        assertThat(Cli.good("load", db, file("a.csv", "key,value\nab,cde\n"), "--json"))
                .startsWith("{\"entries\":1,\"bytes\":5,\"nanos\":");
    }
}
