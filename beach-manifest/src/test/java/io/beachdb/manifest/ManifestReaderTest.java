package io.beachdb.manifest;

import static io.beachdb.manifest.ManifestFixture.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.StorageException;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.Keys;
import io.beachdb.base.format.RecordFramer;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.manifest.EditField.AddedTable;
import io.beachdb.manifest.EditField.DroppedTable;
import io.beachdb.manifest.EditField.KeyOrder;
import io.beachdb.manifest.EditField.LastSequence;
import io.beachdb.manifest.EditField.NextFileNumber;
import io.beachdb.manifest.EditField.OldestLog;
import io.beachdb.manifest.EditField.SnapshotEnd;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ManifestReaderTest {
    private static final String MANIFEST = "MANIFEST-000007";

    private final ManifestFixture fixture = new ManifestFixture();

    @AfterEach
    void close() {
        assertThat(fixture.account.usedBytes()).isZero();
        fixture.close();
    }

    /** A record as it could only come from a faulty or newer writer. */
    record Raw(int kind, List<EditField> fields, long ordinal, long sequence) {
        static Raw snapshot(EditField... fields) {
            return new Raw(ManifestFormat.SNAPSHOT, List.of(fields), 0, 0);
        }

        static Raw edit(EditField... fields) {
            return new Raw(ManifestFormat.EDIT, List.of(fields), 0, 0);
        }

        static Raw end(EditField... fields) {
            return new Raw(ManifestFormat.END, List.of(fields), 0, 0);
        }
    }

    /** Puts a manifest of these records and a CURRENT that leads to it in place. */
    private void install(List<Raw> records) {
        FileHeader header =
                FileHeader.plain(ManifestFormat.MANIFEST_MAGIC, ManifestFormat.VERSION, ManifestFixture.ID, 7);
        installCurrent(ManifestFixture.ID, 7);
        NativeBlock file = fixture.account.acquire(MemoryUse.SCRATCH, 64 << 10);
        NativeBlock payload = fixture.account.acquire(MemoryUse.SCRATCH, 64 << 10);
        header.write(file.memory(), 0);
        RecordFramer framer = new RecordFramer(header);
        int size = FileHeader.BYTES;
        for (int i = 0; i < records.size(); i++) {
            Raw record = records.get(i);
            Bytes.putU8(payload.memory(), 0, record.kind);
            long length = 1;
            for (EditField field : record.fields) {
                length = FieldEncoder.put(payload.memory(), length, field);
            }
            size += framer.append(
                    file,
                    size,
                    size,
                    payload.memory(),
                    0,
                    length,
                    Checksum.crc32c(payload.memory(), 0, length),
                    record.ordinal == 0 ? i + 1 : record.ordinal,
                    size,
                    record.sequence);
        }
        byte[] bytes = file.memory().asSlice(0, size).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
        fixture.account.release(MemoryUse.SCRATCH, payload);
        fixture.account.release(MemoryUse.SCRATCH, file);
        fixture.install(MANIFEST, bytes);
    }

    private void installCurrent(DatabaseId id, long manifest) {
        installHeader(FileName.CURRENT, FileHeader.plain(ManifestFormat.CURRENT_MAGIC, 1, id, manifest));
    }

    private void installHeader(String name, FileHeader header) {
        NativeBlock block = fixture.account.acquire(MemoryUse.SCRATCH, FileHeader.BYTES);
        header.write(block.memory(), 0);
        byte[] bytes = block.memory().asSlice(0, FileHeader.BYTES).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
        fixture.account.release(MemoryUse.SCRATCH, block);
        fixture.install(name, bytes);
    }

    private static final EditField ORDER = new KeyOrder(Keys.ORDER_NAME);
    private static final Raw EMPTY = Raw.snapshot(ORDER, new SnapshotEnd(0));

    @Test
    void read_snapshotInParts_andEdits() {
        fixture.file(entry(3, "a", "b", 1, 2));
        fixture.file(entry(4, "c", "d", 1, 2));
        install(List.of(
                Raw.snapshot(
                        ORDER,
                        new NextFileNumber(10),
                        new LastSequence(50),
                        new AddedTable(1, entry(3, "a", "b", 1, 2))),
                Raw.snapshot(new AddedTable(1, entry(4, "c", "d", 1, 2))),
                Raw.snapshot(new SnapshotEnd(2)),
                Raw.edit(new DroppedTable(1, 3)),
                Raw.end()));
        RecoveredManifest recovered = fixture.readWhole();
        assertThat(recovered.version().tableNames()).containsExactly("000004.sst");
        assertThat(recovered.databaseId()).isEqualTo(ManifestFixture.ID);
        assertThat(recovered.manifestNumber()).isEqualTo(7);
        assertThat(recovered.fileNumbers().next()).isEqualTo(10);
    }

    record Bad(String expected, List<Raw> records) {
        Bad(String expected, Raw... records) {
            this(expected, List.of(records));
        }

        @Override
        public String toString() {
            return expected;
        }
    }

    static List<Bad> bad() {
        EditField table = new AddedTable(1, entry(3, "a", "b", 1, 2));
        return List.of(
                new Bad("the snapshot that the file begins with ends here and is not whole (the file ends)"),
                new Bad("the snapshot that the file begins with ends here", Raw.snapshot(ORDER)),
                new Bad("an edit stands inside the snapshot", Raw.snapshot(ORDER), Raw.edit()),
                new Bad("the end record stands inside the snapshot", Raw.snapshot(ORDER), Raw.end()),
                new Bad("a part of a snapshot stands behind the snapshot's end", EMPTY, EMPTY),
                new Bad("an edit stands behind the end record", EMPTY, Raw.end(), Raw.edit()),
                new Bad("the end record stands behind the end record", EMPTY, Raw.end(), Raw.end()),
                new Bad("the end record has a field", EMPTY, Raw.end(new LastSequence(1))),
                new Bad("an edit ends a snapshot", EMPTY, Raw.edit(new SnapshotEnd(0))),
                new Bad("the key order is named again", EMPTY, Raw.edit(ORDER)),
                new Bad("the first record does not name the key order", Raw.snapshot(new SnapshotEnd(0))),
                new Bad("the snapshot ends with 0 tables, it should have 1", Raw.snapshot(ORDER, new SnapshotEnd(1))),
                new Bad(
                        "V4: there is table 3, the next file number is 1",
                        Raw.snapshot(ORDER, new LastSequence(9), table, new SnapshotEnd(1))),
                new Bad(
                        "V5: last sequence goes back from 2 to 1",
                        EMPTY,
                        Raw.edit(new LastSequence(2)),
                        Raw.edit(new LastSequence(1))),
                new Bad("V6: table 3 is to leave level 1 and is not there", EMPTY, Raw.edit(new DroppedTable(1, 3))),
                new Bad("record ordinal is 5, expected 2", EMPTY, new Raw(ManifestFormat.EDIT, List.of(), 5, 0)),
                new Bad(
                        "the first record has ordinal 2, expected 1",
                        new Raw(ManifestFormat.SNAPSHOT, List.of(ORDER, new SnapshotEnd(0)), 2, 0)),
                new Bad(
                        "the record's sequence is 8, a manifest's are 0",
                        EMPTY,
                        new Raw(ManifestFormat.EDIT, List.of(), 0, 8)));
    }

    @ParameterizedTest
    @MethodSource("bad")
    void read_recordsThatDoNotFit_areDamage(Bad bad) {
        install(bad.records);
        assertThatThrownBy(fixture::read)
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining(MANIFEST + " at offset ")
                .hasMessageContaining(bad.expected);
    }

    @Test
    void read_newerThings_areRefusedByName() {
        install(List.of(EMPTY, new Raw(9, List.of(), 0, 0)));
        assertThatThrownBy(fixture::read)
                .isInstanceOf(UnsupportedFormatException.class)
                .hasMessageContaining("is of kind 9, which this library does not know");
        install(List.of(Raw.snapshot(new KeyOrder("beach.reverse"), new SnapshotEnd(0))));
        assertThatThrownBy(fixture::read)
                .isInstanceOf(UnsupportedFormatException.class)
                .hasMessageContaining(
                        "its keys are in the order 'beach.reverse', this library knows only 'beach.bytewise'");
        installHeader(MANIFEST, FileHeader.plain(ManifestFormat.MANIFEST_MAGIC, 2, ManifestFixture.ID, 7));
        assertThatThrownBy(fixture::read)
                .isInstanceOf(UnsupportedFormatException.class)
                .hasMessageContaining("MANIFEST-000007: format version 2, this library reads 1 to 1");
        installHeader(FileName.CURRENT, new FileHeader(ManifestFormat.CURRENT_MAGIC, 1, 4, 0, ManifestFixture.ID, 7));
        assertThatThrownBy(fixture::read)
                .isInstanceOf(UnsupportedFormatException.class)
                .hasMessageContaining("CURRENT: needs feature bits 0x4");
    }

    @Test
    void read_ignorableFeatureBits_areIgnored() {
        install(List.of(EMPTY));
        installHeader(
                FileName.CURRENT, new FileHeader(ManifestFormat.CURRENT_MAGIC, 1, 0, 0xFF, ManifestFixture.ID, 7));
        assertThat(fixture.readWhole().version().tableCount()).isZero();
    }

    @Test
    void read_manifestOfAnotherDatabaseOrNumber_isRefused() {
        install(List.of(EMPTY));
        installCurrent(new DatabaseId(1, 2), 7);
        assertThatThrownBy(fixture::read)
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining("MANIFEST-000007 at offset 0: belongs to database " + ManifestFixture.ID);
        installCurrent(ManifestFixture.ID, 8);
        assertThatThrownBy(fixture::read)
                .isInstanceOf(CorruptionException.class)
                .hasMessage(
                        fixture.directory.pathOf("CURRENT") + ": names " + fixture.directory.pathOf("MANIFEST-000008")
                                + ", which is not there. " + CorruptionException.RESTORE_DIRECTORY);
        fixture.install("MANIFEST-000008", fixture.bytes(MANIFEST));
        assertThatThrownBy(fixture::read)
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining("is file number 7 inside, its name says 8");
        installCurrent(ManifestFixture.ID, -1);
        assertThatThrownBy(fixture::read)
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining("names manifest number 18446744073709551615, allowed 1 to");
    }

    @Test
    void read_missingTableOrLog_isDamage() {
        install(List.of(Raw.snapshot(
                ORDER,
                new NextFileNumber(10),
                new LastSequence(50),
                new OldestLog(5, true),
                new AddedTable(2, entry(3, "a", "b", 1, 2)),
                new SnapshotEnd(1))));
        assertThatThrownBy(fixture::read)
                .isInstanceOf(CorruptionException.class)
                .hasMessage(fixture.directory.pathOf("000003.sst") + ": " + fixture.directory.pathOf("MANIFEST-000007")
                        + " names it as a table of level 2, and it is not there. " + CorruptionException.RESTORE_TABLE);
        fixture.file(entry(3, "a", "b", 1, 2));
        assertThatThrownBy(fixture::read)
                .isInstanceOf(CorruptionException.class)
                .hasMessageStartingWith(fixture.directory.pathOf("000005.wal") + ": "
                        + fixture.directory.pathOf("MANIFEST-000007") + " names it as the oldest log needed");
        fixture.log(5);
        assertThat(fixture.readWhole().version().oldestLog()).isEqualTo(5);
    }

    @Test
    void read_logThatNeedNotExist_isNotMissed() {
        install(List.of(Raw.snapshot(ORDER, new NextFileNumber(10), new OldestLog(10, false), new SnapshotEnd(0))));
        assertThat(fixture.readWhole().version().oldestLogExists()).isFalse();
    }

    @Test
    void read_nothingThere_isNoDatabase() {
        assertThat(fixture.read()).isNull();
        fixture.install("notes.txt", new byte[] {1});
        assertThat(fixture.read()).isNull();
    }

    /** T32: whatever an interrupted creation leaves, it can be begun anew. */
    @Test
    void read_leftoversOfAnInterruptedCreation_areNoDatabase() {
        for (String name : List.of(
                "LOCK", "LOCK.holder", "OPTIONS-000001", "OPTIONS-000002.tmp", "MANIFEST-000003.tmp", "CURRENT.tmp")) {
            fixture.install(name, new byte[0]);
            assertThat(fixture.read()).as(name).isNull();
        }
        fixture.create(FileNumbers.above(1, fixture.directory.list()), 4096).close();
        assertThat(fixture.read()).isNull();
        ManifestWriter writer = fixture.createWhole(FileNumbers.above(1, fixture.directory.list()));
        writer.close();
        assertThat(fixture.readWhole().manifestNumber()).isEqualTo(5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"000004.wal", "000005.sst"})
    void read_currentMissingButDataThere_isDamage(String name) {
        install(List.of(EMPTY));
        fixture.install(name, new byte[0]);
        fixture.remove(FileName.CURRENT);
        assertThatThrownBy(fixture::read)
                .isInstanceOf(CorruptionException.class)
                .hasMessageStartingWith(
                        fixture.directory.pathOf("CURRENT") + ": it is missing, and " + name + " is there");
    }

    @Test
    void read_currentIsADirectory_isAStorageException() throws Exception {
        fixture.disk.start("other").makeDirectory(ManifestFixture.PATH.resolve(FileName.CURRENT));
        assertThatThrownBy(fixture::read).isInstanceOf(StorageException.class).hasMessageContaining("CURRENT");
    }

    @Test
    void fileNumbers_areAboveOrphansToo() {
        install(List.of(EMPTY));
        fixture.install("000041.sst", new byte[0]);
        fixture.install("000043.wal.tmp", new byte[0]);
        assertThat(fixture.readWhole().fileNumbers().next()).isEqualTo(44);
    }

    @Test
    void dump_showsEveryFieldWithItsOffset() {
        fixture.file(entry(3, "a", "b", 1, 2));
        install(List.of(
                Raw.snapshot(
                        ORDER,
                        new NextFileNumber(10),
                        new LastSequence(50),
                        new OldestLog(9, false),
                        new SnapshotEnd(0)),
                Raw.edit(new AddedTable(1, entry(3, "a", "b\u0001", 1, 2)), new OldestLog(9, true)),
                Raw.edit(new EditField.MovedTable(1, 2, 3)),
                Raw.edit(new DroppedTable(2, 3)),
                Raw.end()));
        List<String> lines = new ArrayList<>();
        assertThat(ManifestDump.dump(fixture.directory, MANIFEST, fixture.account, lines::add))
                .isTrue();
        assertThat(String.join("\n", lines)).isEqualTo("""
                MANIFEST-000007, 349 bytes
                0            header             BEACHMAN version 1, database 0123456789abcdeffedcba9876543210, number 7, features 0x0/0x0
                64           SNAPSHOT           ordinal 1, 30 bytes, 64 bytes were synced
                64+1           key order        beach.bytewise
                64+17          next file number 10
                64+20          last sequence    50
                64+23          oldest log       9 (none below it is needed)
                64+27          snapshot end     0 tables
                134          EDIT               ordinal 2, 43 bytes, 134 bytes were synced
                134+1          add              level 1, 000003.sst, 10 bytes, 3 entries, 1 tombstones, 100 raw bytes, sequences 1 to 2, made 2023-11-14T22:13:20Z, ["a" @2 PUT .. "b\\x01" @1 PUT]
                134+39         oldest log       9
                217          EDIT               ordinal 3, 6 bytes, 217 bytes were synced
                217+1          move             level 1 to 2, 000003.sst
                263          EDIT               ordinal 4, 5 bytes, 263 bytes were synced
                263+1          drop             level 2, 000003.sst
                308          END                ordinal 5, 1 bytes, 308 bytes were synced
                349          end                the file ends""");
    }

    @Test
    void dump_current_andTornTail() {
        install(List.of(EMPTY, Raw.edit()));
        List<String> lines = new ArrayList<>();
        assertThat(ManifestDump.dump(fixture.directory, FileName.CURRENT, fixture.account, lines::add))
                .isTrue();
        assertThat(lines.getLast()).isEqualTo("48           leads to           MANIFEST-000007");
        byte[] whole = fixture.bytes(MANIFEST);
        fixture.install(MANIFEST, Arrays.copyOf(whole, whole.length - 1));
        assertThat(ManifestDump.dump(fixture.directory, MANIFEST, fixture.account, lines::add))
                .isTrue();
        assertThat(lines.getLast()).contains("TORN TAIL").contains("40 bytes: the file ends inside a fragment");
        assertThat(Set.copyOf(lines)).hasSizeGreaterThan(5);
    }
}
