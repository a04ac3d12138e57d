package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An application that gives the JVM no flags and has no logging provider sees nothing of us on its console. */
class SilenceTest {
    @TempDir
    Path directory;

    @Test
    void jvmWithoutFlagsOrLogging_openWriteFlushReadClose_printsNothing() throws Exception {
        Path console = directory.resolve("console.txt");
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Application.class.getName(),
                        directory.resolve("db").toString())
                .redirectErrorStream(true)
                .redirectOutput(console.toFile())
                .start();
        try {
            assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
        } finally {
            child.destroyForcibly();
        }

        assertThat(console).content().isEmpty();
        assertThat(child.exitValue()).isZero();
    }

    @Test
    void classPath_ofThisTest_hasNoLoggingProvider() throws IOException {
        assertThat(List.of(System.getProperty("java.class.path").split(File.pathSeparator)))
                .anyMatch(path -> path.contains("slf4j-api"))
                .noneMatch(path -> path.contains("slf4j-nop") || path.contains("logback"));
        assertThat(getClass().getClassLoader().getResources("META-INF/services/org.slf4j.spi.SLF4JServiceProvider"))
                .satisfies(providers -> assertThat(providers.hasMoreElements()).isFalse());
    }

    /** What the child runs. */
    static final class Application {
        private Application() {}

        public static void main(String[] args) throws IOException {
            Path directory = Path.of(args[0]);
            write(directory);
            read(directory);
            if (!Files.isRegularFile(directory.resolve("CURRENT"))) {
                throw new AssertionError("no database was made");
            }
        }

        private static void write(Path directory) {
            try (BeachDB db = BeachDB.open(directory)) {
                for (int i = 0; i < 10_000; i++) {
                    db.put(key(i), new byte[100], Durability.LOGGED);
                }
                db.flush();
                db.put(key(-1), new byte[] {1});
            }
        }

        private static void read(Path directory) {
            try (BeachDB db = BeachDB.open(directory)) {
                for (int i = -1; i < 10_000; i++) {
                    if (db.get(key(i)) == null) {
                        throw new AssertionError("key " + i + " is absent");
                    }
                }
            }
        }

        private static byte[] key(int i) {
            return new byte[] {(byte) (i >> 24), (byte) (i >> 16), (byte) (i >> 8), (byte) i};
        }
    }
}
