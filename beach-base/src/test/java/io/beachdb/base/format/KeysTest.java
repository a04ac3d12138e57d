package io.beachdb.base.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Keys and internal keys: their order and their parts. */
class KeysTest {
    private static final long SEED = 20261122;

    /** Keys of any length that share any prefix, at any alignment, followed by bytes that differ. */
    @Test
    void compare_anyTwoKeys_isTheUnsignedOrderOfBytes() {
        SplittableRandom random = new SplittableRandom(SEED);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment left = arena.allocate(400);
            MemorySegment right = arena.allocate(400);
            for (int i = 0; i < 200_000; i++) {
                byte[] a = new byte[random.nextInt(random.nextBoolean() ? 12 : 120)];
                random.nextBytes(a);
                byte[] b = Arrays.copyOf(a, random.nextInt(a.length + 10));
                if (b.length > 0 && random.nextInt(3) != 0) {
                    b[random.nextInt(b.length)] ^= (byte) (1 << random.nextInt(8));
                }
                int aOffset = random.nextInt(9);
                int bOffset = random.nextInt(9);
                place(left, aOffset, a, (byte) 0x55);
                place(right, bOffset, b, (byte) 0xAA);
                int expected = Integer.signum(Arrays.compareUnsigned(a, b));
                int found = Keys.compare(left, aOffset, a.length, right, bOffset, b.length);
                int mismatch = Arrays.mismatch(a, b);
                int shared = Keys.commonPrefix(left, aOffset, a.length, right, bOffset, b.length);
                if (Integer.signum(found) != expected || shared != (mismatch < 0 ? a.length : mismatch)) {
                    throw new AssertionError("seed " + SEED + ", step " + i + ": " + Arrays.toString(a) + " and "
                            + Arrays.toString(b) + " compare as " + found + ", share " + shared);
                }
            }
        }
    }

    private static void place(MemorySegment memory, int offset, byte[] key, byte around) {
        memory.fill(around);
        MemorySegment.copy(key, 0, memory, ValueLayout.JAVA_BYTE, offset, key.length);
    }

    @Test
    void internalKeys_ofOneUserKey_comeNewestFirst() {
        MemorySegment key = MemorySegment.ofArray(new byte[] {1, 2, 3});
        long[] newestFirst = {
            InternalKeys.NEWEST_TRAILER,
            InternalKeys.trailer(InternalKeys.MAX_SEQUENCE, InternalKeys.KIND_PUT),
            InternalKeys.trailer(1L << 55, InternalKeys.KIND_PUT),
            InternalKeys.seekTrailer(9),
            InternalKeys.trailer(9, InternalKeys.KIND_DELETE),
            InternalKeys.trailer(9, InternalKeys.KIND_PUT),
            InternalKeys.trailer(8, InternalKeys.KIND_DELETE),
            InternalKeys.trailer(0, InternalKeys.KIND_PUT)
        };
        for (int i = 0; i < newestFirst.length; i++) {
            for (int j = 0; j < newestFirst.length; j++) {
                int order = InternalKeys.compare(key, 0, 3, newestFirst[i], key, 0, 3, newestFirst[j]);
                assertThat(Integer.signum(order)).isEqualTo(Integer.compare(i, j));
            }
            // Another user key decides before any trailer.
            assertThat(InternalKeys.compare(key, 0, 2, newestFirst[i], key, 0, 3, newestFirst[0]))
                    .isNegative();
            assertThat(InternalKeys.compare(key, 1, 2, newestFirst[0], key, 0, 3, newestFirst[i]))
                    .isPositive();
        }
    }

    @Test
    void trailer_ofSequenceAndKind_givesThemBack() {
        for (long sequence : new long[] {0, 1, 1L << 40, InternalKeys.MAX_SEQUENCE}) {
            for (int kind = 0; kind < 256; kind++) {
                long trailer = InternalKeys.trailer(sequence, kind);
                assertThat(InternalKeys.sequence(trailer)).isEqualTo(sequence);
                assertThat(InternalKeys.kind(trailer)).isEqualTo(kind);
                assertThat(InternalKeys.isKnownKind(kind)).isEqualTo(kind == 1 || kind == 2);
            }
        }
        assertThat(InternalKeys.kindName(InternalKeys.KIND_PUT)).isEqualTo("PUT");
        assertThat(InternalKeys.kindName(InternalKeys.KIND_DELETE)).isEqualTo("DELETE");
        assertThat(InternalKeys.kindName(3)).isEqualTo("SINGLE_DELETE");
        assertThat(InternalKeys.kindName(4)).isEqualTo("RANGE_DELETE");
        assertThat(InternalKeys.kindName(5)).isEqualTo("MERGE");
        assertThat(InternalKeys.kindName(77)).isEqualTo("KIND_77");
    }
}
