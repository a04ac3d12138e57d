package io.beachdb.base.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.RecordFile.Read;
import io.beachdb.base.format.RecordFile.Written;
import io.beachdb.base.format.RecordReader.Reason;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RecordFramingTest {
    private static final int BLOCK = FragmentFormat.BLOCK_BYTES;
    private static final int PREFIXED = FragmentFormat.PREFIXED_HEADER_BYTES;

    private static byte[] payload(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** Appends a record that ends where {@code rest} bytes of the first block are left. */
    private static RecordFile leaving(int rest) {
        return RecordFile.fresh().append(payload(BLOCK - FileHeader.BYTES - PREFIXED - rest, rest), 0);
    }

    private static void assertReadBack(RecordFile file, byte[] bytes, int count) {
        try (RecordReader reader = file.reader(bytes)) {
            List<Read> read = RecordFile.readAll(reader);
            assertThat(read).hasSize(count);
            for (int i = 0; i < count; i++) {
                assertThat(read.get(i).is(file.records.get(i)))
                        .as("record %d", i)
                        .isTrue();
            }
        }
        assertThat(file.account.usedBytes()).isZero();
    }

    @Test
    void record_atEveryDistanceFromABlockEnd_isReadBack() {
        int[] lengths = {1, 2, 30, 41, 100, BLOCK - PREFIXED, BLOCK - PREFIXED + 1, BLOCK, 2 * BLOCK, 100_000};
        for (int rest = 0; rest <= 130; rest++) {
            for (int length : lengths) {
                RecordFile file =
                        leaving(rest).append(payload(length, length), 0).append(payload(5, 5), 0);
                assertThat(file.records.get(0).end()).isEqualTo(BLOCK - rest);
                assertReadBack(file, file.bytes(), 3);
            }
        }
    }

    @Test
    void records_ofRandomLengths_areReadBack() {
        for (long seed = 1; seed <= 60; seed++) {
            Random random = new Random(seed);
            RecordFile file = RecordFile.fresh();
            for (int i = 0; i < 40; i++) {
                int length = 1 + (int) Math.pow(2, random.nextDouble() * 17);
                file.append(payload(length, random.nextLong()), random.nextInt((int) file.length() + 1));
            }
            assertReadBack(file, file.bytes(), 40);
            byte[] preallocated = Arrays.copyOf(file.bytes(), (int) file.length() + 3 * BLOCK);
            assertReadBack(file, preallocated, 40);
        }
    }

    @Test
    void framing_inPieces_givesTheSameBytesAsAtOnce() {
        byte[] large = payload(1_000_000, 3);
        RecordFile whole = leaving(20).append(large, 2, 17, 99);
        RecordFramer framer = new RecordFramer(RecordFile.HEADER);
        NativeBlock source = whole.account.acquire(MemoryUse.SCRATCH, large.length);
        NativeBlock small = whole.account.acquire(MemoryUse.SCRATCH, 2 * BLOCK);
        MemorySegment.copy(MemorySegment.ofArray(large), 0, source.memory(), 0, large.length);
        framer.begin(source.memory(), 0, large.length, 0, 2, 17, 99);
        byte[] pieces = Arrays.copyOf(whole.bytes(), (int) whole.length());
        int at = (int) whole.records.get(0).end();
        Arrays.fill(pieces, at, pieces.length, (byte) 0x55);
        while (framer.unfinished()) {
            int framed = framer.appendPart(small, 100, 100 + BLOCK + BLOCK / 2, at);
            assertThat(framed).isPositive();
            MemorySegment.copy(small.memory(), 100, MemorySegment.ofArray(pieces), at, framed);
            at += framed;
        }
        assertThat(pieces).isEqualTo(whole.bytes());
        whole.account.release(MemoryUse.SCRATCH, source);
        whole.account.release(MemoryUse.SCRATCH, small);
    }

    @Test
    void framer_emptyPayloadOrTooLittleRoom_refuses() {
        RecordFile file = RecordFile.fresh();
        RecordFramer framer = new RecordFramer(RecordFile.HEADER);
        NativeBlock block = file.account.acquire(MemoryUse.SCRATCH, 4096);
        assertThatThrownBy(() -> framer.append(block, 0, 64, block.memory(), 0, 0, 0, 1, 0, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("payload length is 0");
        assertThatThrownBy(() -> framer.append(block, 4000, 64, block.memory(), 0, 90, 0, 1, 0, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("does not fit");
    }

    @Test
    void file_cutAtEveryByte_endsBehindTheLastWholeRecord() {
        RecordFile file = leaving(200)
                .append(payload(150, 1), 0)
                .append(payload(700, 2), 0)
                .append(payload(60, 3), 0);
        byte[] whole = file.bytes();
        for (int cut = BLOCK - 200; cut <= whole.length; cut++) {
            int size = cut;
            List<Written> left =
                    file.records.stream().filter(record -> record.end() <= size).toList();
            long end = left.getLast().end();
            try (RecordReader reader = file.reader(Arrays.copyOf(whole, cut))) {
                assertThat(RecordFile.readAll(reader)).as("cut at %d", cut).hasSize(left.size());
                assertThat(reader.end().offset()).isEqualTo(end);
                boolean onlyPadding = cut <= BLOCK && BLOCK - end < FragmentFormat.SMALLEST_REST;
                assertThat(reader.end().reason()).isEqualTo(end == cut || onlyPadding ? Reason.FILE_END : Reason.CUT);
            }
            // The same with zeros behind the cut, which may happen to be what was cut off.
            try (RecordReader reader = file.reader(Arrays.copyOf(Arrays.copyOf(whole, cut), 3 * BLOCK))) {
                List<Read> read = RecordFile.readAll(reader);
                assertThat(read.size()).as("cut at %d", cut).isBetween(left.size(), left.size() + 1);
                for (int i = 0; i < read.size(); i++) {
                    assertThat(read.get(i).is(file.records.get(i))).isTrue();
                }
            }
        }
    }

    /** Every bit of every record, against a model of what should come of it. */
    @Test
    void bit_flippedAnywhere_isDamageIfALaterRecordSaysItWasSynced_elseTheEnd() {
        RecordFile file = RecordFile.fresh();
        file.append(payload(20, 1), 64);
        file.append(payload(33, 2), 64);
        file.append(payload(1, 3), file.records.get(0).end());
        file.append(payload(90, 4), file.records.get(2).end());
        file.append(payload(10, 5), file.records.get(2).end());
        assertEveryFlip(file, FileHeader.BYTES);
    }

    @Test
    void bit_flippedInPaddingAndAcrossBlocks_isDamageIfALaterRecordSaysItWasSynced_elseTheEnd() {
        RecordFile file = leaving(70).append(payload(10, 1), 64).append(payload(50, 2), 64);
        file.append(payload(40, 3), file.records.get(2).end());
        assertEveryFlip(file, BLOCK - 80);
        RecordFile split = leaving(60).append(payload(200, 1), 64);
        split.append(payload(40, 3), split.records.get(1).end());
        assertEveryFlip(split, BLOCK - 80);
    }

    private static void assertEveryFlip(RecordFile file, int from) {
        byte[] bytes = Arrays.copyOf(file.bytes(), (int) file.length() + 500);
        for (int bit = from * 8; bit < file.length() * 8; bit++) {
            int place = bit / 8;
            int hit = 0;
            while (file.records.get(hit).end() <= place) {
                hit++;
            }
            long start = file.records.get(hit).offset();
            int before = hit;
            boolean evident = file.records.stream().skip(hit + 1L).anyMatch(record -> record.syncedOffset() > start);
            bytes[place] ^= (byte) (1 << (bit % 8));
            try (RecordReader reader = file.reader(bytes)) {
                List<Read> read = new ArrayList<>();
                if (evident) {
                    assertThatThrownBy(() -> {
                                while (reader.next()) {
                                    read.add(RecordFile.current(reader));
                                }
                            })
                            .as("bit %d", bit)
                            .isInstanceOfSatisfying(CorruptionException.class, damage -> {
                                assertThat(damage.file()).isEqualTo("000007.wal");
                                assertThat(damage.offset())
                                        .isBetween(
                                                start, file.records.get(before).end() - 1);
                            });
                } else {
                    while (reader.next()) {
                        read.add(RecordFile.current(reader));
                    }
                    assertThat(reader.end().offset())
                            .as("bit %d", bit)
                            .isEqualTo(
                                    before == 0
                                            ? FileHeader.BYTES
                                            : file.records.get(before - 1).end());
                }
                assertThat(read).as("bit %d", bit).hasSize(before);
            }
            bytes[place] ^= (byte) (1 << (bit % 8));
        }
    }

    @Test
    void next_afterDamage_goesOnBehindIt() {
        RecordFile file = RecordFile.fresh().append(payload(20, 1), 64).append(payload(20, 2), 64);
        file.append(payload(20, 3), file.length()).append(payload(20, 4), 64);
        byte[] bytes = file.bytes();
        bytes[70] ^= 1;
        try (RecordReader reader = file.reader(bytes)) {
            assertThatThrownBy(reader::next)
                    .isInstanceOf(CorruptionException.class)
                    .hasMessageContaining(
                            "000007.wal at offset 64: the header of a fragment is wrong, but the record at offset "
                                    + file.records.get(2).offset() + " says that the first "
                                    + file.records.get(1).end()
                                    + " bytes had been synced");
            List<Read> rest = RecordFile.readAll(reader);
            assertThat(rest).extracting(Read::ordinal).containsExactly(3L, 4L);
        }
    }

    @Test
    void evidence_withATornPayload_isStillEvidence() {
        RecordFile file = RecordFile.fresh().append(payload(20, 1), 64);
        file.append(payload(3 * BLOCK, 2), file.length());
        byte[] bytes = file.bytes();
        bytes[70] ^= 1;
        Arrays.fill(bytes, 300, bytes.length, (byte) 0);
        try (RecordReader reader = file.reader(bytes)) {
            assertThatThrownBy(reader::next).isInstanceOf(CorruptionException.class);
        }
    }

    /** A value may hold anything, so also what this file's own records look like. */
    @Test
    void evidence_copiedIntoAValue_isNone() {
        RecordFile past = RecordFile.fresh().append(payload(20, 1), 64);
        past.append(payload(20, 2), past.length()).append(payload(20, 3), past.length());
        byte[] quoted = past.bytes();
        RecordFile file = RecordFile.fresh().append(payload(20, 1), 64).append(quoted, 64);
        byte[] bytes = file.bytes();
        bytes[70] ^= 1;
        try (RecordReader reader = file.reader(bytes)) {
            assertThat(reader.next()).isFalse();
            assertThat(reader.end().reason()).isEqualTo(Reason.BAD_FRAGMENT);
        }
    }

    @Test
    void recycledFile_itsPast_isNeitherDataNorDamage() {
        for (long seed = 1; seed <= 30; seed++) {
            Random random = new Random(seed);
            FileHeader old = FileHeader.plain("BEACHWAL", 1, RecordFile.HEADER.databaseId(), 6);
            RecordFile past = new RecordFile(old, new byte[0]);
            // Records of the same lengths, so that the old ones lie exactly where the new ones could go on.
            int length = 1 + random.nextInt(3000);
            for (int i = 0; i < 60; i++) {
                past.append(payload(length, i), past.length());
            }
            RecordFile file = new RecordFile(RecordFile.HEADER, past.allBytes());
            int count = random.nextInt(50);
            for (int i = 0; i < count; i++) {
                file.append(payload(length, i), 64);
            }
            try (RecordReader reader = file.reader(file.allBytes())) {
                assertThat(RecordFile.readAll(reader)).hasSize(count);
                assertThat(reader.end().offset()).isEqualTo(file.length());
                assertThat(reader.end().reason()).isIn(Reason.STALE, Reason.BAD_FRAGMENT);
            }
        }
    }

    @Test
    void fragment_ofAnotherDatabase_isNotRead() {
        RecordFile file = RecordFile.fresh().append(payload(20, 1), 64);
        FileHeader other = FileHeader.plain("BEACHWAL", 1, new DatabaseId(1, 2), 7);
        RecordFile reading = new RecordFile(other, file.bytes());
        try (RecordReader reader = reading.reader(reading.allBytes())) {
            assertThat(reader.next()).isFalse();
        }
    }

    @Test
    void ordinal_thatDoesNotGrowByOne_isDamage() {
        RecordFile file = RecordFile.fresh().append(payload(9, 1), 5, 64, 0).append(payload(9, 1), 7, 64, 0);
        try (RecordReader reader = file.reader(file.bytes())) {
            assertThat(reader.next()).isTrue();
            assertThatThrownBy(reader::next)
                    .isInstanceOf(CorruptionException.class)
                    .hasMessageContaining("record ordinal is 7, expected 6");
        }
    }

    @Test
    void record_overTheLimit_isDamageBeforeMemoryIsTaken() {
        RecordFile file = RecordFile.fresh().append(payload(200_000, 1), 64);
        try (RecordReader reader = file.reader(file.bytes(), 100_000)) {
            long before = file.account.usedBytes();
            assertThatThrownBy(reader::next)
                    .isInstanceOf(CorruptionException.class)
                    .hasMessageContaining("longer than 100000 bytes");
            assertThat(file.account.usedBytes() - before).isLessThan(300_000);
            assertThat(reader.next()).isFalse();
        }
        assertThat(file.account.usedBytes()).isZero();
    }

    @Test
    void garbage_ofAnyKind_endsTheRecords() {
        for (long seed = 1; seed <= 200; seed++) {
            RecordFile file = RecordFile.fresh().append(payload(20, 1), 64);
            byte[] bytes = Arrays.copyOf(file.bytes(), (int) file.length() + 40_000);
            byte[] garbage = payload(40_000, seed);
            if (seed % 2 == 0) {
                // Fields that are nearly right.
                Bytes.putU32(MemorySegment.ofArray(garbage), FragmentFormat.FILE_NUMBER_OFFSET, 7);
                garbage[FragmentFormat.TYPE_OFFSET] = (byte) (seed % 6);
                garbage[FragmentFormat.RESERVED_OFFSET] = 0;
            }
            System.arraycopy(garbage, 0, bytes, (int) file.length(), garbage.length);
            try (RecordReader reader = file.reader(bytes)) {
                assertThat(RecordFile.readAll(reader)).as("seed %d", seed).hasSize(1);
            }
        }
    }

    @Test
    void end_beforeTheRecordsWereRead_isRefused() {
        RecordFile file = RecordFile.fresh();
        try (RecordReader reader = file.reader(file.bytes())) {
            assertThatThrownBy(reader::end).isInstanceOf(IllegalStateException.class);
            assertThat(reader.next()).isFalse();
            assertThat(reader.end()).isEqualTo(new RecordReader.End(64, 64, Reason.FILE_END, "the file ends"));
        }
    }

    /** The worked example of docs/formats/framing.md. */
    @Test
    void example_ofTheFormatPage_isWhatIsWritten() throws java.io.IOException {
        String page = java.nio.file.Files.readString(java.nio.file.Path.of("..", "docs", "formats", "framing.md"));
        StringBuilder hex = new StringBuilder();
        page.lines()
                .dropWhile(line -> !line.startsWith("## A worked example"))
                .filter(line -> line.matches("\\d+ +([0-9a-f]{2} )+.*"))
                .forEach(line -> hex.append(line.substring(8, 32).replace(" ", "")));
        FileHeader header =
                FileHeader.plain("BEACHWAL", 1, new DatabaseId(0x0123456789abcdefL, 0xfedcba9876543210L), 12);
        byte[] payload = {2, 'b', 'e', 'a', 'c', 'h'};
        RecordFile file = new RecordFile(header, new byte[0]).append(payload, 5, 64, 1000);
        assertThat(hex.toString()).isEqualTo(HexFormat.of().formatHex(file.bytes()));
    }
}
