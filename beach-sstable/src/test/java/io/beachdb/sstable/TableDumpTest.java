package io.beachdb.sstable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.durability.ReadableFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class TableDumpTest {
    private static final TableOptions OPTIONS =
            TableOptions.DEFAULT.withCompression(Compression.NONE).withBlockBytes(120);

    private static TreeSet<Entry> entries() {
        return new TreeSet<>(List.of(
                Entry.put("anchor", 9, "iron"),
                Entry.put("beach", 12, "sand"),
                new Entry(
                        "beach".getBytes(StandardCharsets.UTF_8),
                        InternalKeys.trailer(11, InternalKeys.KIND_DELETE),
                        new byte[0]),
                new Entry(
                        new byte[] {'b', 0, '\\'},
                        InternalKeys.trailer(10, InternalKeys.KIND_PUT),
                        "0123456789012345678901234567890123456789".getBytes(StandardCharsets.UTF_8)),
                Entry.put("large", 13, "x".repeat(300_000))));
    }

    private static String dump(TableFixture fixture, long number, boolean whole) throws IOException {
        StringBuilder out = new StringBuilder();
        try (ReadableFile file = fixture.directory.open(FileName.table(number))) {
            assertThat(TableDump.dump(file, number, fixture.account, out)).isEqualTo(whole);
        }
        return out.toString();
    }

    @Test
    void dump_showsEachEntryAndWhereItLies() throws IOException {
        try (TableFixture fixture = new TableFixture()) {
            long number = fixture.write(OPTIONS, entries()).number();
            assertThat(dump(fixture, number, true)).isEqualTo("""
                    table 000001.sst: 300777 bytes
                    footer at 300681: format version 1, database 0123456789abcdeffedcba9876543210, file number 1
                    meta index: 58 bytes at 300551; top index: 62 bytes at 300614
                    properties: 5 entries (1 tombstones) in 2 data blocks, 300112 bytes raw, 300198 stored, sequences 9 to \
                    13, made 2023-11-14T22:13:20Z, key order beach.bytewise, compression NONE, keyspace 0
                    partition 0: index 57 bytes at 300198, 2 blocks; filter 64 bytes at 300260, 6 probes
                      block at 0: 114 bytes stored as NONE, 114 raw, 4 entries, prefix ""
                        0+0 "anchor" @9 PUT 4 bytes "iron"
                        0+9 "b\\x00\\\\" @10 PUT 40 bytes "01234567890123456789012345678901... (40 bytes)"
                        0+52 "beach" @12 PUT 4 bytes "sand"
                        0+60 "beach" @11 DELETE
                      block at 300139: 54 bytes stored as NONE, 54 raw, 1 entries, prefix "large"
                        300139+0 "large" @13 PUT 300000 bytes in extents at 119
                    """);
            assertThat(fixture.chargedByReading()).isEmpty();
        }
    }

    @Test
    void dump_ofADamagedBlock_showsThePlaceAndGoesOn() throws IOException {
        try (TableFixture fixture = new TableFixture()) {
            long number = fixture.write(OPTIONS, entries()).number();
            byte[] bytes = fixture.bytes(number);
            bytes[20] ^= 1;
            bytes[bytes.length / 2] ^= 1;
            fixture.replace(number, bytes);
            assertThat(dump(fixture, number, false))
                    .containsSubsequence(
                            "properties: 5 entries",
                            "DAMAGE /tables/000001.sst at offset 0: the checksum of a data block is ",
                            "\"large\" @13 PUT 300000 bytes in extents at",
                            "DAMAGE /tables/000001.sst at offset 131",
                            ": the checksum of a piece of a value is ");
        }
    }

    @Test
    void dump_withoutFooter_saysWhy() throws IOException {
        try (TableFixture fixture = new TableFixture()) {
            long number = fixture.write(OPTIONS, entries()).number();
            byte[] bytes = fixture.bytes(number);
            bytes[bytes.length - 1] ^= 1;
            fixture.replace(number, bytes);
            assertThat(dump(fixture, number, false))
                    .contains("DAMAGE /tables/000001.sst at offset ", "footer checksum is ");
            fixture.replace(number, new byte[0]);
            assertThat(dump(fixture, number, false))
                    .contains("DAMAGE /tables/000001.sst at offset 0: the file is 0 bytes long");
        }
    }

    @Test
    void dump_toSomethingThatFails_throwsItsException() {
        try (TableFixture fixture = new TableFixture()) {
            long number = fixture.write(OPTIONS, entries()).number();
            Appendable full = new Appendable() {
                @Override
                public Appendable append(CharSequence text) throws IOException {
                    throw new IOException("full");
                }

                @Override
                public Appendable append(CharSequence text, int from, int to) throws IOException {
                    throw new IOException("full");
                }

                @Override
                public Appendable append(char c) throws IOException {
                    throw new IOException("full");
                }
            };
            try (ReadableFile file = fixture.directory.open(FileName.table(number))) {
                assertThatThrownBy(() -> TableDump.dump(file, number, fixture.account, full))
                        .isInstanceOf(IOException.class)
                        .hasMessage("full");
            }
            assertThat(fixture.chargedByReading()).isEmpty();
        }
    }

    @Test
    void codec_isNamed() {
        assertThat(Compression.NONE.codec()).isEqualTo("none");
        // The tests run with native access.
        assertThat(Compression.LZ4.codec()).isEqualTo("lz4 (native)");
    }
}
