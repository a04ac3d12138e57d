package io.beachdb.base.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.KeyEncoder;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/** The worked examples of docs/formats/conventions.md, byte by byte. */
class ConventionsPageTest {
    private static final DatabaseId ID = new DatabaseId(0x0123456789abcdefL, 0xfedcba9876543210L);

    private static String page() throws IOException {
        return Files.readString(Path.of("..", "docs", "formats", "conventions.md"));
    }

    /** The lines between the fences that follow {@code title}. */
    private static List<String> example(String title) throws IOException {
        String rest = page().substring(page().indexOf("\n" + title));
        int from = rest.indexOf("```\n") + 4;
        return rest.substring(from, rest.indexOf("```", from)).lines().toList();
    }

    private static String hex(byte[] bytes) {
        return HexFormat.ofDelimiter(" ").formatHex(bytes);
    }

    @Test
    void fileHeader_ofTheExample_hasItsBytes() throws IOException {
        byte[] written = new byte[FileHeader.BYTES];
        new FileHeader("BEACHWAL", 1, 0, 8, ID, 12).write(MemorySegment.ofArray(written), 0);
        Pattern line = Pattern.compile("(\\d+) +((?:[0-9a-f]{2} ?)+)  .*");
        int next = 0;
        for (String each : example("The header of log 12").stream().skip(1).toList()) {
            Matcher matcher = line.matcher(each);
            assertThat(matcher.matches()).as(each).isTrue();
            byte[] bytes = HexFormat.ofDelimiter(" ").parseHex(matcher.group(2).strip());
            assertThat(Integer.parseInt(matcher.group(1))).as(each).isEqualTo(next);
            byte[] there = java.util.Arrays.copyOfRange(written, next, next + bytes.length);
            assertThat(hex(there)).as(each).isEqualTo(hex(bytes));
            next += bytes.length;
        }
        assertThat(next).isEqualTo(FileHeader.BYTES);
        int checksum = Bytes.getU32(MemorySegment.ofArray(written), 60);
        assertThat(page()).contains("checksum     " + Checksum.hex(checksum));
        assertThat(FileHeader.read(MemorySegment.ofArray(written), 0, "000012.wal", 0, "BEACHWAL", 1, 0))
                .isEqualTo(new FileHeader("BEACHWAL", 1, 0, 8, ID, 12));
    }

    @Test
    void varints_ofTheExample_haveTheirBytes() throws IOException {
        List<String> lines = example("Varints:");
        assertThat(lines).hasSize(5);
        for (String line : lines) {
            String[] parts = line.split(" +", 2);
            MemorySegment memory = MemorySegment.ofArray(new byte[Varint.MAX_BYTES]);
            long value = Long.parseLong(parts[0]);
            int length = (int) Varint.put(memory, 0, value);
            assertThat(hex(memory.asSlice(0, length).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE)))
                    .isEqualTo(parts[1].strip());
            assertThat(Varint.getChecked(memory, 0, length)).isEqualTo(value);
        }
    }

    @Test
    void typedKeys_ofTheExample_haveTheirBytes() throws IOException {
        Map<String, byte[]> keys = new LinkedHashMap<>();
        keys.put("int -2", KeyEncoder.INT.encode(-2));
        keys.put("unsigned int 4294967294", KeyEncoder.UNSIGNED_INT.encode(-2));
        keys.put("float 1.0", KeyEncoder.FLOAT.encode(1f));
        keys.put("float -1.0", KeyEncoder.FLOAT.encode(-1f));
        keys.put("double NaN", KeyEncoder.DOUBLE.encode(Double.NaN));
        keys.put("string \"a\", descending", KeyEncoder.STRING.descending().encode("a"));
        keys.put(
                "tuple (\"a\\0b\", int 1 descending)",
                KeyEncoder.tuple(KeyEncoder.STRING, KeyEncoder.INT.descending()).encode(List.of("a\0b", 1)));
        Map<String, String> onPage = new LinkedHashMap<>();
        for (String line : example("Typed keys:")) {
            String[] parts = line.split("  +");
            onPage.put(parts[0], parts[1]);
        }
        Map<String, String> made = new LinkedHashMap<>();
        keys.forEach((name, key) -> made.put(name, hex(key)));
        assertThat(onPage).isEqualTo(made);
    }

    @Test
    void checksum_ofTheCheckString_isThePublishedOne() throws IOException {
        byte[] digits = "123456789".getBytes(StandardCharsets.US_ASCII);
        int checksum = Checksum.crc32c(MemorySegment.ofArray(digits), 0, 9);
        assertThat(page()).contains("`123456789` is " + Checksum.hex(checksum));
        assertThat(Checksum.hex(checksum)).isEqualTo("e3069283");
        assertThat(Checksum.crc32c(new CRC32C(), java.nio.ByteBuffer.wrap(digits), 0, 9))
                .isEqualTo(checksum);
        assertThat(Checksum.hex(7)).isEqualTo("00000007");
    }
}
