package io.beachdb.db;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.format.InternalKeys;
import org.junit.jupiter.api.Test;

class OpeningTest {
    @Test
    void beyondAllGivenOut_neverRunsOut() {
        assertThat(Opening.beyondAllGivenOut(5)).isEqualTo((1L << 32) + 5);
        long sequence = 0;
        for (int ends = 0; ends < 20_000_000; ends++) {
            sequence = Opening.beyondAllGivenOut(sequence);
        }
        assertThat(InternalKeys.MAX_SEQUENCE - sequence).isGreaterThan(1L << 40);
        assertThat(Opening.beyondAllGivenOut(InternalKeys.MAX_SEQUENCE)).isEqualTo(InternalKeys.MAX_SEQUENCE);
    }
}
