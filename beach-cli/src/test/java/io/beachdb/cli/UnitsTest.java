package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class UnitsTest {

    @Test
    void bytes_allSizes_threeFigures() {
        assertThat(Units.bytes(0)).isEqualTo("0 B");
        assertThat(Units.bytes(999)).isEqualTo("999 B");
        assertThat(Units.bytes(1000)).isEqualTo("1.00 kB");
        assertThat(Units.bytes(12_345)).isEqualTo("12.3 kB");
        assertThat(Units.bytes(999_600)).isEqualTo("1.00 MB");
        assertThat(Units.bytes(123_456_789)).isEqualTo("123 MB");
        assertThat(Units.bytes(5_500_000_000_000_000L)).isEqualTo("5500 TB");
    }

    @Test
    void count_ofOne_isSingular() {
        assertThat(Units.entries(0)).isEqualTo("0 entries");
        assertThat(Units.entries(1)).isEqualTo("1 entry");
        assertThat(Units.count(1_000, "place", "places")).isEqualTo("1,000 places");
    }

    @Test
    void duration_allSizes_oneUnit() {
        assertThat(Units.duration(0)).isEqualTo("0 ns");
        assertThat(Units.duration(1_500)).isEqualTo("1.5 us");
        assertThat(Units.duration(2_340_000)).isEqualTo("2.3 ms");
        assertThat(Units.duration(61_000_000_000L)).isEqualTo("61.0 s");
    }

    @Test
    void perSecond_noTime_doesNotDivideByZero() {
        assertThat(Units.perSecond(5, 0)).isEqualTo("5,000,000,000/s");
        assertThat(Units.bytesPerSecond(1000, 1_000_000_000)).isEqualTo("1.00 kB/s");
    }
}
