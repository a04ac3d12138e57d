package io.beachdb.base.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EscapesTest {
    @Test
    void unescape_whatWasEscaped_isTheBytes() {
        byte[] all = new byte[256];
        for (int i = 0; i < all.length; i++) {
            all[i] = (byte) i;
        }
        assertThat(Escapes.unescape(Escapes.escape(all))).isEqualTo(all);
        assertThat(Escapes.escape(all)).matches("[ -~]*");
        SplittableRandom random = new SplittableRandom(20261122);
        for (int i = 0; i < 2000; i++) {
            byte[] bytes = new byte[random.nextInt(20)];
            random.nextBytes(bytes);
            assertThat(Escapes.unescape(Escapes.escape(bytes))).isEqualTo(bytes);
        }
    }

    @Test
    void escape_knownBytes_isReadable() {
        assertThat(Escapes.escape("a b\\c\n".getBytes(StandardCharsets.UTF_8))).isEqualTo("a b\\\\c\\x0a");
        assertThat(Escapes.escape(new byte[0])).isEmpty();
    }

    @Test
    void escape_longerThanTheLimit_endsInItsLength() {
        MemorySegment memory = MemorySegment.ofArray("xabcdefgh".getBytes(StandardCharsets.UTF_8));
        assertThat(Escapes.escape(memory, 1, 8, 8)).isEqualTo("abcdefgh");
        assertThat(Escapes.escape(memory, 1, 8, 3)).isEqualTo("abc... (8 bytes)");
        assertThat(Escapes.escape(memory, 1, 0, 3)).isEmpty();
    }

    @Test
    void unescape_beyondAscii_isUtf8() {
        assertThat(Escapes.unescape("h\u00e9\\xFf")).isEqualTo(new byte[] {'h', (byte) 0xC3, (byte) 0xA9, (byte) 0xFF});
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"\\", "a\\", "\\n", "\\x", "\\x1", "\\xg1", "\\x1g", "\\X41", "\\x\u0661\u0661", "ab\\\\\\"})
    void unescape_badEscape_isRefusedWithItsPlace(String text) {
        assertThatThrownBy(() -> Escapes.unescape(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("bad escape at byte " + text.lastIndexOf('\\'));
    }
}
