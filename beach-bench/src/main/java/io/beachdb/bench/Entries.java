package io.beachdb.bench;

import java.util.SplittableRandom;

/**
 * Keys and values of the workloads: key i is sixteen decimal digits; its value is half random bytes, half a repeated one
 * (so that it compresses by about half), and begins with i, so that a read can be checked.
 */
final class Entries {
    static final int KEY_BYTES = 16;
    private static final int POOL_BYTES = 1 << 20;

    private final byte[] pool = new byte[POOL_BYTES];

    Entries(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        random.nextBytes(pool);
    }

    static void key(long i, byte[] into) {
        long rest = i;
        for (int at = KEY_BYTES - 1; at >= 0; at--) {
            into[at] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
    }

    /** Fills {@code into}, 16 bytes and more, with the value of key {@code i}. */
    void value(long i, byte[] into) {
        int random = into.length / 2;
        int from = (int) (mix(i) >>> 1) & POOL_BYTES / 2 - 1;
        System.arraycopy(pool, from, into, 0, random);
        java.util.Arrays.fill(into, random, into.length, (byte) 'v');
        for (int b = 0; b < Long.BYTES; b++) {
            into[b] = (byte) (i >>> 8 * b);
        }
    }

    /** Checks that a value of {@code length} bytes whose first eight are {@code head} (little-endian) belongs to key i. */
    static void check(long i, long head, long length, int expectedLength) {
        if (head != i || length != expectedLength) {
            throw new IllegalStateException("key " + i + " has a wrong value: it begins with " + head + " and has "
                    + length + " bytes, expected " + i + " and " + expectedLength);
        }
    }

    static long head(byte[] value) {
        long head = 0;
        for (int b = Long.BYTES - 1; b >= 0; b--) {
            head = head << 8 | value[b] & 0xFF;
        }
        return head;
    }

    /** Stafford's variant 13 of the 64-bit finalizer: spreads neighbouring numbers over all bits. */
    static long mix(long z) {
        long x = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        x = (x ^ x >>> 27) * 0x94D049BB133111EBL;
        return x ^ x >>> 31;
    }
}
