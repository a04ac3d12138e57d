package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The texts of the crash tools, which are read from files, in arbitrary bytes. {@code scripts/fuzz} looks for more inputs. */
public class CrashTextFuzzTest {
    private static final int MANY_OPERATIONS =
            5; // digits: a workload of more takes long to make, and is no text's fault

    /** The first byte says of which kind the text is. */
    public static final class Text {
        private Text() {}

        public static void fuzzerTestOneInput(byte[] input) {
            if (input.length == 0) {
                return;
            }
            byte[] bytes = java.util.Arrays.copyOfRange(input, 1, input.length);
            String text = new String(bytes, StandardCharsets.ISO_8859_1);
            try {
                switch (input[0] & 3) {
                    case 0 -> {
                        if (!text.matches("(?s).*OPS \\d{" + MANY_OPERATIONS + ",}.*")) {
                            CrashAcks.parse(text).promises(true);
                        }
                    }
                    case 1 -> {
                        CrashRunRecord record = CrashRunRecord.decode(bytes);
                        if (record != null) {
                            assertThat(record.encode()).isEqualTo(bytes);
                        }
                    }
                    default -> {
                        SimulationPlan plan = SimulationPlan.parse(text);
                        assertThat(SimulationPlan.parse(plan.toString()).toString())
                                .isEqualTo(plan.toString());
                    }
                }
            } catch (IllegalArgumentException e) {
                assertThat(e.getMessage()).isNotBlank();
            }
        }

        private static byte[] seed(int kind, String text) {
            return ((char) kind + text).getBytes(StandardCharsets.ISO_8859_1);
        }

        /** Returns inputs to begin with: a right one of each kind, and wrong ones. */
        public static List<byte[]> seeds() {
            CrashProfile profile = CrashProfile.values()[0];
            String record = new String(
                    new CrashRunRecord(3, 7, 100, profile, new TreeMap<>()).encode(), StandardCharsets.US_ASCII);
            String header = "SEED 7 OPS 100 PROFILE " + profile.label() + "\n";
            return List.of(
                    seed(0, header + "RUN 3\nLOGGED 0 1\nDONE\n"),
                    seed(0, header + "RUN 3\nACK 0 1 PUT +k1/0=9a3e1f02\n"),
                    seed(0, header + "RUN\n"),
                    seed(1, record),
                    seed(1, record + "a=b\n"),
                    seed(2, SimulationPlan.of(1).toString()),
                    seed(2, "seed=1 schedule=0 within=0 lives=0-99999999999 steps="));
        }
    }

    @Test
    void text_ofKnownInputs_isReadOrRefused() {
        Text.seeds().forEach(Text::fuzzerTestOneInput);
    }
}
