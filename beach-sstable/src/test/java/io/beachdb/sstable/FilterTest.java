package io.beachdb.sstable;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.memory.NativeBlock;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FilterTest {

    @ParameterizedTest
    @CsvSource({
        // keys, bits per key, largest share of absent keys let through
        "13000, 10, 0.0125",
        "13000, 5, 0.12",
        "13000, 20, 0.0008",
        "13000, 1, 0.75",
        "500, 10, 0.015",
        "1, 10, 0.0001"
    })
    void filter_letsAllItsKeysThroughAndFewOthers(int keys, int bits, double largestShare) {
        SplittableRandom random = new SplittableRandom(keys + bits);
        try (MemoryBudget budget = MemoryBudget.ofBytes(8 << 20)) {
            MemoryAccount account = budget.openAccount();
            NativeBlock block = account.acquire(MemoryUse.SCRATCH, 64 << 10);
            long[] hashes = new long[keys];
            int length;
            int probes;
            try (FilterBuilder builder = new FilterBuilder(account, bits)) {
                for (int i = 0; i < keys; i++) {
                    hashes[i] = random.nextLong();
                    builder.add(hashes[i]);
                }
                length = (int) builder.bytes();
                probes = builder.probes();
                builder.build(block.memory(), 0);
                assertThat(builder.count()).isZero();
            }
            assertThat(length).isEqualTo((keys * bits + 511) / 512 * 64);
            for (long hash : hashes) {
                assertThat(Filter.mayContain(block.memory(), 0, length, probes, hash))
                        .isTrue();
            }
            int absent = 200_000;
            int passed = 0;
            for (int i = 0; i < absent; i++) {
                if (Filter.mayContain(block.memory(), 0, length, probes, random.nextLong())) {
                    passed++;
                }
            }
            assertThat((double) passed / absent).isLessThanOrEqualTo(largestShare);
            account.release(MemoryUse.SCRATCH, block);
        }
    }
}
