package io.beachdb.memtable;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class KeyFilterTest {
    private static final int BYTES = 1 << 16;

    private final MemorySegment memory = Arena.ofAuto().allocate(BYTES, 64);

    @Test
    void mayContain_memoryThatHeldOldBytes_isEmptyAtFirst() {
        memory.fill((byte) 0xFF);
        KeyFilter filter = new KeyFilter(memory);
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 1000; i++) {
            assertThat(filter.mayContain(random.nextLong())).isFalse();
        }
    }

    @Test
    void mayContain_smallestFilterAndExtremeHashes_areInBounds() {
        KeyFilter filter = new KeyFilter(memory.asSlice(0, 16));
        for (long hash : new long[] {0, -1, Long.MIN_VALUE, Long.MAX_VALUE}) {
            filter.add(hash);
            assertThat(filter.mayContain(hash)).isTrue();
        }
    }

    @ParameterizedTest(name = "{0} bits a key: at most {1} of the absent ones")
    @CsvSource({"24, 0.002", "16, 0.006", "8, 0.035"})
    void mayContain_filledAsPlanned_passesAllPresentAndFewAbsent(int bitsPerKey, double most) {
        KeyFilter filter = new KeyFilter(memory);
        int count = BYTES * 8 / bitsPerKey;
        SplittableRandom present = new SplittableRandom(1);
        for (int i = 0; i < count; i++) {
            filter.add(present.nextLong());
        }
        present = new SplittableRandom(1);
        for (int i = 0; i < count; i++) {
            assertThat(filter.mayContain(present.nextLong())).isTrue();
        }
        SplittableRandom absent = new SplittableRandom(2);
        int passed = 0;
        for (int i = 0; i < 200_000; i++) {
            passed += filter.mayContain(absent.nextLong()) ? 1 : 0;
        }
        assertThat(passed / 200_000.0).isLessThan(most);
    }

    @Test
    void add_fromSeveralThreads_losesNoBit() throws Exception {
        int threads = 4;
        int perThread = 20_000;
        // A small filter: all threads set bits in the same few words.
        KeyFilter filter = new KeyFilter(memory.asSlice(0, 1 << 14));
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            List<Future<?>> running = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                long seed = thread;
                running.add(executor.submit(() -> {
                    SplittableRandom random = new SplittableRandom(seed);
                    for (int i = 0; i < perThread; i++) {
                        filter.add(random.nextLong());
                    }
                }));
            }
            for (Future<?> future : running) {
                future.get();
            }
        }
        for (int thread = 0; thread < threads; thread++) {
            SplittableRandom random = new SplittableRandom(thread);
            for (int i = 0; i < perThread; i++) {
                assertThat(filter.mayContain(random.nextLong())).isTrue();
            }
        }
    }
}
