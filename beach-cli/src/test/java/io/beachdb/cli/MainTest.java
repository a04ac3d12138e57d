package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.cli.Cli.Result;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds for all commands: help, exit codes, one clear line for an error. */
class MainTest {
    private static final String ROW = "key,value\na,1\n";

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "demo",
                "put",
                "get",
                "delete",
                "scan",
                "load",
                "export",
                "stats",
                "compact",
                "destroy",
                "dump",
                "verify",
                "bench",
                "explore",
                "simulate",
                "sweep",
                "crash",
                "crash run",
                "crash worker",
                "crash verify",
                "crash replay"
            })
    void help_everyCommand_explainsAndSucceeds(String command) {
        Result result = Cli.run((Object[]) (command + " --help").strip().split(" "));
        assertThat(result.code()).isZero();
        assertThat(result.err()).isEmpty();
        assertThat(result.out())
                .startsWith("Usage: beach")
                .contains(command.isEmpty() ? "COMMAND" : command, "--help", "--debug")
                .endsWith("\n")
                .doesNotContain("\033");
        assertThat(result.out().lines().count()).isGreaterThan(6);
        assertThat(result.out().lines().map(String::length)).allMatch(length -> length <= 100);
    }

    @Test
    void help_onATerminal_hasColours() {
        assertThat(Cli.runWith(InputStream.nullInputStream(), true, "get", "--help")
                        .out())
                .contains("\033");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "gett",
                "get",
                "get DIR",
                "get DIR a b",
                "get DIR a --nope",
                "scan DIR --limit x",
                "scan DIR --limit -1",
                "scan DIR --prefix a --from b",
                "scan DIR --from z --to a",
                "export DIR --from b\\x00 --to b",
                "compact DIR --from \\xff --to a",
                "put DIR key -v",
                "put DIR key \\q",
                "load DIR -",
                "load DIR - --format xml",
                "export DIR --format files",
                "dump FILE",
                "dump log FILE",
                "crash",
                "crash verify DIR",
                "crash worker DIR --seed 1",
                "crash worker DIR/none --seed 1 --ops -1",
                "crash worker DIR/none --seed 1 --ops 1000001",
                "crash worker DIR/none --seed 1 --ops 1 --profile huge",
                "crash run --profile huge",
                "load DIR/none a\u0000.csv",
                "crash run --rounds 0"
            })
    void call_wrongArguments_oneLineAndCode2(String line) {
        Result result =
                Cli.run((Object[]) line.replace("DIR", directory.toString()).split(" "));
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.bytes()).isEmpty();
        assertThat(result.err()).startsWith("beach: ").endsWith("--help')\n");
        assertThat(result.err().lines()).hasSize(1);
        assertThat(directory).as("nothing was done").isEmptyDirectory();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "put DIR KEY value",
                "get DIR KEY",
                "delete DIR KEY",
                "scan DIR --to KEY",
                "export DIR --from KEY",
                "compact DIR --prefix KEY"
            })
    void call_keyOverTheLimit_refusedWhateverIsOnDisk(String line) {
        Path none = directory.resolve("none");
        Object[] words = line.replace("DIR", none.toString())
                .replace("KEY", "k".repeat((1 << 20) + 1))
                .split(" ");
        Result result = Cli.run(words);
        assertThat(result.code()).isEqualTo(ExitCodes.CALLED_WRONGLY);
        assertThat(result.err())
                .hasLineCount(1)
                .contains("key has 1048577 bytes, allowed up to 1048576 (see 'beach " + words[0] + " --help')");
        assertThat(none).doesNotExist();
    }

    /** The library and the JDK throw these also when work is under way and no argument is at fault. */
    @Test
    void failure_illegalArgumentInTheMiddleOfTheWork_isNoWrongCall() {
        Path db = directory.resolve("db");
        InputStream in = new InputStream() {
            private int at;

            @Override
            public int read() {
                if (at == ROW.length()) {
                    throw new NumberFormatException("no number");
                }
                return ROW.charAt(at++);
            }

            @Override
            public int read(byte[] into, int offset, int length) {
                into[offset] = (byte) read();
                return 1;
            }
        };
        Result result = Cli.runWith(in, false, "load", db, "-", "--format", "csv");
        assertThat(result.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(result.err()).isEqualTo("beach: no number\n");
        assertThat(db).isDirectory();
    }

    /** What only the library can say of an argument is a wrong call too; what is on disk never is. */
    @Test
    void exitCodes_areTheFourThatTheHelpTells() throws IOException {
        Path db = directory.resolve("db");
        assertThat(Cli.run("put", db, "a", "1").code()).isZero();
        assertThat(Cli.run("get", db, "a").code()).isZero();
        assertThat(Cli.run("get", db, "b").code()).isEqualTo(3);
        assertThat(Cli.run("get", directory.resolve("none"), "b").code()).isEqualTo(1);
        String longKey = "k".repeat((1 << 20) + 1);
        assertThat(Cli.run("get", db, longKey).code()).isEqualTo(2);
        assertThat(Cli.run("scan", db, "--from", longKey).code()).isEqualTo(2);
        assertThat(Cli.run("crash", "worker", db, "--seed", "1", "--ops", "-1").code())
                .isEqualTo(2);
        assertThat(Cli.run("crash", "run", "--profile", "huge").code()).isEqualTo(2);
        assertThat(Cli.run("dump", "sst", db.resolve("CURRENT")).code()).isEqualTo(2);
        Files.writeString(db.resolve("CURRENT"), "no header");
        assertThat(Cli.run("get", db, "b").code()).isEqualTo(1);
        assertThat(Cli.run("verify", db).code()).isEqualTo(1);
        assertThat(Cli.run("dump", "manifest", db.resolve("CURRENT")).code()).isEqualTo(1);
        assertThat(Cli.good("--help").replaceAll("\\s+", " "))
                .contains("Exit codes: 0 success; 1 the command failed, or found damage; 2 it was called wrongly, and"
                        + " nothing was done; 3 'get' found no such key. That nobody reads the output to its end (| head)"
                        + " is no failure.");
    }

    @Test
    void call_argumentThatBeginsWithADash_isToldHow() {
        Path db = directory.resolve("db");
        assertThat(Cli.run("put", db, "k", "-v").err())
                .isEqualTo(
                        "beach: there is no option '-v' (if it is no option, put -- before it; see 'beach put --help')\n");
        assertThat(Cli.run("put", db, "k", "-v", "x").err()).contains("there is no option '-v' (if it is no option");
        assertThat(Cli.run("put", db, "k").err()).contains("VALUE is missing (see");
        assertThat(Cli.run("get", db, "k", "x").err()).contains("'x'").doesNotContain("option");
        Cli.good("put", db, "--", "k", "-v");
        assertThat(Cli.good("get", db, "k")).isEqualTo("-v\n");
    }

    record Wrong(String call, String message) {}

    static List<Wrong> wrong() {
        return List.of(
                new Wrong("gett", "there is no command 'gett' (did you mean get? see 'beach --help')"),
                new Wrong("help", "there is no command 'help' (see 'beach --help')"),
                new Wrong("demo --files 0", "--files is 0, allowed 1 and more (see 'beach demo --help')"),
                new Wrong("crash x", "there is no command 'x' (see 'beach crash --help')"),
                new Wrong("get d a b", "unexpected argument 'b' (see 'beach get --help')"),
                new Wrong("get", "DIR and KEY are missing (see 'beach get --help')"),
                new Wrong(
                        "scan d --limt 3",
                        "there is no option '--limt' (did you mean --limit? see 'beach scan --help')"),
                new Wrong("scan d --limit", "--limit needs a value, N (see 'beach scan --help')"),
                new Wrong("scan d --limit x", "--limit is 'x', a whole number is wanted (see 'beach scan --help')"),
                new Wrong("scan d --limit=", "--limit is '', a whole number is wanted (see 'beach scan --help')"),
                new Wrong("scan d --reverse=x", "--reverse takes no value (see 'beach scan --help')"),
                new Wrong("scan d --to a --to b", "--to is given twice (see 'beach scan --help')"),
                new Wrong(
                        "crash run --rounds 9999999999",
                        "--rounds is '9999999999', a whole number up to 2147483647 is wanted (see 'beach crash run --help')"),
                new Wrong("crash worker d", "--seed S and --ops N are missing (see 'beach crash worker --help')"),
                new Wrong(
                        "crash run --profile huge",
                        "--profile is 'huge', allowed are default, tiny, threads, rotation, compaction (see 'beach crash run --help')"),
                new Wrong(
                        "load d x --format xml",
                        "--format is 'xml', allowed are csv, tsv, jsonl, files (see 'beach load --help')"),
                new Wrong("dump log x", "KIND is 'log', allowed are wal, sst, manifest (see 'beach dump --help')"),
                new Wrong(
                        "get d \\q",
                        "KEY: '\\q' has a bad escape at byte 0: allowed are \\\\ and \\xHH with two hexadecimal digits"
                                + " (see 'beach get --help')"),
                new Wrong("explore --runs 0", "--runs is 0, allowed 1 and more (see 'beach explore --help')"));
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void call_wrong_saidInTheWordsOfTheHelp(Wrong example) {
        Result result = Cli.run((Object[]) example.call.split(" "));
        assertThat(result.err()).isEqualTo("beach: " + example.message + "\n");
        assertThat(result.code()).isEqualTo(ExitCodes.CALLED_WRONGLY);
    }

    /** What a shell makes of a variable that is not set: the working directory is not meant. */
    @ParameterizedTest
    @ValueSource(strings = {"get  k", "verify ", "export d ", "dump sst "})
    void call_emptyPath_refused(String line) {
        Result result = Cli.run((Object[]) line.split(" ", -1));
        assertThat(result.code()).isEqualTo(ExitCodes.CALLED_WRONGLY);
        assertThat(result.err()).hasLineCount(1).contains(": an empty text is no path (see");
    }

    @Test
    void call_withoutACommand_showsTheHelp() {
        Result result = Cli.run();
        assertThat(result.code()).isEqualTo(ExitCodes.CALLED_WRONGLY);
        assertThat(result.err()).isEqualTo(Cli.good("--help"));
        assertThat(result.bytes()).isEmpty();
    }

    @Test
    void call_reversedRange_namesBothEnds() {
        assertThat(Cli.run("scan", directory, "--from", "z", "--to", "a").err())
                .startsWith("beach: --from z is behind --to a, so there are no keys between them");
        Path db = directory.resolve("db");
        Cli.good("put", db, "a", "1");
        assertThat(Cli.good("scan", db, "--from", "a", "--to", "a")).isEmpty();
    }

    @Test
    void call_misspelt_suggests() {
        assertThat(Cli.run("exprot").err()).contains("did you mean export");
    }

    @Test
    void version_asked_told() {
        assertThat(Cli.good("--version")).startsWith("beach ").contains("Java " + Runtime.version());
    }

    @Test
    void error_withoutDebug_oneLine_withDebug_theTraceToo() {
        Path missing = directory.resolve("missing");
        Result plain = Cli.run("get", missing, "a");
        assertThat(plain.code()).isEqualTo(1);
        assertThat(plain.err().lines())
                .singleElement()
                .asString()
                .startsWith("beach: ")
                .contains("missing");
        Result debugged = Cli.run("get", missing, "a", "--debug");
        assertThat(debugged.code()).isEqualTo(1);
        assertThat(debugged.err()).startsWith(plain.err().strip()).contains("\tat io.beachdb.");
        Result wrong = Cli.run("scan", missing, "--limit", "-1", "--debug");
        assertThat(wrong.code()).isEqualTo(2);
        assertThat(wrong.err())
                .startsWith("beach: --limit is -1, allowed 0 and more (see 'beach scan --help')\n")
                .contains("\tat io.beachdb.cli.ScanCommand.");
        assertThat(Files.exists(missing)).as("reading made a directory").isFalse();
    }

    @Test
    void output_thatCannotBeWritten_isAnError() {
        Cli.good("put", directory.resolve("db"), "a", "1");
        OutputStream full = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("No space left on device");
            }
        };
        Result result = runInto(full, "scan", directory.resolve("db"));
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).isEqualTo("beach: cannot write the output: No space left on device\n");
    }

    /** Takes the first bytes, then is gone, as head is. */
    private static final class ReaderThatGoes extends OutputStream {
        private int left;

        ReaderThatGoes(int bytes) {
            left = bytes;
        }

        @Override
        public void write(int b) throws IOException {
            if (left-- <= 0) {
                throw new IOException("Broken pipe");
            }
        }
    }

    private static Result runInto(OutputStream out, Object... arguments) {
        java.io.ByteArrayOutputStream err = new java.io.ByteArrayOutputStream();
        PrintStream printed = new PrintStream(err, true, StandardCharsets.UTF_8);
        String[] words = Stream.of(arguments).map(Object::toString).toArray(String[]::new);
        int code = Main.run(new Terminal(InputStream.nullInputStream(), out, printed, false), words);
        return new Result(code, new byte[0], err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void output_whoseReaderHasGone_endsQuietlyAndWell() throws IOException {
        Path db = directory.resolve("db");
        try (BeachDB opened = BeachDB.open(db)) {
            for (int i = 0; i < 200; i++) {
                opened.put(("k" + i).getBytes(StandardCharsets.UTF_8), new byte[1000], Durability.LOGGED);
            }
            opened.flush();
        }
        Path table = ownFile(db, ".sst");
        List<Object[]> calls = List.of(
                new Object[] {"scan", db},
                new Object[] {"export", db},
                new Object[] {"get", db, "k1"},
                new Object[] {"stats", db},
                new Object[] {"dump", "sst", table},
                new Object[] {"verify", db});
        for (Object[] call : calls) {
            Result result = runInto(new ReaderThatGoes(10), call);
            assertThat(result.code()).as(call[0].toString()).isEqualTo(ExitCodes.OK);
            assertThat(result.err()).as(call[0].toString()).isEmpty();
        }
        assertThat(runInto(
                                new ReaderThatGoes(10),
                                "explore",
                                "--scenarios",
                                "create",
                                "--exhaustive",
                                "1",
                                "--samples",
                                "0")
                        .code())
                .as("a judgement that nobody hears")
                .isEqualTo(ExitCodes.FAILED);
    }

    /** What was found counts, whether or not anybody reads what else there is. */
    @Test
    void output_whoseReaderHasGone_hidesNoDamage() throws IOException {
        Path db = directory.resolve("db");
        try (BeachDB opened = BeachDB.open(db)) {
            opened.put(new byte[] {'a'}, new byte[] {'1'});
            opened.flush();
        }
        Path table = ownFile(db, ".sst");
        Files.write(table, new byte[(int) Files.size(table)]);
        assertThat(runInto(new ReaderThatGoes(0), "verify", db, "--json").code())
                .isEqualTo(ExitCodes.FAILED);
        Result dumped = runInto(new ReaderThatGoes(0), "dump", "sst", table);
        assertThat(dumped.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(dumped.err()).contains("is damaged; the lines with DAMAGE say where");
    }

    private static Path ownFile(Path db, String ending) throws IOException {
        try (Stream<Path> all = Files.list(db)) {
            return all.filter(file -> file.toString().endsWith(ending))
                    .findFirst()
                    .orElseThrow();
        }
    }
}
