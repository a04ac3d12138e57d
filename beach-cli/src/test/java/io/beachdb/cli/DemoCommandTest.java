package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole demo on few files; CI runs it on all. */
class DemoCommandTest {
    @TempDir
    private Path directory;

    @Test
    void demo_fewFiles_tellsAndSucceeds() {
        Path where = directory.resolve("demo");
        String told = Cli.good("demo", "--files", "300", "--dir", where, "--json");
        assertThat(JsonText.parseObject(told.getBytes(StandardCharsets.UTF_8)).keySet())
                .contains(
                        "files",
                        "bytes",
                        "loadNanos",
                        "getNanos",
                        "syncedPutNanos",
                        "forwardsKeys",
                        "backwardsKeys",
                        "overwritten",
                        "deleted",
                        "spaceAmplification",
                        "stats",
                        "memory",
                        "openNanos",
                        "crashRounds");
        assertThat(where.resolve("db")).isDirectory();
    }

    @Test
    void demo_directoryInUse_refused() throws Exception {
        Files.createFile(directory.resolve("precious"));
        Cli.Result result = Cli.run("demo", "--dir", directory);
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).contains("is not empty").hasLineCount(1);
        assertThat(Cli.run("demo", "--dir", directory.resolve("precious")).err())
                .isEqualTo("beach: " + directory.resolve("precious") + " is a file: name a new or empty directory\n");
        assertThat(directory.toFile().list()).containsExactly("precious");
    }
}
