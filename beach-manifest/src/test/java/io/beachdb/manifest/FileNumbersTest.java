package io.beachdb.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.CorruptionException;
import java.util.List;
import org.junit.jupiter.api.Test;

class FileNumbersTest {

    @Test
    void above_namesAndManifest_startsAboveBoth() {
        List<String> names = List.of("CURRENT", "LOCK", "MANIFEST-000007", "000012.sst", "000013.wal.tmp", "notes.txt");
        assertThat(FileNumbers.above(1, names).next()).isEqualTo(14);
        assertThat(FileNumbers.above(20, names).next()).isEqualTo(20);
        assertThat(FileNumbers.above(1, List.of()).next()).isEqualTo(1);
    }

    @Test
    void next_givesEachNumberOnce() {
        FileNumbers numbers = FileNumbers.above(5, List.of());
        assertThat(numbers.next()).isEqualTo(5);
        assertThat(numbers.peek()).isEqualTo(6);
        assertThat(numbers.next()).isEqualTo(6);
    }

    @Test
    void above_absurdNumber_isRefused() {
        assertThatThrownBy(() -> FileNumbers.above(1, List.of("999999999999999999.sst")))
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining("999999999999999999.sst: its number leaves none for new files");
    }
}
