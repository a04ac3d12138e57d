package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.cli.Cli.Result;
import io.beachdb.dbtestkit.CrashProfile;
import io.beachdb.dbtestkit.CrashVerifier.Verdict;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CrashCommandsTest {
    @TempDir
    private Path directory;

    private Path db;
    private Path acks;

    @BeforeEach
    void choose() {
        db = directory.resolve("db");
        acks = directory.resolve("acks");
    }

    private List<String> work(long seed, int operations, String profile) throws IOException {
        String printed = Cli.good("crash", "worker", db, "--seed", seed, "--ops", operations, "--profile", profile);
        Files.writeString(acks, printed);
        return printed.lines().toList();
    }

    @ParameterizedTest
    @EnumSource(CrashProfile.class)
    void verify_workerThatEnded_good(CrashProfile profile) throws IOException {
        List<String> lines = work(5, 600, profile.label());
        assertThat(lines.getFirst()).isEqualTo("SEED 5 OPS 600 PROFILE " + profile.label());
        assertThat(lines.get(1)).isEqualTo("RUN 0");
        assertThat(lines.getLast()).isEqualTo("DONE");
        long acknowledged =
                lines.stream().filter(line -> line.startsWith("ACK ")).count();
        assertThat(acknowledged).isBetween(250L, 450L);
        assertThat(Cli.good("crash", "verify", db, acks))
                .startsWith("all acknowledged operations are there, " + acknowledged + "; ");
        assertThat(Cli.good("crash", "verify", db, acks, "--logged", "--json")).contains("\"good\":true");
    }

    @Test
    void verify_severalRunsOnOneDirectory_eachJudged() throws IOException {
        work(1, 300, "tiny");
        Path first = Files.move(acks, directory.resolve("first"));
        work(1, 300, "tiny");
        Path second = Files.move(acks, directory.resolve("second"));
        work(2, 100, "threads");
        assertThat(Cli.good("crash", "verify", db, acks)).contains("from 3 runs");
        assertThat(Cli.good("crash", "verify", db, first, second, acks)).contains("from 3 runs");
    }

    @Test
    void verify_outputCutAnywhere_good() throws IOException {
        work(6, 60, "tiny");
        String all = Files.readString(acks);
        for (int length = 0; length <= all.length(); length += 1 + length / 8) {
            Files.writeString(acks, all.substring(0, length));
            Result result = Cli.run("crash", "verify", db, acks);
            boolean hasSeed = length > all.indexOf('\n');
            assertThat(result.code())
                    .as("first %s characters: %s", length, result.err())
                    .isEqualTo(hasSeed ? 0 : 1);
            assertThat(result.err().contains("acks has no line 'SEED ...'")).isEqualTo(!hasSeed);
        }
    }

    @Test
    void verify_nothingAcknowledgedAndNothingThere_good() throws IOException {
        Files.writeString(acks, "SEED 1 OPS 10 PROFILE tiny\n");
        assertThat(Cli.run("crash", "verify", db, acks).code()).isZero();
        Files.createDirectory(db);
        assertThat(Cli.run("crash", "verify", db, acks).code()).isZero();
        assertThat(db.resolve("CURRENT")).doesNotExist();
    }

    @Test
    void verify_emptyOutput_refused() throws IOException {
        work(7, 30, "tiny");
        Path empty = Files.createFile(directory.resolve("empty"));
        for (Object[] files : new Object[][] {{empty}, {acks, empty}}) {
            Result result = Cli.run(Stream.concat(Stream.of("crash", "verify", db), Stream.of(files))
                    .toArray());
            assertThat(result.code()).isEqualTo(1);
            assertThat(result.err())
                    .hasLineCount(1)
                    .contains("empty has no line 'SEED ...', which a crash worker prints first");
        }
    }

    @Test
    void verify_argumentsExchanged_refused() throws IOException {
        work(7, 30, "tiny");
        Result result = Cli.run("crash", "verify", acks, db);
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).hasLineCount(1).contains("is a directory").contains("DIR first, then ACKS");
    }

    @Test
    void run_directoryThatIsNotEmpty_refused() {
        Cli.good("put", db, "mine", "1");
        for (Path taken : List.of(db, directory)) {
            Result result = Cli.run("crash", "run", "--rounds", "1", "--dir", taken);
            assertThat(result.code()).isEqualTo(1);
            assertThat(result.bytes()).isEmpty();
            assertThat(result.err()).hasLineCount(1).contains(taken + " is not empty");
        }
        assertThat(Cli.good("scan", db)).isEqualTo("mine\t1\n");
    }

    /** A killed JVM deletes nothing: the native library that it had unpacked would stay for ever. */
    @Test
    void child_killed_leavesNothingOutsideItsDirectory() throws IOException, InterruptedException {
        for (int round = 0; round < 2; round++) {
            CrashChild.run(
                    directory,
                    acks,
                    new CrashChild.Moment(CrashChild.Since.ACKNOWLEDGEMENTS, 500),
                    List.of("crash", "worker", db.toString(), "--seed=" + round, "--ops=500000", "--profile=tiny"));
        }
        Assumptions.assumeTrue(System.getProperty("os.name").equals("Linux"), "where the library is named so");
        try (Stream<Path> left = Files.list(directory.resolve("worker.tmp"))) {
            assertThat(left.map(Path::toString).filter(name -> name.endsWith(".so")))
                    .as("of the last one")
                    .hasSize(1);
        }
    }

    /** The clock starts at the first acknowledgement: a worker that needs long to open is not killed before it. */
    @Test
    void child_killedByTheClock_hasAcknowledgedSomething() throws IOException, InterruptedException {
        for (int round = 0; round < 3; round++) {
            boolean ended = CrashChild.run(
                    directory,
                    acks,
                    new CrashChild.Moment(CrashChild.Since.FIRST_ACKNOWLEDGEMENT, 1),
                    List.of("crash", "worker", db.toString(), "--seed=" + round, "--ops=500000", "--profile=tiny"));
            assertThat(ended).isFalse();
            assertThat(CrashVerifyCommand.read(acks).count()).isPositive();
        }
        boolean ended = CrashChild.run(
                directory,
                acks,
                new CrashChild.Moment(CrashChild.Since.OPENING, 1),
                List.of("crash", "worker", db.toString(), "--seed=9", "--ops=20000", "--profile=tiny"));
        assertThat(ended).isFalse();
        assertThat(Files.readString(acks)).startsWith("SEED 9 ");
    }

    @Test
    void verify_databaseGone_caught() throws IOException {
        work(7, 30, "tiny");
        FileTrees.delete(db);
        Result result = Cli.run("crash", "verify", db, acks);
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).contains("there is no database, but run 0 had been acknowledged");
    }

    @Test
    void verify_databaseChangedBehindItsBack_caught() throws IOException {
        List<String> lines = work(8, 200, "tiny");
        String put = lines.stream()
                .filter(line -> line.contains(" PUT +"))
                .reduce((a, b) -> b)
                .orElseThrow();
        byte[] key = put.substring(put.indexOf('+') + 1, put.lastIndexOf('=')).getBytes(StandardCharsets.US_ASCII);
        byte[] value;
        try (BeachDB open = BeachDB.open(db)) {
            value = open.get(key);
            assertThat(value).isNotNull();
            open.delete(key);
        }
        assertCaught("is absent", "must be there");
        value[value.length - 1] ^= 1;
        try (BeachDB open = BeachDB.open(db)) {
            open.put(key, value);
        }
        assertCaught("holds a value that no run wrote");
        value[value.length - 1] ^= 1;
        try (BeachDB open = BeachDB.open(db)) {
            open.put(key, value);
        }
        assertThat(Cli.run("crash", "verify", db, acks).code()).isZero();
        try (BeachDB open = BeachDB.open(db)) {
            open.put("stranger".getBytes(StandardCharsets.US_ASCII), value);
        }
        assertCaught("'stranger' comes from nowhere");
    }

    /** What is on disk is never a wrong call. */
    @Test
    void verify_recordOfARunThatCannotBe_caught() throws IOException {
        Files.writeString(acks, "SEED 1 OPS 10 PROFILE tiny\n");
        Cli.good("put", db, "run/000000", "run=0 seed=1 ops=-1 profile=tiny keys=0\\x0a");
        assertCaught("run/000000 holds no whole record of a run");
    }

    @Test
    void replay_artifactOfAViolation_findsItAgainEachTime() throws IOException {
        work(8, 200, "tiny");
        Cli.good("put", db, "stranger", "1");
        Path artifact = new CrashArtifact(db, acks)
                .write(
                        directory,
                        3,
                        8,
                        200,
                        new CrashRounds.Round(
                                7, CrashProfile.TINY, "killed", 1, 1, new Verdict(1, 1, List.of("it was so")), null));
        assertThat(artifact).hasFileName("violation-00007.json");
        assertThat(Files.readString(artifact)).contains("\"profile\":\"tiny\"", "it was so");
        Path moved = directory.resolveSibling(directory.getFileName() + "-moved");
        Files.move(directory, moved);
        try {
            for (int i = 0; i < 2; i++) {
                Result result = Cli.run("crash", "replay", moved.resolve("violation-00007.json"));
                assertThat(result.code()).isEqualTo(1);
                assertThat(result.err()).contains("'stranger' ");
            }
            Cli.good("delete", moved.resolve("db"), "stranger");
            assertThat(Cli.good("crash", "replay", moved.resolve("violation-00007.json")))
                    .startsWith("all there");
            Files.writeString(moved.resolve("other.json"), "{\"seed\":1}");
            assertThat(Cli.run("crash", "replay", moved.resolve("other.json")).err())
                    .contains("other.json is no artifact of 'beach crash run': 'directoryAsKilled' is missing");
        } finally {
            Files.move(moved, directory);
        }
    }

    private void assertCaught(String... texts) {
        Result result = Cli.run("crash", "verify", db, acks);
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).contains(texts);
        assertThat(Cli.run("crash", "verify", db, acks, "--json").out()).contains("\"good\":false");
    }

    @Test
    void verify_acknowledgementsOfAnotherSeed_refused() throws IOException {
        work(9, 50, "tiny");
        String text = Files.readString(acks);
        Files.writeString(acks, text.replace("SEED 9", "SEED 10"));
        assertThat(Cli.run("crash", "verify", db, acks).code()).isEqualTo(1);
        Files.writeString(
                acks, text.replaceAll("(?m)^ACK.*\n", "").replace("DONE\n", "").replace("SEED 9", "SEED 10"));
        assertCaught("belong to another directory");
        Files.writeString(acks, "hello\n");
        assertThat(Cli.run("crash", "verify", db, acks).err()).contains("line 1 of the acknowledgements is 'hello'");
    }

    @Test
    void worker_onADirectoryOfOthers_refuses() {
        Cli.good("put", db, "mine", "1");
        Result result = Cli.run("crash", "worker", db, "--seed", "1", "--ops", "10");
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).contains("a directory of its own").hasLineCount(1);
        assertThat(Cli.good("scan", db)).isEqualTo("mine\t1\n");
    }

    @Test
    void worker_absurdArguments_refused() {
        assertThat(Cli.run("crash", "worker", db, "--seed", "1", "--ops", "-1").err())
                .contains("ops is -1, allowed 0 to");
        assertThat(Cli.run("crash", "worker", db, "--seed", "1", "--ops", "1", "--profile", "huge")
                        .err())
                .contains("--profile is 'huge', allowed are default, tiny, threads, rotation, compaction");
        assertThat(db).doesNotExist();
    }

    @Test
    void commands_whileAnotherProcessWrites_refusedNamingIt() throws IOException, InterruptedException {
        Process writer = new ProcessBuilder(ChildJvm.beach(
                        List.of("-Xmx256m"),
                        List.of("crash", "worker", db.toString(), "--seed=1", "--ops=50000", "--profile=tiny")))
                .redirectError(directory.resolve("err").toFile())
                .start();
        try (BufferedReader lines = writer.inputReader(StandardCharsets.US_ASCII)) {
            assertThat(lines.readLine()).isEqualTo("SEED 1 OPS 50000 PROFILE tiny");
            assertThat(lines.readLine()).isEqualTo("RUN 0");
            for (Object[] command :
                    new Object[][] {{"put", db, "a", "1"}, {"scan", db}, {"verify", db}, {"stats", db}}) {
                Result result = Cli.run(command);
                assertThat(result.code()).as(command[0].toString()).isEqualTo(1);
                assertThat(result.err())
                        .as(command[0].toString())
                        .contains("is open already, held by process " + writer.pid())
                        .hasLineCount(1);
            }
        } finally {
            writer.toHandle().destroyForcibly();
            writer.waitFor();
        }
        assertThat(Cli.run("put", db, "a", "1").code())
                .as("after the holder's death")
                .isZero();
    }

    @Test
    void run_threeRoundsOfRealKills_nothingLost() {
        Path where = directory.resolve("run");
        Result result = Cli.run("crash", "run", "--rounds", "3", "--seed", "77", "--dir", where);
        assertThat(result.err()).isEmpty();
        assertThat(result.code()).isZero();
        assertThat(result.out()).startsWith("seed 77, directory ").contains("round 3, ", "nothing lost, torn");
        assertThat(result.out().lines().filter(line -> line.contains("killed")))
                .allSatisfy(line -> assertThat(line).containsOnlyOnce("acknowledge"));
        assertThat(where.resolve("db")).isDirectory();
    }
}
