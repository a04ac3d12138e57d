package io.beachdb.manifest;

import static io.beachdb.manifest.ManifestFixture.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.ClosedException;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.FileName;
import io.beachdb.durability.DurabilityStats;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.DurableFile;
import io.beachdb.durability.DurableSwitch;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ManifestWriterTest {
    private final ManifestFixture fixture = new ManifestFixture();
    private final FileNumbers numbers = FileNumbers.above(1, List.of());
    private long lastSequence;

    @AfterEach
    void close() {
        assertThat(fixture.account.usedBytes()).isZero();
        fixture.close();
    }

    /** An edit that adds a table to level 0, whose file is on disk. */
    private VersionEdit flush() {
        TableEntry entry = entry(numbers.next(), "a", "z", lastSequence + 1, lastSequence + 5);
        lastSequence += 5;
        return VersionEdit.builder()
                .addTable(0, entry, fixture.file(entry))
                .lastSequence(lastSequence)
                .build();
    }

    private static Predicate<DiskOperation> on(DiskOperation.Kind kind, String name) {
        return operation -> operation.kind() == kind && operation.name().startsWith(name);
    }

    @Test
    void addTable_wrongReceipt_isRefused() {
        TableEntry entry = entry(3, "a", "b", 1, 2);
        DurableFile file = fixture.file(entry);
        assertThatThrownBy(() -> VersionEdit.builder().addTable(0, entry(4, "a", "b", 1, 2), file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the receipt is for 000003.sst, the table is 000004.sst");
        TableEntry longer =
                new TableEntry(3, 11, entry.smallest(), entry.largest(), 1, 2, 3, 1, 100, 1_700_000_000_000L, 0);
        assertThatThrownBy(() -> VersionEdit.builder().addTable(0, longer, file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("000003.sst (10 bytes, durable) is on disk, the table is said to have 11 bytes");
        assertThatThrownBy(() -> VersionEdit.builder().addTable(7, entry, file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("level is 7, allowed 0 to 6");
    }

    @Test
    void append_letsGoOfWhatTheEditDrops_andOfNothingElse() {
        ManifestWriter writer = fixture.createWhole(numbers);
        writer.append(flush());
        writer.append(flush());
        long first = writer.version().table(0, 1).number();
        long second = writer.version().table(0, 0).number();
        long log = numbers.next();
        fixture.log(log);
        DurableEdit receipt = writer.append(VersionEdit.builder()
                .dropTable(0, first)
                .moveTable(0, 3, second)
                .oldestLog(log)
                .build());
        assertThat(receipt.allows(name(first))).isTrue();
        assertThat(receipt.allows(name(second))).as("a moved table").isFalse();
        assertThat(receipt.allows(FileName.log(log - 1))).isTrue();
        assertThat(receipt.allows(FileName.log(log))).isFalse();
        for (String name : List.of(
                "CURRENT", "LOCK", "LOCK.holder", "MANIFEST-000001", "OPTIONS-000001", "notes", "000001.wal.tmp")) {
            assertThat(receipt.allows(name)).as(name).isFalse();
        }
        assertThatThrownBy(() -> fixture.directory.delete(name(second), receipt))
                .isInstanceOf(IllegalArgumentException.class);
        fixture.directory.delete(name(first), receipt);
        writer.close();
        assertThat(ManifestFixture.state(fixture.readWhole().version()))
                .isEqualTo(ManifestFixture.state(writer.version()));
    }

    private static String name(long table) {
        return FileName.table(table);
    }

    @Test
    void switchCurrent_letsGoOfManifestsBefore_only() {
        ManifestWriter writer = fixture.createWhole(FileNumbers.above(12, List.of()));
        DurableSwitch receipt = writer.lastSwitch();
        assertThat(receipt.allows("MANIFEST-000011")).isTrue();
        assertThat(receipt.allows("MANIFEST-000011.tmp")).isTrue();
        for (String name : List.of(
                "MANIFEST-000012", "MANIFEST-000013", "CURRENT", "000001.sst", "000001.wal", "OPTIONS-000001")) {
            assertThat(receipt.allows(name)).as(name).isFalse();
        }
        writer.close();
    }

    @Test
    void syncs_perEvent_areAsFewAsTheOrderNeeds() {
        DurabilityStats before = fixture.directory.stats();
        ManifestWriter writer = fixture.create(numbers, 1);
        DurabilityStats created = fixture.directory.stats();
        assertThat(created.since(before).fileSyncs()).isEqualTo(Map.of(SyncSite.MANIFEST_CREATE, 2L));
        assertThat(created.since(before).directorySyncs()).isEqualTo(Map.of(SyncSite.MANIFEST_CREATE, 1L));
        writer.switchCurrent();
        DurabilityStats switched = fixture.directory.stats();
        assertThat(switched.since(created).fileSyncs()).isEqualTo(Map.of(SyncSite.CURRENT_SWITCH, 1L));
        assertThat(switched.since(created).directorySyncs()).isEqualTo(Map.of(SyncSite.CURRENT_SWITCH, 1L));
        writer.append(VersionEdit.none());
        DurabilityStats appended = fixture.directory.stats();
        assertThat(appended.since(switched).fileSyncs()).isEqualTo(Map.of(SyncSite.MANIFEST_EDIT, 1L));
        assertThat(appended.since(switched).directorySyncs()).isEmpty();
        writer.rollOver(VersionEdit.none());
        DurabilityStats rolled = fixture.directory.stats();
        assertThat(rolled.since(appended).fileSyncs())
                .isEqualTo(Map.of(SyncSite.MANIFEST_CREATE, 2L, SyncSite.CURRENT_SWITCH, 1L));
        assertThat(rolled.since(appended).directorySyncs())
                .isEqualTo(Map.of(SyncSite.MANIFEST_CREATE, 1L, SyncSite.CURRENT_SWITCH, 1L));
        writer.close();
        assertThat(fixture.directory.stats().since(rolled).totalFileSyncs()).isZero();
    }

    @Test
    void append_sizeReached_rollsOver_onlyWhenTheSnapshotIsTheSmallerPart() {
        ManifestWriter writer = fixture.create(numbers, 2000);
        writer.switchCurrent();
        int rolls = 0;
        for (int i = 0; i < 100; i++) {
            long manifest = writer.manifestNumber();
            long size = fixture.bytes(FileName.manifest(manifest)).length;
            writer.append(flush());
            if (writer.manifestNumber() != manifest) {
                rolls++;
                assertThat(size).isGreaterThanOrEqualTo(2000);
                assertThat(writer.takeObsolete()).containsExactly(FileName.manifest(manifest));
            }
        }
        // Without regard to the snapshot, which passes 2000 bytes after a quarter of the way, each further edit would.
        assertThat(rolls).isBetween(3, 8);
        writer.close();
    }

    @Test
    void rollOver_letsGoOfTheOldFile() {
        ManifestWriter writer = fixture.createWhole(numbers);
        writer.rollOver(VersionEdit.none());
        assertThat(fixture.disk.trace()).anyMatch(on(DiskOperation.Kind.CLOSE, "MANIFEST-000001"));
        writer.close();
    }

    @Test
    void append_oversizedEdit_isRefused_andTheWriterGoesOn() {
        ManifestWriter writer = fixture.createWhole(numbers);
        VersionEdit.Builder edit = VersionEdit.builder();
        InternalKey key = InternalKey.copyOf(new byte[1 << 20], 1);
        for (int i = 0; i < 129; i++) {
            TableEntry entry = new TableEntry(numbers.next(), 1, key, key, 0, 0, 1, 1, 1, 0, 0);
            edit.addTable(1, entry, fixture.file(entry));
        }
        VersionEdit tooLarge = edit.build();
        assertThatThrownBy(() -> writer.append(tooLarge))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("allowed 1 to 268435456: change fewer tables at a time");
        assertThat(writer.failure()).isNull();
        writer.append(flush());
        writer.close();
        assertThat(fixture.readWhole().version().tableCount()).isEqualTo(1);
    }

    @Test
    void append_keysOfAMegabyte_areReadBack_alsoFromASnapshotOfManyParts() {
        ManifestWriter writer = fixture.create(numbers, 1);
        writer.switchCurrent();
        for (int i = 0; i < 4; i++) {
            byte[] userKey = new byte[1 << 20];
            userKey[userKey.length - 1] = (byte) i;
            InternalKey key = InternalKey.copyOf(userKey, 1);
            TableEntry entry = new TableEntry(numbers.next(), 1, key, key, 0, 0, 1, 1, 1, 0, 0);
            writer.append(VersionEdit.builder()
                    .addTable(1, entry, fixture.file(entry))
                    .build());
            assertThat(ManifestFixture.state(fixture.readWhole().version()))
                    .isEqualTo(ManifestFixture.state(writer.version()));
        }
        assertThat(writer.manifestNumber()).isGreaterThan(1);
        writer.close();
    }

    @Test
    void append_editThatDoesNotFit_writesNothing() {
        ManifestWriter writer = fixture.createWhole(numbers);
        byte[] before = fixture.bytes("MANIFEST-000001");
        assertThatThrownBy(() ->
                        writer.append(VersionEdit.builder().dropTable(1, 1).build()))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("V6");
        assertThat(fixture.bytes("MANIFEST-000001")).isEqualTo(before);
        writer.append(flush());
        writer.close();
    }

    @Test
    void append_beforeSwitch_isRefused() {
        ManifestWriter writer = fixture.create(numbers, 4096);
        assertThatThrownBy(() -> writer.append(VersionEdit.none()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("CURRENT does not lead to the new manifest yet");
        writer.switchCurrent();
        assertThatThrownBy(writer::switchCurrent).isInstanceOf(IllegalStateException.class);
        writer.close();
    }

    @Test
    void anything_afterClose_isRefused() {
        ManifestWriter writer = fixture.createWhole(numbers);
        writer.close();
        writer.close();
        assertThatThrownBy(() -> writer.append(VersionEdit.none())).isInstanceOf(ClosedException.class);
        assertThatThrownBy(() -> writer.rollOver(VersionEdit.none())).isInstanceOf(ClosedException.class);
    }

    /** F3: after a failed write or sync no receipt, no further edit; a new manifest settles it. */
    @ParameterizedTest
    @EnumSource(names = {"FAILS", "FAILS_BUT_HAPPENED", "FAILS_HALFWAY"})
    void append_failed_onlyRollOverGoesOn(Fault.Effect effect) {
        for (DiskOperation.Kind kind : List.of(DiskOperation.Kind.WRITE, DiskOperation.Kind.SYNC_FILE)) {
            try (ManifestFixture own = new ManifestFixture()) {
                FileNumbers ownNumbers = FileNumbers.above(1, List.of());
                ManifestWriter writer = own.createWhole(ownNumbers);
                TableEntry kept = entry(ownNumbers.next(), "a", "b", 1, 2);
                writer.append(VersionEdit.builder()
                        .addTable(0, kept, own.file(kept))
                        .lastSequence(2)
                        .build());
                Version before = writer.version();

                TableEntry added = entry(ownNumbers.next(), "a", "b", 1, 2);
                VersionEdit compaction = VersionEdit.builder()
                        .dropTable(0, kept.number())
                        .addTable(1, added, own.file(added))
                        .build();
                own.disk.inject(Fault.on(on(kind, "MANIFEST")).with(effect));
                assertThatThrownBy(() -> writer.append(compaction)).isInstanceOf(StorageException.class);
                assertThat(writer.version()).isSameAs(before);
                assertThat(writer.takeObsolete()).isEmpty();
                assertThatThrownBy(() -> writer.append(VersionEdit.none()))
                        .isInstanceOf(StorageException.class)
                        .hasMessageContaining("takes no edits since an earlier failure")
                        .hasCause(writer.failure());

                DurableEdit receipt = writer.rollOver(VersionEdit.none());
                assertThat(writer.failure()).isNull();
                assertThat(receipt.allows(name(kept.number()))).isFalse();
                assertThat(writer.lastSwitch().allows(name(kept.number()))).isFalse();
                assertThat(writer.takeObsolete())
                        .as("the table of the edit that is no more, and the manifest that failed")
                        .containsExactly(name(added.number()), "MANIFEST-000001");
                own.directory.delete(name(added.number()), writer.lastSwitch());
                writer.append(VersionEdit.none());
                writer.close();
                assertThat(own.readWhole().version().tableNames()).containsExactly(name(kept.number()));
            }
        }
    }

    @Test
    void rollOver_withTheEditThatFailed_keepsItsTables() {
        ManifestWriter writer = fixture.createWhole(numbers);
        VersionEdit edit = flush();
        fixture.disk.inject(Fault.on(on(DiskOperation.Kind.SYNC_FILE, "MANIFEST")));
        assertThatThrownBy(() -> writer.append(edit)).isInstanceOf(StorageException.class);
        writer.rollOver(edit);
        assertThat(writer.version().tableCount()).isEqualTo(1);
        assertThat(writer.takeObsolete()).containsExactly("MANIFEST-000001");
        assertThat(writer.lastSwitch().allows(name(writer.version().table(0, 0).number())))
                .isFalse();
        writer.close();
    }

    /** F4: a rename that failed may have happened: both manifests stay, and no receipt is minted. */
    @ParameterizedTest
    @EnumSource(names = {"FAILS", "FAILS_BUT_HAPPENED"})
    void rollOver_renameOfCurrentFailed_bothManifestsStay(Fault.Effect effect) {
        ManifestWriter writer = fixture.createWhole(numbers);
        writer.append(flush());
        DurableSwitch before = writer.lastSwitch();
        fixture.disk.inject(Fault.on(on(DiskOperation.Kind.RENAME, "CURRENT")).with(effect));
        assertThatThrownBy(() -> writer.rollOver(VersionEdit.none())).isInstanceOf(StorageException.class);
        assertThat(writer.lastSwitch()).isSameAs(before);
        assertThat(writer.takeObsolete()).isEmpty();
        assertThat(before.allows("MANIFEST-000001")).isFalse();
        assertThat(ManifestFixture.state(fixture.readWhole().version()).get("level 0"))
                .isEqualTo(ManifestFixture.state(writer.version()).get("level 0"));
        String second = FileName.manifest(writer.manifestNumber());
        writer.rollOver(VersionEdit.none());
        assertThat(writer.takeObsolete()).containsExactly("MANIFEST-000001", second);
        writer.close();
    }

    /** F5: a directory whose sync failed takes nothing more; the writer says so each time. */
    @Test
    void rollOver_directorySyncFailed_staysFailed() {
        ManifestWriter writer = fixture.createWhole(numbers);
        fixture.disk.inject(Fault.on(operation -> operation.kind() == DiskOperation.Kind.SYNC_DIRECTORY));
        assertThatThrownBy(() -> writer.rollOver(VersionEdit.none())).isInstanceOf(StorageException.class);
        assertThatThrownBy(() -> writer.rollOver(VersionEdit.none()))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("an earlier sync of the directory");
        assertThatThrownBy(() -> writer.append(VersionEdit.none())).isInstanceOf(StorageException.class);
        writer.close();
    }

    @Test
    void append_diskFull_saysSo() {
        ManifestWriter writer = fixture.createWhole(numbers);
        fixture.disk.inject(Fault.on(on(DiskOperation.Kind.WRITE, "MANIFEST")).diskFull());
        assertThatThrownBy(() -> writer.append(VersionEdit.none()))
                .isInstanceOfSatisfying(
                        StorageException.class, e -> assertThat(e.diskFull()).isTrue());
        writer.rollOver(VersionEdit.none());
        writer.close();
    }
}
