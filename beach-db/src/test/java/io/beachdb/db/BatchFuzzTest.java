package io.beachdb.db;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.UnsupportedFormatException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Batches of arbitrary bytes. {@code scripts/fuzz} looks for more inputs. */
public class BatchFuzzTest {

    /** The bytes are a batch, as recovery takes it out of a log. */
    public static final class Batch {
        private static final MemorySegment MEMORY = Arena.global().allocate(1 << 20);

        private Batch() {}

        public static void fuzzerTestOneInput(byte[] input) {
            if (input.length > MEMORY.byteSize()) {
                return;
            }
            long at = MEMORY.byteSize() - input.length; // what reads behind it meets the end of the memory
            MemorySegment.copy(input, 0, MEMORY, ValueLayout.JAVA_BYTE, at, input.length);
            long end = MEMORY.byteSize();
            int[] seen = new int[1];
            try {
                int count = BatchFormat.forEachChecked(
                        MEMORY, at, input.length, "000001.wal", 64, (kind, key, keyLength, value, valueLength) -> {
                            seen[0]++;
                            if (key < at || key + keyLength > end || value < at || value + valueLength > end) {
                                throw new AssertionError("an operation lies outside of the batch");
                            }
                        });
                assertThat(seen[0]).isEqualTo(count);
            } catch (CorruptionException | UnsupportedFormatException e) {
                assertThat(e).hasMessageStartingWith("000001.wal");
            }
        }

        /** Returns inputs to begin with: a put and a delete, an empty key, and none. */
        public static List<byte[]> seeds() {
            HexFormat hex = HexFormat.of();
            return List.of(
                    hex.parseHex("0002" + "01036b657905" + "76616c7565" + "02036b6579"),
                    hex.parseHex("0001" + "010000"),
                    new byte[0]);
        }
    }

    @Test
    void batch_ofKnownInputs_endsInOperationsOrANamedException() {
        Batch.seeds().forEach(Batch::fuzzerTestOneInput);
    }
}
