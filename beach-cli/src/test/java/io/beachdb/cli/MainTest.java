package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.cli.Cli.Result;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
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
                "crash",
                "crash run",
                "crash worker",
                "crash verify"
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
                        + " nothing was done; 3 'get' found no such key.");
    }

    @Test
    void call_argumentThatBeginsWithADash_isToldHow() {
        Path db = directory.resolve("db");
        assertThat(Cli.run("put", db, "k", "-v").err())
                .isEqualTo(
                        "beach: Unknown option: '-v' (if it is no option, put -- before it; see 'beach put --help')\n");
        assertThat(Cli.run("put", db, "k", "-v", "x").err()).contains("Unknown option: '-v' (if it is no option");
        assertThat(Cli.run("put", db, "k").err()).contains("Missing required parameter: 'VALUE' (see");
        assertThat(Cli.run("get", db, "k", "x").err()).contains("'x'").doesNotContain("option");
        Cli.good("put", db, "--", "k", "-v");
        assertThat(Cli.good("get", db, "k")).isEqualTo("-v\n");
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
        java.io.ByteArrayOutputStream err = new java.io.ByteArrayOutputStream();
        Terminal terminal = new Terminal(
                InputStream.nullInputStream(),
                full,
                new PrintStream(err, true, java.nio.charset.StandardCharsets.UTF_8),
                false);
        int code = Main.run(terminal, "scan", directory.resolve("db").toString());
        assertThat(code).isEqualTo(1);
        assertThat(err.toString(java.nio.charset.StandardCharsets.UTF_8))
                .isEqualTo("beach: cannot write the output: No space left on device\n");
    }

    @Test
    void output_whoseReaderHasGone_endsQuietly() {
        Cli.good("put", directory.resolve("db"), "a", "1");
        OutputStream gone = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("Broken pipe");
            }
        };
        java.io.ByteArrayOutputStream err = new java.io.ByteArrayOutputStream();
        Terminal terminal = new Terminal(
                InputStream.nullInputStream(),
                gone,
                new PrintStream(err, true, java.nio.charset.StandardCharsets.UTF_8),
                false);
        assertThat(Main.run(terminal, "scan", directory.resolve("db").toString()))
                .isEqualTo(1);
        assertThat(err.size()).isZero();
    }
}
