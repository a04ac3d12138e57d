package io.beachdb.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class InternalKeyTest {

    @Test
    void compare_nativeWithHeap_isTheOrderOfTheBytes() {
        Random random = new Random(7);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(64);
            for (int i = 0; i < 20_000; i++) {
                byte[] a = randomKey(random);
                byte[] b = randomKey(random);
                int offset = random.nextInt(8);
                MemorySegment.copy(a, 0, memory, java.lang.foreign.ValueLayout.JAVA_BYTE, offset, a.length);
                int expected = Integer.signum(Arrays.compareUnsigned(a, b));
                InternalKey bound = InternalKey.copyOf(b, 0);
                assertThat(Integer.signum(-bound.compareUserKey(memory, offset, a.length)))
                        .isEqualTo(expected);
                int skip = Math.min(Math.min(a.length, b.length), random.nextInt(4));
                int heads = Long.compare(InternalKey.head(memory, offset, a.length, skip), bound.head(skip));
                int tails = Integer.signum(Arrays.compareUnsigned(
                        Arrays.copyOfRange(a, skip, a.length), Arrays.copyOfRange(b, skip, b.length)));
                assertThat(heads).as("equal, or in the order of the bytes").isIn(0, tails);
            }
        }
    }

    /** Few different bytes, so that many keys share beginnings; 0 and 0xff, so that signs and padding matter. */
    static byte[] randomKey(Random random) {
        byte[] alphabet = {0, 1, 'a', (byte) 0x80, (byte) 0xFF};
        byte[] key = new byte[random.nextInt(20)];
        for (int i = 0; i < key.length; i++) {
            key[i] = i < 6 && random.nextInt(3) > 0 ? (byte) 'a' : alphabet[random.nextInt(alphabet.length)];
        }
        return key;
    }

    @Test
    void compareTo_sameUserKey_newestFirst() {
        assertThat(ManifestFixture.key("a", 9)).isLessThan(ManifestFixture.key("a", 3));
        assertThat(ManifestFixture.key("a", 3)).isLessThan(ManifestFixture.key("b", 9));
        assertThat(ManifestFixture.key("a\u0001", 3)).hasToString("a\\x01@3 PUT");
    }

    @Test
    void copyTo_writesTheUserKey() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(8);
            InternalKey key = ManifestFixture.key("abc", 1);
            key.copyTo(memory, 2);
            assertThat(InternalKey.copyOf(memory, 2, 3, key.trailer())).isEqualTo(key);
        }
    }
}
