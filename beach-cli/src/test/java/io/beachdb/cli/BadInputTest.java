package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.Options;
import io.beachdb.cli.Cli.Result;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Bad files, directories, keys and values, given to commands: an exit code, one clear line, nothing changed. */
class BadInputTest {
    private static final int KEYS = 40;

    @TempDir
    private Path directory;

    private Path db;
    private Path lines;

    @BeforeEach
    void fill() throws IOException {
        db = directory.resolve("db");
        lines = Files.writeString(directory.resolve("more.csv"), "key,value\nx,1\n");
        Options options =
                Options.builder().compression(Options.Compression.NONE).build();
        try (BeachDB opened = BeachDB.open(db, options)) {
            put(opened, "a");
            opened.flush();
        }
        try (BeachDB opened = BeachDB.open(db, options)) {
            put(opened, "c");
        }
    }

    private static void put(BeachDB opened, String prefix) {
        for (int i = 0; i < KEYS; i++) {
            opened.put(
                    (prefix + i).getBytes(StandardCharsets.UTF_8),
                    ("value of " + prefix + i).getBytes(StandardCharsets.UTF_8),
                    Durability.LOGGED);
        }
    }

    private List<Path> list() {
        try (Stream<Path> all = Files.list(db)) {
            return all.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Map<String, String> content() throws IOException {
        Map<String, String> content = new TreeMap<>();
        for (Path path : list()) {
            if (!path.endsWith("LOCK.holder")) {
                byte[] bytes = Files.readAllBytes(path);
                CRC32C checksum = new CRC32C();
                checksum.update(bytes);
                content.put(path.getFileName().toString(), bytes.length + " bytes, " + checksum.getValue());
            }
        }
        return content;
    }

    private Path file(String like, String holds) throws IOException {
        for (Path path : list()) {
            if (path.getFileName().toString().contains(like)
                    && Files.readString(path, StandardCharsets.ISO_8859_1).contains(holds)) {
                return path;
            }
        }
        throw new AssertionError("no " + like);
    }

    /** Every command on a database, as words; those that only look at one file are elsewhere. */
    private List<Object[]> commands(Path on) {
        return List.of(
                new Object[] {"get", on, "a1"},
                new Object[] {"scan", on},
                new Object[] {"export", on, directory.resolve("out.csv")},
                new Object[] {"stats", on},
                new Object[] {"verify", on},
                new Object[] {"crash", "verify", on, lines},
                new Object[] {"put", on, "k", "v"},
                new Object[] {"delete", on, "k"},
                new Object[] {"load", on, lines},
                new Object[] {"compact", on},
                new Object[] {"crash", "worker", on, "--seed", 1, "--ops", 10});
    }

    private static Object[] withDebug(Object[] words) {
        List<Object> more = new ArrayList<>(Arrays.asList(words));
        more.add("--debug");
        return more.toArray();
    }

    /** Fails with a line that says all of {@code says}, and with --debug its trace too. */
    private static void assertOneLine(Object[] words, String... says) {
        assertOneLine(ExitCodes.FAILED, words, says);
    }

    private static void assertOneLine(int code, Object[] words, String... says) {
        Result result = Cli.run(words);
        String as = Arrays.toString(words) + ": " + result;
        assertThat(result.code()).as(as).isEqualTo(code);
        assertThat(result.err()).as(as).hasLineCount(1).startsWith("beach: ").endsWith("\n");
        assertThat(result.err()).as(as).contains(says).doesNotContain("internal error", "Exception", "\tat ");
        Result debugged = Cli.run(withDebug(words));
        assertThat(debugged.code()).as(as).isEqualTo(code);
        assertThat(debugged.err()).as(as).startsWith(result.err().strip()).contains("\tat io.beachdb.");
    }

    /** What happens to a file; what a line must say beside its name. */
    @SuppressWarnings("ImmutableEnumChecker") // nobody changes the array, the operator has no state
    enum Damage {
        EMPTY(_ -> new byte[0], "offset 0"),
        CUT(good -> Arrays.copyOf(good, 40), "offset"),
        FOREIGN(good -> "GIF89a, or so it says. ".repeat(20).getBytes(StandardCharsets.US_ASCII), "another kind"),
        FLIPPED(
                good -> {
                    byte[] bad = good.clone();
                    bad[33] ^= 4; // the database id of a header
                    return bad;
                },
                "offset",
                "checksum is"),
        MISSING(good -> null, "is not there", "Restore");

        private final UnaryOperator<byte[]> change;
        private final String[] says;

        @SuppressWarnings("NullAway") // null: no file
        Damage(UnaryOperator<byte[]> change, String... says) {
            this.change = change;
            this.says = says;
        }
    }

    @ParameterizedTest
    @EnumSource(Damage.class)
    void commands_onDamagedFiles_oneLineAndNothingChanged(Damage damage) throws IOException {
        // The oldest log is the one that the MANIFEST names; what was written may have gone to the next one.
        Path log = file(".wal", damage == Damage.MISSING ? "" : "value of c1");
        for (Path file : List.of(file("CURRENT", ""), file("MANIFEST-", ""), log)) {
            byte[] good = Files.readAllBytes(file);
            byte[] bad = damage.change.apply(good);
            if (bad == null) {
                Files.delete(file);
            } else {
                Files.write(file, bad);
            }
            Map<String, String> before = content();
            boolean current = file.endsWith("CURRENT");
            for (Object[] words : commands(db)) {
                if (words[0].equals("verify") && file.toString().endsWith(".wal")) {
                    // Goes on after a damaged or missing log, and counts: a line for each damage, a last one.
                    Result result = Cli.run(words);
                    assertThat(result.code()).isEqualTo(1);
                    assertThat(result.err())
                            .contains(file.getFileName().toString())
                            .hasLineCount(2);
                } else if (words[1].equals("verify")) {
                    assertOneLine(words, "acknowledgements"); // which it reads first
                } else if (damage == Damage.MISSING && current) {
                    assertOneLine(words, "CURRENT", "is missing", "Restore");
                } else {
                    assertOneLine(words, file.getFileName().toString());
                    assertOneLine(words, damage.says);
                }
                assertThat(content()).as(Arrays.toString(words)).isEqualTo(before);
            }
            Files.write(file, good);
        }
        assertThat(directory.resolve("out.csv")).doesNotExist();
        Cli.good("verify", db);
        assertThat(Cli.good("scan", db).lines()).hasSize(2 * KEYS);
    }

    @Test
    void verify_oldestLogGoneAndTheNextOneMissesIt_toldOnce() throws IOException {
        Path many = directory.resolve("many");
        try (BeachDB opened = BeachDB.open(many)) {
            for (int i = 0; i < 2000; i++) {
                opened.put(("k" + i).getBytes(StandardCharsets.UTF_8), new byte[100], Durability.SYNCED);
            }
        }
        List<Path> logs;
        try (Stream<Path> all = Files.list(many)) {
            logs = all.filter(path -> path.toString().endsWith(".wal")).sorted().toList();
        }
        assertThat(logs).as("logs that hold records").hasSizeGreaterThan(1);
        Files.delete(logs.getFirst());
        Result result = Cli.run("verify", many);
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).contains(logs.getFirst().getFileName() + ":").hasLineCount(2);
    }

    @ParameterizedTest
    @EnumSource(Damage.class)
    void commands_onADamagedTable_oneLineForWhatNeedsIt(Damage damage) throws IOException {
        Path file = file(".sst", "value of a1");
        String name = file.getFileName().toString();
        byte[] good = Files.readAllBytes(file);
        byte[] bad = damage.change.apply(good);
        if (bad == null) {
            Files.delete(file);
        } else {
            Files.write(file, bad);
        }
        Map<String, String> before = content();
        String sizes = bad == null || bad.length == good.length
                ? name
                : "the file has " + bad.length + " bytes, the MANIFEST names " + good.length + ".";
        assertOneLine(new Object[] {"get", db, "a1"}, name, sizes);
        assertOneLine(new Object[] {"scan", db, "--from", "a1"}, name);
        assertOneLine(new Object[] {"export", db, directory.resolve("out.csv")}, name);
        Result verified = Cli.run("verify", db);
        assertThat(verified.code()).isEqualTo(1);
        assertThat(verified.err()).contains(name, sizes).doesNotContain("\tat ");
        assertThat(content()).isEqualTo(before);
        assertThat(directory.resolve("out.csv")).doesNotExist();
        if (bad != null) {
            assertThat(Cli.good("get", db, "c1")).isEqualTo("value of c1\n");
        }
        Files.write(file, good);
        Cli.good("verify", db);
    }

    @ParameterizedTest
    @ValueSource(strings = {"file", "none", "empty", "file/below"})
    void commands_onWhatIsNoDatabase_oneLineAndNothingMade(String where) throws IOException {
        Files.writeString(directory.resolve("file"), "text");
        Files.createDirectory(directory.resolve("empty"));
        Path on = directory.resolve(where);
        for (Object[] words : commands(on)) {
            boolean makesOne = List.of("put", "load").contains(words[0]) || words[1].equals("worker");
            boolean mayMake = makesOne && !where.startsWith("file");
            // Of a database that is gone, crash verify counts what is missing; of this file of acknowledgements,
            // nothing.
            if (!mayMake && !words[1].equals("verify")) {
                assertOneLine(words, where);
            }
        }
        assertThat(directory.resolve("file")).hasContent("text");
        assertThat(directory.resolve("none")).doesNotExist();
        assertThat(directory.resolve("empty")).isEmptyDirectory();
    }

    @Test
    void commands_whileTheDatabaseIsOpen_oneLine() throws IOException {
        try (BeachDB held = BeachDB.open(db)) {
            held.awaitRest();
            for (Object[] words : commands(db)) {
                if (!words[1].equals("verify")) {
                    assertOneLine(
                            words,
                            "is open already",
                            "process " + ProcessHandle.current().pid());
                }
            }
        }
        assertThat(Cli.good("scan", db).lines()).hasSize(2 * KEYS);
    }

    @Test
    void commands_keyOrValueBeyondTheLimits_oneLineAndNothingWritten() throws IOException {
        String longKey = "k".repeat((1 << 20) + 1);
        assertOneLine(2, new Object[] {"put", db, longKey, "v"}, "key has 1048577 bytes, allowed up to 1048576");
        assertOneLine(2, new Object[] {"get", db, longKey}, "key has 1048577 bytes, allowed up to 1048576");
        assertOneLine(2, new Object[] {"delete", db, longKey}, "key has 1048577 bytes, allowed up to 1048576");
        assertOneLine(2, new Object[] {"scan", db, "--from", longKey}, "key has 1048577 bytes, allowed up to 1048576");
        assertOneLine(
                2, new Object[] {"compact", db, "--prefix", longKey}, "key has 1048577 bytes, allowed up to 1048576");
        Path file = Files.writeString(directory.resolve("long.csv"), "key,value\n" + longKey + ",1\n");
        Result loaded = Cli.run("load", db, file);
        assertThat(loaded.code()).isEqualTo(1);
        assertThat(loaded.err()).hasLineCount(1).contains("line 2", "1048576");
        assertThat(Cli.good("scan", db).lines()).hasSize(2 * KEYS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"wal", "sst", "manifest"})
    void dump_ofOddFiles_oneLine(String kind) throws IOException {
        String name = kind.equals("manifest") ? "MANIFEST-000077" : "000077." + kind;
        Path file = directory.resolve(name);
        assertOneLine(new Object[] {"dump", kind, file}, name, "no such file");
        Files.createDirectory(file);
        assertOneLine(new Object[] {"dump", kind, file}, name, "is a directory");
        Files.delete(file);
        assertOneLine(2, new Object[] {"dump", kind, lines}, "more.csv", "expected a name like");
        Path other = Files.createFile(directory.resolve(kind.equals("sst") ? "000077.wal" : "000077.sst"));
        assertOneLine(2, new Object[] {"dump", kind, other}, other.getFileName() + " is not named as a " + kind);
        for (byte[] odd :
                List.of(new byte[0], new byte[40], "nonsense ".repeat(50).getBytes(StandardCharsets.UTF_8))) {
            Files.write(file, odd);
            Result result = Cli.run("dump", kind, file);
            assertThat(result.code()).as(result.toString()).isEqualTo(1);
            assertThat(result.err()).hasLineCount(1).contains(name);
            assertThat(result.out() + result.err()).contains("offset");
            assertThat(Files.readAllBytes(file)).isEqualTo(odd);
        }
    }
}
