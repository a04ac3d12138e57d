package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.cli.JsonText.Value;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTextTest {

    private static Map<String, Value> parse(String json) {
        return JsonText.parseObject(json.getBytes(StandardCharsets.UTF_8));
    }

    private static Value member(Map<String, Value> members, String name) {
        return Objects.requireNonNull(members.get(name), name);
    }

    @Test
    void parseObject_membersOfAllKinds_asTheyStand() {
        Map<String, Value> members = parse(
                " {\"s\":\"a\\n\\u0041\\\\\\/\\\"\", \"n\":-0.5e+3,\"t\":true,\"f\":false,\"z\":null,\"o\":{\"x\":[1,{}]},\"a\":[ 1 ,\"]\"],\"\":0}\r ");
        assertThat(members.keySet()).containsExactly("s", "n", "t", "f", "z", "o", "a", "");
        assertThat(member(members, "s").text()).isEqualTo("a\nA\\/\"");
        assertThat(member(members, "n").text()).isEqualTo("-0.5e+3");
        assertThat(member(members, "t").text()).isEqualTo("true");
        assertThat(member(members, "o").text()).isEqualTo("{\"x\":[1,{}]}");
        assertThat(member(members, "a").text()).isEqualTo("[ 1 ,\"]\"]");
        assertThat(member(members, "z").isScalar()).isFalse();
        assertThat(member(members, "n").isScalar()).isTrue();
        assertThat(parse("{}")).isEmpty();
        assertThat(member(parse("{\"\\ud83d\\ude00\":\"\\ud83d\\ude00\"}"), "\ud83d\ude00")
                        .text())
                .isEqualTo("\ud83d\ude00");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "[]",
                "1",
                "\"a\"",
                "{",
                "}",
                "{}{}",
                "{} x",
                "{,}",
                "{\"a\"}",
                "{\"a\":}",
                "{\"a\":1,}",
                "{\"a\":1 \"b\":2}",
                "{a:1}",
                "{'a':1}",
                "{\"a\":01}",
                "{\"a\":1.}",
                "{\"a\":.5}",
                "{\"a\":+1}",
                "{\"a\":1e}",
                "{\"a\":-}",
                "{\"a\":tru}",
                "{\"a\":NaN}",
                "{\"a\":\"b}",
                "{\"a\":\"\\q\"}",
                "{\"a\":\"\\u12g4\"}",
                "{\"a\":\"\\u12",
                "{\"a\":\"\t\"}",
                "{\"a\":[1,]}",
                "{\"a\":[1}",
                "{\"a\":1,\"a\":2}",
                "{\"a\":{\"b\"}}",
                "{\"a\":\"\\u\uff11\uff11\uff11\uff11\"}"
            })
    void parseObject_notJson_refusedWithThePlace(String json) {
        assertThatThrownBy(() -> parse(json))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageMatching("character \\d+: .+");
    }

    @Test
    void parseObject_notUtf8_refused() {
        assertThatThrownBy(() -> JsonText.parseObject(new byte[] {'{', '"', (byte) 0xFF, '"', ':', '1', '}'}))
                .hasMessage("not valid UTF-8");
    }

    @Test
    void parseObject_deepNesting_refusedNotOverflown() {
        String deep = "{\"a\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}";
        assertThatThrownBy(() -> parse(deep)).hasMessageContaining("nested deeper than 500");
        parse("{\"a\":" + "[".repeat(400) + "]".repeat(400) + "}");
    }

    @Test
    void parseObject_everyPrefixOfAnObject_refused() {
        String json = "{\"a\\u00e9\":[1.5e3,{\"b\":null}],\"c\":\"d\\n\"}";
        parse(json);
        for (int length = 0; length < json.length(); length++) {
            String cut = json.substring(0, length);
            assertThatThrownBy(() -> parse(cut)).as(cut).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void write_anyStrings_readBackAsTheyWere() {
        SplittableRandom random = new SplittableRandom(5);
        for (int round = 0; round < 500; round++) {
            StringBuilder value = new StringBuilder();
            for (int i = random.nextInt(20); i > 0; i--) {
                value.append((char) (random.nextInt(3) == 0 ? random.nextInt(0x40) : random.nextInt(0xD800)));
            }
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("v", value.toString());
            map.put("l", List.of(1, 2.5, true));
            map.put("nan", Double.NaN);
            Map<String, Value> members = parse(Json.write(map));
            assertThat(member(members, "v").text()).isEqualTo(value.toString());
            assertThat(member(members, "l").text()).isEqualTo("[1,2.5,true]");
            assertThat(member(members, "nan").text()).isEqualTo("null");
        }
    }
}
