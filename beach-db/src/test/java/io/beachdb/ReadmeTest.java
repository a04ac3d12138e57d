package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows is taken from it and run as it stands, imports and all. */
class ReadmeTest {
    private static final Path ROOT = Path.of("..");

    @TempDir
    private Path directory;

    private static String found(Path file, String pattern) throws IOException {
        Matcher matcher = Pattern.compile(pattern, Pattern.DOTALL).matcher(Files.readString(file));
        assertThat(matcher.find()).as(file + " has " + pattern).isTrue();
        return matcher.group(1);
    }

    @Test
    void readme_tenLines_runAsTheyStand() throws IOException, InterruptedException {
        Path program = directory.resolve("Ten.java");
        Files.writeString(program, found(ROOT.resolve("README.md"), "```java\n(.*?)```"));
        String modules = System.getProperty("jdk.module.path");
        String classes = System.getProperty("java.class.path");
        Path printed = directory.resolve("printed");
        Process java = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        modules == null ? classes : modules + File.pathSeparator + classes,
                        program.toString())
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(printed.toFile())
                .start();
        assertThat(java.waitFor(60, TimeUnit.SECONDS)).as("ended").isTrue();
        assertThat(Files.readString(printed)).isEqualTo("user/bob is 4 bytes\n");
        assertThat(java.exitValue()).isZero();
        assertThat(directory.resolve("beach").resolve("CURRENT")).isRegularFile();
    }

    @Test
    void readme_dependency_isThisProject() throws IOException {
        String shown = found(ROOT.resolve("README.md"), "```xml\n(.*?)```");
        String version =
                found(ROOT.resolve("pom.xml"), "<artifactId>beach[^<]*</artifactId>\\s*<version>([^<]+)</version>");
        assertThat(shown)
                .contains(List.of(
                        "<groupId>io.beachdb</groupId>",
                        "<artifactId>beach-db</artifactId>",
                        "<version>" + version + "</version>"));
    }
}
