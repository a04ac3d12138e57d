package io.beachdb.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import org.junit.jupiter.api.Test;

class ByteRangesTest {

    @Test
    void ranges_randomAddsAndRemoves_matchABitSet() {
        for (int seed = 0; seed < 200; seed++) {
            SimulatedRandom random = new SimulatedRandom(seed);
            ByteRanges ranges = new ByteRanges();
            BitSet bits = new BitSet();
            for (int i = 0; i < 60; i++) {
                int from = random.nextInt(64);
                int to = from + random.nextInt(12);
                if (random.chance(55)) {
                    ranges.add(from, to);
                    bits.set(from, to);
                } else {
                    ranges.remove(from, to);
                    bits.clear(from, to);
                }
                assertThat(ranges.isEmpty()).as("seed %d step %d", seed, i).isEqualTo(bits.isEmpty());
                for (int at = 0; at < 80; at++) {
                    assertThat(ranges.intersects(at, at + 1))
                            .as("seed %d step %d byte %d of %s", seed, i, at, ranges)
                            .isEqualTo(bits.get(at));
                }
                assertThat(ranges.intersects(from, to))
                        .isEqualTo(!bits.get(from, to).isEmpty());
            }
        }
    }
}
