package io.beachdb.base;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Typed keys of arbitrary bytes. {@code scripts/fuzz} looks for more inputs. */
public class KeyFuzzTest {

    /** The first byte says which encoder, the rest is a key: it is refused, or encodes a value that gives it back. */
    public static final class Key {
        private static final List<KeyEncoder<?>> PARTS = List.of(
                KeyEncoder.INT,
                KeyEncoder.UNSIGNED_INT,
                KeyEncoder.LONG,
                KeyEncoder.UNSIGNED_LONG,
                KeyEncoder.FLOAT,
                KeyEncoder.DOUBLE,
                KeyEncoder.BOOLEAN,
                KeyEncoder.UUID,
                KeyEncoder.STRING,
                KeyEncoder.BYTES,
                KeyEncoder.tuple(KeyEncoder.STRING, KeyEncoder.LONG.descending()),
                KeyEncoder.tuple(KeyEncoder.BYTES.descending(), KeyEncoder.tuple(KeyEncoder.INT, KeyEncoder.STRING)));

        private Key() {}

        public static void fuzzerTestOneInput(byte[] input) {
            if (input.length == 0) {
                return;
            }
            KeyEncoder<?> encoder = PARTS.get((input[0] & 0x7F) % PARTS.size());
            byte[] key = Arrays.copyOfRange(input, 1, input.length);
            if (input[0] < 0) {
                decode(encoder.descending(), key);
            } else {
                decode(encoder, key);
            }
        }

        private static <T> void decode(KeyEncoder<T> encoder, byte[] key) {
            T value;
            try {
                value = encoder.decode(key);
            } catch (IllegalArgumentException e) {
                assertThat(e.getMessage()).isNotBlank();
                return;
            }
            assertThat(encoder.encode(value)).isEqualTo(key);
        }

        private static <T> byte[] seed(int index, KeyEncoder<T> encoder, T value) {
            byte[] key = encoder.encode(value);
            byte[] seed = new byte[1 + key.length];
            seed[0] = (byte) index;
            System.arraycopy(key, 0, seed, 1, key.length);
            return seed;
        }

        /** Returns inputs to begin with: keys of simple and composed values, upwards and downwards, and a part of one. */
        @SuppressWarnings("unchecked") // the list's order is right above
        public static List<byte[]> seeds() {
            List<Object> pair = List.of("a\0b", 42L);
            List<Object> nested = List.of(new byte[] {0, 1, -1}, List.of(7, "\u00e9"));
            byte[] tuple = seed(10, (KeyEncoder<List<Object>>) PARTS.get(10), pair);
            return List.of(
                    seed(0, KeyEncoder.INT, -1),
                    seed(5, KeyEncoder.DOUBLE, Double.NaN),
                    seed(6, KeyEncoder.BOOLEAN, true),
                    seed(8, KeyEncoder.STRING, "\ud83d\ude00"),
                    seed(-128 + 8, KeyEncoder.STRING.descending(), "down"),
                    tuple,
                    Arrays.copyOf(tuple, tuple.length - 3),
                    seed(11, (KeyEncoder<List<Object>>) PARTS.get(11), nested),
                    new byte[] {5, -1, -1, -1, -1, -1, -1, -1, -1},
                    new byte[] {6, 2});
        }
    }

    @Test
    void key_ofKnownInputs_isRefusedOrGivenBack() {
        Key.seeds().forEach(Key::fuzzerTestOneInput);
    }
}
