package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.cli.Cli.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command around the benchmark program, with a small program in its place. */
class BenchCommandTest {
    private static final String HOME = "beach.home";

    @TempDir
    private Path directory;

    @AfterEach
    void leaveNoHome() {
        System.clearProperty(HOME);
    }

    @Test
    void bench_arguments_reachTheProgramInTheirOrder() throws Exception {
        Path source = Files.writeString(directory.resolve("Bench.java"), """
                package io.beachdb.bench;
                public class Bench {
                    public static void main(String[] arguments) throws Exception {
                        java.nio.file.Files.write(
                                java.nio.file.Path.of(arguments[arguments.length - 1]), java.util.List.of(arguments));
                        System.exit(3);
                    }
                }
                """);
        // A directory on the class path does what a jar does.
        Path jar = Files.createDirectories(directory.resolve("beach-bench/target/benchmarks.jar"));
        int compiled = ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "-proc:none", "-d", jar.toString(), source.toString());
        assertThat(compiled).isZero();
        System.setProperty(HOME, directory.toString());
        Path told = directory.resolve("told");

        Result result = Cli.run("bench", "--peers", "rocksdb,lmdb", "--n", "100", "quick", "--json", told);

        assertThat(result.err()).isEmpty();
        assertThat(result.code()).isEqualTo(3);
        assertThat(Files.readAllLines(told))
                .containsExactly("--peers", "rocksdb,lmdb", "--n", "100", "quick", "--json", told.toString());
    }

    @Test
    void bench_withoutCheckoutOrBuild_saysWhatToDo() {
        Result outside = Cli.run("bench");
        assertThat(outside.code()).isEqualTo(1);
        assertThat(outside.err()).contains("./beach bench").hasLineCount(1);
        System.setProperty(HOME, directory.toString());
        Result unbuilt = Cli.run("bench");
        assertThat(unbuilt.code()).isEqualTo(1);
        assertThat(unbuilt.err()).contains("benchmarks.jar is missing").hasLineCount(1);
    }
}
