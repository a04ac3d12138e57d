package io.beachdb.manifest;

import static io.beachdb.manifest.ManifestFixture.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.BeachException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.Keys;
import io.beachdb.base.format.Varint;
import io.beachdb.manifest.EditField.AddedTable;
import io.beachdb.manifest.EditField.DroppedTable;
import io.beachdb.manifest.EditField.KeyOrder;
import io.beachdb.manifest.EditField.LastSequence;
import io.beachdb.manifest.EditField.MovedTable;
import io.beachdb.manifest.EditField.NextFileNumber;
import io.beachdb.manifest.EditField.OldestLog;
import io.beachdb.manifest.EditField.SnapshotEnd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FieldCodecTest {
    private static final List<EditField> ALL = List.of(
            new KeyOrder(Keys.ORDER_NAME),
            new OldestLog(300, true),
            new NextFileNumber(FileNumbers.MAX),
            new LastSequence((1L << 56) - 1),
            new AddedTable(6, entry(200, "", "\u00ff\u0000long enough", 5, 500)),
            new DroppedTable(0, 1),
            new MovedTable(1, 6, 128),
            new SnapshotEnd(0));

    /** Returns the record of some fields: the kind, then the fields. */
    private static byte[] encode(List<EditField> fields) {
        try (Arena arena = Arena.ofConfined()) {
            long length = ManifestLog.recordLength(fields);
            MemorySegment memory = arena.allocate(length);
            Bytes.putU8(memory, 0, ManifestFormat.EDIT);
            long at = 1;
            for (EditField field : fields) {
                long next = FieldEncoder.put(memory, at, field);
                assertThat(next - at).isEqualTo(FieldEncoder.length(field));
                at = next;
            }
            assertThat(at).isEqualTo(length);
            return memory.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    private static List<Object> decode(byte[] record) {
        List<Object> fields = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            // At an odd offset, and nothing readable behind it: a step over the end is an error.
            MemorySegment memory = arena.allocate(record.length + 3L);
            MemorySegment.copy(record, 0, memory, ValueLayout.JAVA_BYTE, 3, record.length);
            new FieldDecoder("MANIFEST-000007").decode(memory, 3, record.length, 999, new FieldDecoder.Sink() {
                @Override
                public void field(long at, EditField field) {
                    fields.add(field);
                }

                @Override
                public void skipped(long at, long tag, long length) {
                    fields.add("skipped " + tag + " at " + at + ", " + length + " bytes");
                }
            });
        }
        return fields;
    }

    @Test
    void decode_everyField_isWhatWasEncoded() {
        assertThat(decode(encode(ALL))).isEqualTo(ALL);
        assertThat(decode(encode(List.of()))).isEmpty();
    }

    @Test
    void decode_largestKeys_areTaken() {
        byte[] key = new byte[Keys.MAX_KEY_BYTES];
        InternalKey internal = InternalKey.copyOf(key, 1);
        TableEntry entry = new TableEntry(1, 1, internal, internal, 0, 0, 1, 1, Long.MAX_VALUE, 0, Long.MAX_VALUE);
        assertThat(decode(encode(List.of(new AddedTable(0, entry))))).containsExactly(new AddedTable(0, entry));
    }

    /** Bytes of a field: tag, length, body of bytes given one by one. */
    private static byte[] field(long tag, int... body) {
        byte[] all = new byte[1 + Varint.length(tag) + 1 + body.length];
        all[0] = ManifestFormat.EDIT;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(all.length);
            long at = Varint.put(memory, Varint.put(memory, 1, tag), body.length);
            for (int b : body) {
                Bytes.putU8(memory, at++, b);
            }
            MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, 1, all, 1, all.length - 1);
        }
        return all;
    }

    @Test
    void decode_unknownTag_oddIsSkipped_evenIsRefused() {
        assertThat(decode(field(77, 1, 2, 3))).containsExactly("skipped 77 at 1, 3 bytes");
        assertThatThrownBy(() -> decode(field(78, 1)))
                .isInstanceOf(UnsupportedFormatException.class)
                .hasMessage("MANIFEST-000007: the record at offset 999 has a field with tag 78, which this library does"
                        + " not know and may not skip. Open the database with a newer BeachDB.");
    }

    @Test
    void decode_otherKeyspace_isRefused() {
        byte[] record = encode(List.of(new AddedTable(0, entry(1, "a", "b", 1, 1))));
        assertThat(record[4])
                .as("the keyspace, behind kind, tag, length and level")
                .isZero();
        record[4] = 1;
        assertThatThrownBy(() -> decode(record))
                .isInstanceOf(UnsupportedFormatException.class)
                .hasMessageContaining("a table of keyspace 1, this library knows only 0");
    }

    record Bad(String expected, String hex) {
        Bad(String expected, byte[] record) {
            this(expected, HexFormat.of().formatHex(record));
        }

        @Override
        public String toString() {
            return expected;
        }
    }

    static List<Bad> bad() {
        byte[] twice = encode(List.of(new LastSequence(1), new LastSequence(2)));
        return List.of(
                new Bad("the field at byte 1 of the record: tag is 0, allowed 1 to 65535", field(0)),
                new Bad("tag is 65536, allowed 1 to 65535", field(65536)),
                new Bad("length is 5, the record has 1 bytes left", new byte[] {2, 8, 5, 1}),
                new Bad("length is no number", new byte[] {2, 8}),
                new Bad("tag is no number", new byte[] {2, (byte) 0x80}),
                new Bad("(last sequence) at byte 1 of the record: sequence is no number", field(8)),
                new Bad("sequence is no number", field(8, 0x81, 0x00)),
                new Bad(
                        "sequence is 72057594037927936, allowed 0 to 72057594037927935",
                        field(8, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01)),
                new Bad("has 1 bytes more than its parts", field(8, 1, 1)),
                new Bad("occurs twice in the record", twice),
                new Bad("state is 2, allowed 0 to 1", field(4, 1, 2)),
                new Bad("level is 7, allowed 0 to 6", field(12, 7, 1)),
                new Bad("table number is 0, allowed 1 to", field(12, 1, 0)),
                new Bad("name has 65 bytes, allowed 0 to 64", field(2, new int[65])),
                new Bad("tombstones is 2, allowed 0 to 1", field(10, 0, 0, 1, 1, 0, 0, 1, 2)),
                new Bad("smallest key length is 1048577, allowed 0 to 1048576", key(0x81, 0x80, 0x40)),
                new Bad("9 bytes are to follow, the field has 2 left", key(9, 1, 1)),
                new Bad("smallest key ends early", key(0, 1, 1)),
                new Bad("smallest key b@0 KIND_0 is behind largest key a@0 KIND_0", keys('b', 'a', 0)),
                new Bad("sequence of the smallest key is 1, allowed 0 to 0", keys('a', 'b', 1)));
    }

    private static byte[] key(int... key) {
        int[] body = {0, 0, 1, 1, 0, 0, 1, 0, 0, 0};
        int[] all = java.util.Arrays.copyOf(body, body.length + key.length);
        System.arraycopy(key, 0, all, body.length, key.length);
        return field(10, all);
    }

    private static byte[] keys(int smallest, int largest, int sequence) {
        return key(1, smallest, 0, sequence, 0, 0, 0, 0, 0, 0, 1, largest, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    @ParameterizedTest
    @MethodSource("bad")
    void decode_badField_saysWhatAndWhere(Bad bad) {
        assertThatThrownBy(() -> decode(HexFormat.of().parseHex(bad.hex)))
                .isInstanceOf(CorruptionException.class)
                .hasMessageStartingWith("MANIFEST-000007 at offset 999: ")
                .hasMessageContaining(bad.expected);
    }

    /** Whatever the bytes: fields, or an exception of ours, never another. */
    @Test
    void decode_randomBytes_neverAnythingElse() {
        Random random = new Random(5);
        byte[] good = encode(ALL);
        int decoded = 0;
        for (int i = 0; i < 20_000; i++) {
            byte[] record = good.clone();
            for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
                record[1 + random.nextInt(record.length - 1)] = (byte) random.nextInt(256);
            }
            if (random.nextInt(4) == 0) {
                record = java.util.Arrays.copyOf(record, 1 + random.nextInt(record.length));
            }
            try {
                decode(record);
                decoded++;
            } catch (BeachException e) {
                assertThat(e).isInstanceOfAny(CorruptionException.class, UnsupportedFormatException.class);
            }
        }
        assertThat(decoded).isBetween(1, 19_999);
    }
}
