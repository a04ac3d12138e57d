package io.beachdb.testkit;

import io.beachdb.base.RandomSource;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Random bits that a seed decides (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
 * 2014). Safe for many threads; which thread gets which number then depends on their order.
 */
public final class SimulatedRandom implements RandomSource {
    private static final long GAMMA = 0x9E3779B97F4A7C15L;

    private final AtomicLong state;

    public SimulatedRandom(long seed) {
        this.state = new AtomicLong(seed);
    }

    @Override
    public long nextLong() {
        return mix(state.addAndGet(GAMMA));
    }

    /** Returns a number from 0 to {@code bound}, exclusive. */
    public int nextInt(int bound) {
        if (bound <= 0) {
            throw new IllegalArgumentException("bound is " + bound + ", allowed 1 and more");
        }
        return (int) ((nextLong() >>> 33) * bound >>> 31);
    }

    /** Returns a number from {@code from} to {@code to}, both inclusive. */
    public long between(long from, long to) {
        if (from > to) {
            throw new IllegalArgumentException("from is " + from + ", to is " + to);
        }
        return from + Long.remainderUnsigned(nextLong(), to - from + 1);
    }

    /** Returns true {@code percent} times out of a hundred. */
    public boolean chance(int percent) {
        return nextInt(100) < percent;
    }

    /** Returns another source, which the bits drawn from this one after do not influence. */
    public SimulatedRandom split() {
        return new SimulatedRandom(nextLong());
    }

    /** Returns the bits of {@code value} well mixed, for seeds and fingerprints. */
    static long mix(long value) {
        long z = (value ^ value >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }
}
