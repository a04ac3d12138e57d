package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressTest {
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final AtomicLong nanos = new AtomicLong(1);

    private Progress progress(boolean interactive, long total) {
        Terminal terminal = new Terminal(
                InputStream.nullInputStream(),
                OutputStream.nullOutputStream(),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                interactive);
        return new Progress(terminal, "loading", total, nanos::get);
    }

    private String printed() {
        return err.toString(StandardCharsets.UTF_8);
    }

    @Test
    void at_onATerminal_drawsInPlaceAndCleansUp() {
        try (Progress progress = progress(true, 200)) {
            progress.at(50, "x");
            assertThat(printed()).isEmpty();
            nanos.addAndGet(150_000_000);
            progress.at(100, "half");
            progress.at(110, "too soon");
        }
        assertThat(printed()).isEqualTo("\r\033[Kloading [##############..............]  50 %  half\r\033[K");
    }

    @Test
    void at_notATerminal_plainLinesSeldom() {
        try (Progress progress = progress(false, 200)) {
            nanos.addAndGet(9_000_000_000L);
            progress.at(50, null);
            nanos.addAndGet(2_000_000_000L);
            progress.at(100, "12 entries");
        }
        assertThat(printed())
                .isEqualTo("loading: 50 %  12 entries" + System.lineSeparator())
                .doesNotContain("\033");
    }

    @Test
    void at_unknownTotal_showsTheDetail() {
        try (Progress progress = progress(true, 0)) {
            nanos.addAndGet(150_000_000);
            progress.at(100, "12 entries");
        }
        assertThat(printed()).isEqualTo("\r\033[Kloading  12 entries\r\033[K");
    }
}
