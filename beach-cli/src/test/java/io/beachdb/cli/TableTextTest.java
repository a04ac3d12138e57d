package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TableTextTest {

    record Case(String name, String text, List<List<String>> rows) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Case> csv() {
        return List.of(
                new Case("nothing", "", List.of()),
                new Case("one field", "a", List.of(List.of("a"))),
                new Case("one row without line end", "a,b", List.of(List.of("a", "b"))),
                new Case("line feeds", "a,b\nc,d\n", List.of(List.of("a", "b"), List.of("c", "d"))),
                new Case("carriage returns too", "a,b\r\nc,d\r\n", List.of(List.of("a", "b"), List.of("c", "d"))),
                new Case("empty fields", ",\n,,\n", List.of(List.of("", ""), List.of("", "", ""))),
                new Case("empty lines", "\n\r\na\n\n\nb\n\n", List.of(List.of("a"), List.of("b"))),
                new Case("quotes", "\"a,b\",\"c\"\"d\",\"\"\n", List.of(List.of("a,b", "c\"d", ""))),
                new Case("only quotes", "\"\"\"\"\n", List.of(List.of("\""))),
                new Case("line ends in quotes", "\"a\r\nb\n\",c\r\n", List.of(List.of("a\r\nb\n", "c"))),
                new Case("quoted to the end", "\"a\"", List.of(List.of("a"))),
                new Case("quoted, then a carriage return", "\"a\"\r\n\"b\"\r\n", List.of(List.of("a"), List.of("b"))),
                new Case("spaces stay", " a , b\n", List.of(List.of(" a ", " b"))),
                new Case("byte order mark", "\uFEFFa,b\n", List.of(List.of("a", "b"))),
                new Case(
                        "carriage return within",
                        "a\rb,\rc\n\rd,e\n",
                        List.of(List.of("a\rb", "\rc"), List.of("\rd", "e"))),
                new Case("other scripts", "\u00e9,\u6d77\u8fb9\n", List.of(List.of("\u00e9", "\u6d77\u8fb9"))));
    }

    @ParameterizedTest
    @MethodSource
    void csv(Case example) throws IOException {
        assertThat(read(TableText.csv(stream(example.text)))).isEqualTo(example.rows);
    }

    @Test
    void tsv_quotesAndCommas_areData() throws IOException {
        assertThat(read(TableText.tsv(stream("\"a\tb,c\r\n\t\n\n\"\"\t'\n"))))
                .isEqualTo(List.of(List.of("\"a", "b,c"), List.of("", ""), List.of("\"\"", "'")));
    }

    @Test
    void next_bytesThatAreNoText_passUnchanged() throws IOException {
        byte[] noise = new byte[5000];
        new SplittableRandom(3).nextBytes(noise);
        for (int i = 0; i < noise.length; i++) {
            if (noise[i] == '\t' || noise[i] == '\n' || noise[i] == '\r') {
                noise[i] = 'x';
            }
        }
        assertThat(TableText.tsv(new ByteArrayInputStream(noise)).next())
                .singleElement()
                .isEqualTo(noise);
    }

    record Bad(String name, String text, String message) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Bad> bad() {
        return List.of(
                new Bad("open quote", "a,b\n\"c,d\ne,f\n", "line 2: the quote that begins here is never closed"),
                new Bad(
                        "open quote in a later line of a row",
                        "\"a\nb\",\"c\n",
                        "line 2: the quote that begins here is never closed"),
                new Bad("quote in the middle", "a,b\nc,d\"e\"\n", "line 2: a quote inside a field"),
                new Bad("text after a quote", "\"a\"b,c\n", "line 1: text after a closing quote"),
                new Bad(
                        "text after a quote, rows of several lines",
                        "\"a\n\n\",c\n\"x\" ,\n",
                        "line 4: text after a closing quote"));
    }

    @ParameterizedTest
    @MethodSource
    void bad(Bad example) {
        assertThatThrownBy(() -> read(TableText.csv(stream(example.text))))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith(example.message);
    }

    @Test
    void csv_utf16_refused() {
        byte[] text = "a,b\n".getBytes(StandardCharsets.UTF_16);
        assertThatThrownBy(() -> TableText.csv(new ByteArrayInputStream(text))).hasMessageContaining("UTF-16");
    }

    @Test
    void csv_randomRows_readBackAsWritten() throws IOException {
        SplittableRandom random = new SplittableRandom(7);
        String alphabet = "ab,\"\n\r\u00e9 ";
        for (int round = 0; round < 300; round++) {
            List<List<String>> rows = new ArrayList<>();
            StringBuilder text = new StringBuilder();
            for (int row = random.nextInt(1, 6); row > 0; row--) {
                List<String> fields = new ArrayList<>();
                for (int field = random.nextInt(2, 5); field > 0; field--) {
                    StringBuilder value = new StringBuilder();
                    for (int i = random.nextInt(8); i > 0; i--) {
                        value.append(alphabet.charAt(random.nextInt(alphabet.length())));
                    }
                    fields.add(value.toString());
                    text.append('"')
                            .append(value.toString().replace("\"", "\"\""))
                            .append('"')
                            .append(field > 1 ? "," : "\r\n");
                }
                rows.add(fields);
            }
            assertThat(read(TableText.csv(stream(text.toString()))))
                    .as(text.toString())
                    .isEqualTo(rows);
        }
    }

    private static ByteArrayInputStream stream(String text) {
        return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
    }

    private static List<List<String>> read(TableText text) throws IOException {
        List<List<String>> rows = new ArrayList<>();
        for (List<byte[]> row = text.next(); row != null; row = text.next()) {
            rows.add(row.stream()
                    .map(field -> new String(field, StandardCharsets.UTF_8))
                    .toList());
        }
        return rows;
    }
}
