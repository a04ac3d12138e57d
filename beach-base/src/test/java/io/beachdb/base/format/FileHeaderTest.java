package io.beachdb.base.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.UnsupportedFormatException;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;

class FileHeaderTest {
    private static final String MAGIC = "BEACHWAL";
    private static final DatabaseId ID = new DatabaseId(0x0123456789abcdefL, 0xfedcba9876543210L);
    private static final FileHeader HEADER = new FileHeader(MAGIC, 3, 0b101, 0xF0, ID, 12);

    private final MemorySegment memory = MemorySegment.ofArray(new byte[FileHeader.BYTES + 11]);

    private FileHeader read(int newestVersion, long knownFeatures) {
        return FileHeader.read(memory, 5, "000012.wal", 4096, MAGIC, newestVersion, knownFeatures);
    }

    private void reseal() {
        Bytes.putU32(memory, 5 + 60, Checksum.crc32c(memory, 5, 60));
    }

    @Test
    void read_whatWasWritten_isTheHeader() {
        HEADER.write(memory, 5);
        assertThat(read(3, 0b101)).isEqualTo(HEADER);
        assertThat(read(9, -1)).isEqualTo(HEADER);
        assertThat(HEADER.checksum()).isEqualTo(Bytes.getU32(memory, 5 + 60));
        assertThat(Bytes.getU8(memory, 4)).as("nothing is written around it").isZero();
        assertThat(Bytes.getU8(memory, 5 + FileHeader.BYTES)).isZero();
    }

    @Test
    void read_randomHeaders_areWhatWasWritten() {
        SplittableRandom random = new SplittableRandom(20261122);
        for (int i = 0; i < 1000; i++) {
            FileHeader header = new FileHeader(
                    MAGIC,
                    1 + random.nextInt(Integer.MAX_VALUE),
                    random.nextLong(),
                    random.nextLong(),
                    new DatabaseId(random.nextLong(), random.nextLong()),
                    random.nextLong());
            header.write(memory, 5);
            assertThat(read(Integer.MAX_VALUE, -1)).isEqualTo(header);
        }
    }

    @Test
    void read_anyBitFlipped_isCorruption() {
        for (int bit = 0; bit < FileHeader.BYTES * 8; bit++) {
            HEADER.write(memory, 5);
            Bytes.putU8(memory, 5 + bit / 8, Bytes.getU8(memory, 5 + bit / 8) ^ 1 << bit % 8);
            assertThat(Assertions.catchThrowable(() -> read(9, -1)))
                    .as("bit %s", bit)
                    .isInstanceOfSatisfying(CorruptionException.class, thrown -> {
                        assertThat(thrown.file()).isEqualTo("000012.wal");
                        assertThat(thrown.offset()).isEqualTo(4096);
                    });
        }
    }

    @Test
    void read_anotherKindOfFile_saysWhatItIs() {
        FileHeader.plain("BEACHSST", 1, ID, 12).write(memory, 5);
        assertThatThrownBy(() -> read(3, 0))
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining("000012.wal at offset 4096")
                .hasMessageContaining("'BEACHWAL'")
                .hasMessageContaining("BEACHSST");
        memory.fill((byte) 0);
        assertThatThrownBy(() -> read(3, 0))
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining("\\x00");
    }

    @Test
    void read_wrongChecksum_saysBoth() {
        HEADER.write(memory, 5);
        int right = HEADER.checksum();
        Bytes.putU32(memory, 5 + 60, right ^ 1);
        assertThatThrownBy(() -> read(3, 0b101))
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining(Checksum.hex(right))
                .hasMessageContaining(Checksum.hex(right ^ 1));
    }

    @Test
    void read_newerVersion_isRefusedWithBoth() {
        for (int version : new int[] {4, 77, -1, 0}) {
            HEADER.write(memory, 5);
            Bytes.putU32(memory, 5 + 8, version);
            reseal();
            assertThatThrownBy(() -> read(3, 0b101))
                    .as("version %s", version)
                    .isInstanceOf(UnsupportedFormatException.class)
                    .hasMessageContaining("format version " + Integer.toUnsignedString(version) + ", ")
                    .hasMessageContaining("1 to 3");
        }
    }

    @Test
    void read_unknownRequiredFeature_isRefusedByBit() {
        HEADER.write(memory, 5);
        assertThatThrownBy(() -> read(3, 0b001))
                .isInstanceOf(UnsupportedFormatException.class)
                .hasMessageContaining("feature bits 0x4,");
    }

    @Test
    void read_reservedNotZero_isCorruption() {
        for (int at : new int[] {12, 56}) {
            HEADER.write(memory, 5);
            Bytes.putU32(memory, 5 + at, 1 << 30);
            reseal();
            assertThatThrownBy(() -> read(3, 0b101))
                    .isInstanceOf(CorruptionException.class)
                    .hasMessageContaining("reserved");
        }
    }

    @Test
    void read_memoryTooShort_isNoHeader() {
        HEADER.write(memory, 5);
        MemorySegment cut = memory.asSlice(5, FileHeader.BYTES - 1);
        assertThatThrownBy(() -> FileHeader.read(cut, 0, "f", 0, MAGIC, 3, -1))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void checkIdentity_otherDatabaseOrNumber_isCorruptionThatNamesBoth() {
        HEADER.checkIdentity("000012.wal", 0, ID, 12);
        DatabaseId other = new DatabaseId(1, 2);
        assertThatThrownBy(() -> HEADER.checkIdentity("000012.wal", 0, other, 12))
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining(ID.toString())
                .hasMessageContaining(other.toString());
        assertThatThrownBy(() -> HEADER.checkIdentity("000013.wal", 0, ID, 13))
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining("12")
                .hasMessageContaining("13");
    }

    @Test
    void magic_notEightAsciiCharacters_isRefused() {
        for (String magic : new String[] {"", "BEACH", "BEACHWAL2", "BEACHW\u00c4L", "BEACH\0AL"}) {
            assertThatThrownBy(() -> FileHeader.plain(magic, 1, ID, 1)).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
