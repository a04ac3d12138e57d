package io.beachdb.base.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.format.FileName.Kind;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileNameTest {
    @ParameterizedTest
    @ValueSource(longs = {0, 1, 12, 999_999, 1_000_000, 12_345_678_901L, 999_999_999_999_999_999L})
    void parse_madeNames_givesKindAndNumber(long number) {
        assertThat(FileName.parse(FileName.log(number))).isEqualTo(new FileName(Kind.LOG, number));
        assertThat(FileName.parse(FileName.table(number))).isEqualTo(new FileName(Kind.TABLE, number));
        assertThat(FileName.parse(FileName.manifest(number))).isEqualTo(new FileName(Kind.MANIFEST, number));
        assertThat(FileName.parse(FileName.options(number))).isEqualTo(new FileName(Kind.OPTIONS, number));
        assertThat(FileName.parse(FileName.table(number) + ".tmp")).isEqualTo(new FileName(Kind.TEMPORARY, number));
    }

    @Test
    void names_ofKnownFiles_areThoseOfTheFormatPage() {
        assertThat(FileName.log(12)).isEqualTo("000012.wal");
        assertThat(FileName.table(13)).isEqualTo("000013.sst");
        assertThat(FileName.manifest(7)).isEqualTo("MANIFEST-000007");
        assertThat(FileName.options(8)).isEqualTo("OPTIONS-000008");
        assertThat(FileName.parse("CURRENT")).isEqualTo(new FileName(Kind.CURRENT, 0));
        assertThat(FileName.parse("CURRENT.tmp")).isEqualTo(new FileName(Kind.TEMPORARY, 0));
        assertThat(FileName.parse("LOCK")).isEqualTo(new FileName(Kind.LOCK, 0));
        assertThat(FileName.parse("LOCK.holder")).isEqualTo(new FileName(Kind.LOCK_HOLDER, 0));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ".",
                "..",
                ".wal",
                ".sst",
                "12.wal",
                "00012.wal",
                "0000012.wal",
                "-00012.wal",
                "+00012.wal",
                "000012.WAL",
                "000012.wal2",
                "000012",
                "a00012.sst",
                "000012 .sst",
                "MANIFEST-",
                "MANIFEST-7",
                "MANIFEST-0000007",
                "manifest-000007",
                "OPTIONS-00000x",
                "CURRENT2",
                "current",
                "LOCK.holder2",
                ".tmp",
                "foo.tmp",
                "CURRENT.tmp.tmp",
                "000012.sst.tmp.tmp",
                "1000000000000000000.sst",
                "9999999999999999999.sst",
                "\u0660\u0660\u0660\u0660\u0661\u0662.sst",
                "000012.sst/",
                "x/000012.sst"
            })
    void parse_foreignName_isNotOurs(String name) {
        assertThat(FileName.parse(name)).isNull();
    }

    /** Names go by no user's locale: some write decimal numbers with digits of their own. */
    @Test
    void names_inALocaleWithOtherDigits_areAscii() {
        Locale before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
            assertThat(String.format("%d", 12))
                    .as("this locale has other digits")
                    .isNotEqualTo("12");
            assertThat(FileName.log(12)).isEqualTo("000012.wal");
            assertThat(FileName.parse("000012.wal")).isEqualTo(new FileName(Kind.LOG, 12));
            assertThat(Checksum.hex(0x1234ABCD)).isEqualTo("1234abcd");
            assertThat(new DatabaseId(1, -1)).hasToString("0000000000000001ffffffffffffffff");
            assertThat(Escapes.escape(new byte[] {1, (byte) 0xFF})).isEqualTo("\\x01\\xff");
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void names_numberOutOfRange_isRefused() {
        assertThatThrownBy(() -> FileName.log(-1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("file number is -1, allowed 0 to 999999999999999999");
        assertThatThrownBy(() -> FileName.table(1_000_000_000_000_000_000L))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
