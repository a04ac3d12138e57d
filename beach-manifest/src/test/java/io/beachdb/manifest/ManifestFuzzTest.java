package io.beachdb.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.Keys;
import io.beachdb.base.format.RecordFramer;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.manifest.EditField.AddedTable;
import io.beachdb.manifest.EditField.DroppedTable;
import io.beachdb.manifest.EditField.KeyOrder;
import io.beachdb.manifest.EditField.LastSequence;
import io.beachdb.manifest.EditField.MovedTable;
import io.beachdb.manifest.EditField.NextFileNumber;
import io.beachdb.manifest.EditField.OldestLog;
import io.beachdb.manifest.EditField.SnapshotEnd;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/** CURRENT and MANIFEST of arbitrary bytes, under right checksums. {@code scripts/fuzz} looks for more inputs. */
public class ManifestFuzzTest {
    private static final int MAX_INPUT_BYTES = 16 << 10;
    private static final long MAX_BYTES = 4 << 20;
    private static final long NUMBER = 7;
    private static final ManifestFixture FIXTURE = new ManifestFixture();

    private static void read() {
        try {
            RecoveredManifest found = FIXTURE.read();
            assertThat(found).isNotNull();
        } catch (CorruptionException | UnsupportedFormatException e) {
            assertThat(e).hasMessageStartingWith(ManifestFixture.PATH + "/");
        }
        assertThat(FIXTURE.account.usedBytes()).isZero();
        assertThat(FIXTURE.budget.peakBytes()).isLessThan(MAX_BYTES);
    }

    /** The bytes are records, each behind two bytes of length, the high one first. */
    public static final class Records {
        private Records() {}

        public static void fuzzerTestOneInput(byte[] input) {
            if (input.length > MAX_INPUT_BYTES) {
                return;
            }
            install(FileName.CURRENT, ManifestFormat.CURRENT_MAGIC, new byte[0]);
            install(FileName.manifest(NUMBER), ManifestFormat.MANIFEST_MAGIC, input);
            read();
            try {
                ManifestDump.dump(FIXTURE.directory, FileName.manifest(NUMBER), FIXTURE.account, line -> {});
            } catch (UnsupportedFormatException e) {
                assertThat(e).hasMessageStartingWith(ManifestFixture.PATH + "/");
            }
        }

        private static void install(String name, String magic, byte[] records) {
            FileHeader header = FileHeader.plain(magic, 1, ManifestFixture.ID, NUMBER);
            NativeBlock file = FIXTURE.account.acquire(MemoryUse.SCRATCH, 1 << 20);
            NativeBlock payload = FIXTURE.account.acquire(MemoryUse.SCRATCH, 64 << 10);
            header.write(file.memory(), 0);
            RecordFramer framer = new RecordFramer(header);
            int size = FileHeader.BYTES;
            long ordinal = 1;
            for (int at = 0; at + 2 < records.length; ) {
                int claimed = (records[at] & 0xFF) * 256 + (records[at + 1] & 0xFF);
                int length = Math.min(Math.max(1, claimed), records.length - at - 2);
                MemorySegment.copy(records, at + 2, payload.memory(), ValueLayout.JAVA_BYTE, 0, length);
                int checksum = Checksum.crc32c(payload.memory(), 0, length);
                size += framer.append(file, size, size, payload.memory(), 0, length, checksum, ordinal++, size, 0);
                at += 2 + length;
            }
            byte[] bytes = file.memory().asSlice(0, size).toArray(ValueLayout.JAVA_BYTE);
            FIXTURE.account.release(MemoryUse.SCRATCH, payload);
            FIXTURE.account.release(MemoryUse.SCRATCH, file);
            FIXTURE.install(name, bytes);
        }

        /** Returns inputs to begin with: an empty database, and one with all kinds of fields. */
        public static List<byte[]> seeds() {
            TableEntry three = ManifestFixture.entry(3, "a", "b", 1, 2);
            byte[] snapshot = record(
                    ManifestFormat.SNAPSHOT,
                    new KeyOrder(Keys.ORDER_NAME),
                    new OldestLog(2, false),
                    new NextFileNumber(10),
                    new LastSequence(50),
                    new SnapshotEnd(0));
            byte[] edits = joined(
                    record(ManifestFormat.EDIT, new AddedTable(0, three)),
                    record(ManifestFormat.EDIT, new MovedTable(0, 1, 3), new LastSequence(60)),
                    record(ManifestFormat.EDIT, new DroppedTable(1, 3)),
                    record(ManifestFormat.END));
            return List.of(snapshot, joined(snapshot, edits), new byte[] {0, 1, ManifestFormat.END});
        }

        private static byte[] record(int kind, EditField... fields) {
            NativeBlock block = FIXTURE.account.acquire(MemoryUse.SCRATCH, 4096);
            Bytes.putU8(block.memory(), 0, kind);
            long length = 1;
            for (EditField field : fields) {
                length = FieldEncoder.put(block.memory(), length, field);
            }
            byte[] payload = block.memory().asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
            FIXTURE.account.release(MemoryUse.SCRATCH, block);
            return joined(new byte[] {(byte) (length >> 8), (byte) length}, payload);
        }

        private static byte[] joined(byte[]... parts) {
            List<Byte> all = new ArrayList<>();
            for (byte[] part : parts) {
                for (byte b : part) {
                    all.add(b);
                }
            }
            byte[] bytes = new byte[all.size()];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = all.get(i);
            }
            return bytes;
        }
    }

    /** The bytes are CURRENT, with the checksum of a header. */
    public static final class Current {
        private Current() {}

        public static void fuzzerTestOneInput(byte[] input) {
            byte[] file = input.clone();
            if (file.length >= FileHeader.BYTES) {
                CRC32C crc = new CRC32C();
                crc.update(file, 0, FileHeader.BYTES - 4);
                ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putInt(FileHeader.BYTES - 4, (int) crc.getValue());
            }
            Records.install(
                    FileName.manifest(NUMBER),
                    ManifestFormat.MANIFEST_MAGIC,
                    Records.seeds().getFirst());
            FIXTURE.install(FileName.CURRENT, file);
            read();
        }

        /** Returns inputs to begin with: a right one, and a part of it. */
        public static List<byte[]> seeds() {
            Records.install(FileName.CURRENT, ManifestFormat.CURRENT_MAGIC, new byte[0]);
            byte[] right = FIXTURE.bytes(FileName.CURRENT);
            byte[] wrongNumber = right.clone();
            Arrays.fill(wrongNumber, 48, 56, (byte) 0x57); // a number that no file can have
            return List.of(right, Arrays.copyOf(right, 40), wrongNumber);
        }
    }

    /** The first byte says whether checksums are set right; the rest is MANIFEST as it stands on disk, framing and all. */
    public static final class Framing {
        private static final int BLOCK_BYTES = 32 << 10;
        private static final int FIRST_HEADER_BYTES = 40; // of a record's first fragment; else:
        private static final int HEADER_BYTES = 16;

        private Framing() {}

        public static void fuzzerTestOneInput(byte[] input) {
            if (input.length == 0) {
                return;
            }
            byte[] file = Arrays.copyOfRange(input, 1, input.length);
            if (input[0] % 2 == 0) {
                seal(file);
            }
            Records.install(FileName.CURRENT, ManifestFormat.CURRENT_MAGIC, new byte[0]);
            FIXTURE.install(FileName.manifest(NUMBER), file);
            read();
        }

        /** Sets the checksums of docs/formats/framing.md right, along the lengths of fragments as they stand. */
        private static void seal(byte[] file) {
            if (file.length < FileHeader.BYTES) {
                return;
            }
            ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
            int salt = crc(file, 0, FileHeader.BYTES - 4);
            bytes.putInt(FileHeader.BYTES - 4, salt);
            int at = FileHeader.BYTES;
            while (true) {
                int rest = BLOCK_BYTES - at % BLOCK_BYTES;
                at += rest <= FIRST_HEADER_BYTES ? rest : 0;
                if (at + HEADER_BYTES > file.length) {
                    return;
                }
                boolean first = file[at + 14] == 1 || file[at + 14] == 2;
                int payload = at + (first ? FIRST_HEADER_BYTES : HEADER_BYTES);
                int end = payload + Short.toUnsignedInt(bytes.getShort(at + 12));
                if (end > file.length) {
                    return;
                }
                bytes.putInt(at + 4, crc(file, payload, end));
                bytes.putInt(at, crc(file, at + 4, payload) ^ salt ^ at);
                at = end;
            }
        }

        private static int crc(byte[] bytes, int from, int to) {
            CRC32C crc = new CRC32C();
            crc.update(bytes, from, to - from);
            return (int) crc.getValue();
        }

        /** Returns inputs to begin with: whole files, under checksums that are set or kept, and the beginning of one. */
        public static List<byte[]> seeds() {
            List<byte[]> seeds = new ArrayList<>();
            for (byte[] records : Records.seeds()) {
                Records.install(FileName.manifest(NUMBER), ManifestFormat.MANIFEST_MAGIC, records);
                byte[] file = FIXTURE.bytes(FileName.manifest(NUMBER));
                byte[] seed = Records.joined(new byte[] {0}, file);
                seeds.add(seed);
                seeds.add(Records.joined(new byte[] {1}, file));
                seeds.add(Arrays.copyOf(seed, seed.length - 5));
            }
            return seeds;
        }
    }

    @Test
    void framing_ofKnownInputs_endsInAVersionOrANamedException() {
        for (byte[] seed : Framing.seeds()) {
            Framing.fuzzerTestOneInput(seed);
            byte[] whole = Arrays.copyOfRange(seed, 1, seed.length);
            byte[] sealed = whole.clone();
            Framing.seal(sealed);
            assertThat(sealed).as("checksums set right").isEqualTo(whole);
        }
    }

    @Test
    void records_ofKnownInputs_endInAVersionOrANamedException() {
        Records.seeds().forEach(Records::fuzzerTestOneInput);
    }

    @Test
    void current_ofKnownInputs_endsInAVersionOrANamedException() {
        Current.seeds().forEach(Current::fuzzerTestOneInput);
    }
}
