package io.beachdb.dbtestkit;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Values of crash runs: a line of text that says who wrote them and how long they are, then bytes that follow from
 * seed and origin. So a value read back is either exactly one that was asked for, or none.
 */
final class CrashValues {
    /** Shortest value: room for the line with the largest numbers. */
    static final int SHORTEST = 64;

    private static final int COMPRESSIBLE_RUN = 16;

    private CrashValues() {}

    /** Makes the value that {@code origin} puts. */
    static byte[] make(long seed, CrashOrigin origin, int length) {
        byte[] value = new byte[length];
        byte[] line = (origin + " " + length + "\n").getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(line, 0, value, 0, line.length);
        SplittableRandom random = new SplittableRandom(seedOf(seed, origin));
        for (int at = line.length; at < length; at += COMPRESSIBLE_RUN) {
            // Half a run of noise, half of one byte: it compresses about two to one.
            int end = Math.min(length, at + COMPRESSIBLE_RUN);
            long noise = random.nextLong();
            for (int i = at; i < end; i++) {
                value[i] = (byte) (noise >>> 8 * Math.min(7, i - at));
            }
        }
        return value;
    }

    private static long seedOf(long seed, CrashOrigin origin) {
        long whose = CrashWorkload.mix(CrashWorkload.mix(seed, origin.run()), origin.lane());
        return CrashWorkload.mix(CrashWorkload.mix(whose, origin.operation()), origin.slot());
    }

    /** Reads who a value says it is from; null if it does not begin as values do. Believe it after {@link #make}. */
    static @Nullable CrashOrigin claimedOrigin(byte[] value) {
        int end = 0;
        while (end < value.length && value[end] != ' ') {
            end++;
            if (end > SHORTEST) {
                return null;
            }
        }
        return CrashOrigin.parse(new String(value, 0, end, StandardCharsets.US_ASCII));
    }

    /** Returns whether {@code value} is, byte for byte, what {@code origin} put with this seed. */
    static boolean isWhole(long seed, CrashOrigin origin, byte[] value) {
        return value.length >= SHORTEST && Arrays.equals(value, make(seed, origin, value.length));
    }
}
