package io.beachdb.base.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VarintTest {
    private static final long SEED = 20261122;

    private final MemorySegment memory = MemorySegment.ofArray(new byte[32]);

    private void check(long value) {
        memory.fill((byte) 0xFF);
        long end = Varint.put(memory, 3, value);
        int length = Varint.length(value);
        assertThat(end).as("end of %s", value).isEqualTo(3 + length);
        assertThat(Varint.get(memory, 3)).isEqualTo(value);
        assertThat(Varint.getChecked(memory, 3, end)).isEqualTo(value < 0 ? Varint.INVALID : value);
        for (long limit = 3; limit < end; limit++) {
            assertThat(Varint.getChecked(memory, 3, limit)).as("%s cut", value).isEqualTo(Varint.INVALID);
        }
    }

    @Test
    void put_everyPowerOfTwoAndItsNeighbours_readsBack() {
        for (int bit = 0; bit < 64; bit++) {
            check((1L << bit) - 1);
            check(1L << bit);
            check((1L << bit) + 1);
        }
        check(-1);
    }

    @Test
    void put_randomNumbers_readBack() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 10_000; i++) {
            check(random.nextLong() >>> random.nextInt(64));
        }
    }

    @Test
    void length_ofEachSize_isSevenBitsPerByte() {
        assertThat(Varint.length(0)).isEqualTo(1);
        for (int bits = 1; bits <= 64; bits++) {
            assertThat(Varint.length(-1L >>> 64 - bits)).as("%s bits", bits).isEqualTo((bits + 6) / 7);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "8000", // zero in two bytes
                "ff00", // 127 in two bytes
                "808000",
                "80808080808080808080", // ten bytes that do not end
                "ffffffffffffffffff01", // 2^64 - 1
                "80808080808080808001", // 2^63
                "80808080808080808002", // a bit beyond the 64th
                "ffffffffffffffffff7f"
            })
    void getChecked_otherThanTheShortestForm_isInvalid(String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        assertThat(Varint.getChecked(MemorySegment.ofArray(bytes), 0, bytes.length))
                .isEqualTo(Varint.INVALID);
    }

    /** What is accepted is what would have been written. */
    @Test
    void getChecked_randomBytes_isInvalidOrCanonical() {
        SplittableRandom random = new SplittableRandom(SEED);
        byte[] bytes = new byte[12];
        int valid = 0;
        for (int i = 0; i < 100_000; i++) {
            random.nextBytes(bytes);
            for (int at = 0; at < bytes.length; at++) {
                bytes[at] |= (byte) (random.nextInt(5) == 0 ? 0 : 0x80);
            }
            MemorySegment source = MemorySegment.ofArray(bytes);
            long limit = random.nextInt(bytes.length + 1);
            long value = Varint.getChecked(source, 0, limit);
            if (value != Varint.INVALID) {
                valid++;
                long end = Varint.put(memory, 0, value);
                assertThat(end).isLessThanOrEqualTo(limit);
                assertThat(MemorySegment.mismatch(memory, 0, end, source, 0, end))
                        .isEqualTo(-1);
                assertThat(memory.get(ValueLayout.JAVA_BYTE, end - 1)).isNotNegative();
            }
        }
        assertThat(valid).isGreaterThan(10_000);
    }
}
