package io.beachdb.manifest;

import static io.beachdb.manifest.ManifestFixture.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.BeachException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FileName;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every bit of a small MANIFEST and CURRENT flipped, and every truncation: what must come of each is said here. */
class ManifestDamageTest {
    private static final String MANIFEST = "MANIFEST-000001";

    private final ManifestFixture fixture = new ManifestFixture();
    private final List<Map<String, Object>> states = new ArrayList<>(); // after the snapshot, and after each edit
    private final List<Integer> ends = new ArrayList<>(); // of the records that made them

    @BeforeEach
    void threeEdits() {
        FileNumbers numbers = FileNumbers.above(1, List.of());
        try (ManifestWriter writer = fixture.createWhole(numbers)) {
            note(writer);
            for (long i = 0; i < 3; i++) {
                TableEntry entry = entry(numbers.next(), "a" + i, "b" + i, 10 * i, 10 * i + 9);
                VersionEdit.Builder edit = VersionEdit.builder()
                        .addTable(0, entry, fixture.file(entry))
                        .lastSequence(10 * i + 9);
                writer.append(edit.build());
                note(writer);
            }
        }
    }

    @AfterEach
    void close() {
        assertThat(fixture.account.usedBytes()).isZero();
        fixture.close();
    }

    private void note(ManifestWriter writer) {
        states.add(ManifestFixture.state(writer.version()));
        ends.add(fixture.bytes(MANIFEST).length);
    }

    private void checkReads(int edits, String what) {
        RecoveredManifest recovered = fixture.readWhole();
        assertThat(ManifestFixture.state(recovered.version())).as(what).isEqualTo(states.get(edits));
        assertThat(recovered.edits()).as(what).isEqualTo(edits);
        assertThat(recovered.endOffset()).as(what).isGreaterThanOrEqualTo(ends.get(edits));
    }

    private void checkRefused(String file, String what) {
        assertThatThrownBy(fixture::read, what)
                .isInstanceOfSatisfying(
                        CorruptionException.class, e -> assertThat(e.file()).isEqualTo(fixture.directory.pathOf(file)));
    }

    @Test
    void read_bitFlippedInManifestClosedCleanly_isDamage_butInItsLastRecord() {
        byte[] whole = fixture.bytes(MANIFEST);
        assertThat(whole.length).as("an end record").isGreaterThan(ends.getLast());
        for (int bit = 0; bit < 8 * whole.length; bit++) {
            fixture.install(MANIFEST, flipped(whole, bit));
            if (bit / 8 < ends.getLast()) {
                checkRefused(MANIFEST, "bit " + bit);
            } else {
                checkReads(3, "bit " + bit); // the end record torn: all that was acknowledged is there
            }
        }
    }

    @Test
    void read_bitFlippedInManifestNotClosed_isDamage_butInTheLastEditATornTail() {
        byte[] whole = Arrays.copyOf(fixture.bytes(MANIFEST), ends.getLast());
        fixture.install(MANIFEST, whole);
        checkReads(3, "as it is");
        for (int bit = 0; bit < 8 * whole.length; bit++) {
            fixture.install(MANIFEST, flipped(whole, bit));
            if (bit / 8 < ends.get(2)) {
                checkRefused(MANIFEST, "bit " + bit);
            } else {
                checkReads(2, "bit " + bit); // nothing behind it says that it had been synced
            }
        }
    }

    @Test
    void read_manifestCut_keepsTheWholeEdits() {
        byte[] whole = fixture.bytes(MANIFEST);
        for (int length = 0; length < whole.length; length++) {
            fixture.install(MANIFEST, Arrays.copyOf(whole, length));
            int edits = -1;
            for (int i = 0; i < ends.size(); i++) {
                edits = ends.get(i) <= length ? i : edits;
            }
            if (edits < 0) {
                checkRefused(
                        MANIFEST, "cut at " + length); // CURRENT leads to a snapshot only once all of it is on disk
            } else {
                checkReads(edits, "cut at " + length);
            }
        }
    }

    @Test
    void read_zerosInsteadOfATail_keepsTheWholeEdits() {
        byte[] whole = fixture.bytes(MANIFEST);
        byte[] zeroed = whole.clone();
        Arrays.fill(zeroed, ends.get(1) + 5, whole.length, (byte) 0);
        fixture.install(MANIFEST, zeroed);
        checkReads(1, "zeros");
        assertThat(fixture.readWhole().end()).startsWith("torn tail of ");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 40, 1000, 70_000})
    void read_bytesBehindTheEndRecord_areDamage(int more) {
        byte[] whole = fixture.bytes(MANIFEST);
        fixture.install(MANIFEST, Arrays.copyOf(whole, whole.length + more));
        assertThatThrownBy(fixture::read)
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining(MANIFEST + " at offset " + whole.length + ": the file was closed here, and "
                        + more + " bytes follow");
    }

    @Test
    void read_bitFlippedInCurrent_isRefused() {
        byte[] whole = fixture.bytes(FileName.CURRENT);
        assertThat(whole).hasSize(FileHeader.BYTES);
        for (int bit = 0; bit < 8 * whole.length; bit++) {
            fixture.install(FileName.CURRENT, flipped(whole, bit));
            checkRefused(FileName.CURRENT, "bit " + bit);
        }
    }

    @Test
    void read_currentOfOtherLength_isRefused() {
        byte[] whole = fixture.bytes(FileName.CURRENT);
        for (int length = 0; length < whole.length + 3; length++) {
            if (length != whole.length) {
                fixture.install(FileName.CURRENT, Arrays.copyOf(whole, length));
                checkRefused(FileName.CURRENT, "length " + length);
            }
        }
        fixture.install(FileName.CURRENT, new byte[whole.length]); // what an unsynced CURRENT was found to be elsewhere
        checkRefused(FileName.CURRENT, "zeros");
    }

    @Test
    void dump_anyBitFlipped_showsTheFileToItsEnd() {
        byte[] whole = fixture.bytes(MANIFEST);
        for (int bit = 0; bit < 8 * whole.length; bit += 3) {
            fixture.install(MANIFEST, flipped(whole, bit));
            List<String> lines = new ArrayList<>();
            boolean undamaged = ManifestDump.dump(fixture.directory, MANIFEST, fixture.account, lines::add);
            assertThat(undamaged).as("bit " + bit).isEqualTo(bit / 8 >= ends.getLast());
            assertThat(String.join("\n", lines)).as("bit " + bit).contains(undamaged ? "TORN TAIL" : "DAMAGE");
        }
    }

    /** Of every cut, the dump calls damaged what an opening refuses, the opening part not whole too. */
    @Test
    void dump_ofEveryCut_agreesWithTheReader() {
        byte[] whole = fixture.bytes(MANIFEST);
        for (int length = 0; length < whole.length; length++) {
            fixture.install(MANIFEST, Arrays.copyOf(whole, length));
            List<String> lines = new ArrayList<>();
            boolean undamaged = ManifestDump.dump(fixture.directory, MANIFEST, fixture.account, lines::add);
            assertThat(undamaged).as("cut at " + length).isEqualTo(length >= ends.getFirst());
            if (!undamaged) {
                checkRefused(MANIFEST, "cut at " + length);
                assertThat(lines.getLast()).as("cut at " + length).contains("DAMAGE");
            }
        }
        fixture.install(MANIFEST, Arrays.copyOf(whole, ends.getFirst() - 1));
        List<String> lines = new ArrayList<>();
        ManifestDump.dump(fixture.directory, MANIFEST, fixture.account, lines::add);
        assertThat(lines.getLast()).contains("the snapshot that the file begins with ends here and is not whole");
    }

    @Test
    void dump_bytesBehindTheEndRecord_orAnotherName_isDamage() {
        byte[] whole = fixture.bytes(MANIFEST);
        fixture.install(MANIFEST, Arrays.copyOf(whole, whole.length + 40));
        fixture.install("MANIFEST-000099", whole);
        List<String> lines = new ArrayList<>();
        assertThat(ManifestDump.dump(fixture.directory, MANIFEST, fixture.account, lines::add))
                .isFalse();
        assertThat(lines.getLast()).contains("DAMAGE", "the file was closed here, and 40 bytes follow");
        assertThat(ManifestDump.dump(fixture.directory, "MANIFEST-000099", fixture.account, lines::add))
                .isFalse();
        assertThat(lines).anySatisfy(line -> assertThat(line).contains("DAMAGE", "its name says 99"));
    }

    @Test
    void read_refused_changesNothing() {
        fixture.install(MANIFEST, flipped(fixture.bytes(MANIFEST), 900));
        List<String> names = fixture.directory.list();
        byte[] before = fixture.bytes(MANIFEST);
        assertThatThrownBy(fixture::read).isInstanceOf(BeachException.class);
        assertThat(fixture.directory.list()).isEqualTo(names);
        assertThat(fixture.bytes(MANIFEST)).isEqualTo(before);
    }

    private static byte[] flipped(byte[] bytes, int bit) {
        byte[] copy = bytes.clone();
        copy[bit / 8] ^= (byte) (1 << (bit % 8));
        return copy;
    }
}
