package io.beachdb.base;

import java.util.SplittableRandom;

/**
 * Where the engine's random bits come from (database ids, skiplist heights, jitter, sampling): a seam, so that a
 * simulated run repeats from its seed. Not for secrets. Safe for many threads.
 */
public interface RandomSource {

    /** Returns 64 uniformly random bits. */
    long nextLong();

    /** Returns a source seeded from the machine's entropy. */
    static RandomSource system() {
        return seeded(new SplittableRandom().nextLong());
    }

    /** Returns a source that yields the same bits for the same seed. */
    static RandomSource seeded(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return () -> {
            synchronized (random) {
                return random.nextLong();
            }
        };
    }
}
