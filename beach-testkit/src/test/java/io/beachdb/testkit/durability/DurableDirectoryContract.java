package io.beachdb.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.ClosedException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.DatabaseNotFoundException;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.durability.DeletionProof;
import io.beachdb.durability.DurabilityEvent;
import io.beachdb.durability.DurabilityEvent.Kind;
import io.beachdb.durability.DurabilityStats;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableDirectory.Mode;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.DurableFile;
import io.beachdb.durability.DurableLog;
import io.beachdb.durability.DurableSwitch;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.ReadableFile;
import io.beachdb.durability.RecoveredState;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Syncability;
import io.beachdb.durability.SyncedTo;
import io.beachdb.durability.Vfs;
import io.beachdb.durability.Vfs.PathKind;
import io.beachdb.testkit.Native;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a {@link DurableDirectory} does, on every file system. */
abstract class DurableDirectoryContract {
    private static final String HEADER = "a log's header";

    private final List<DurabilityEvent> heard = new ArrayList<>();

    /** Returns the files; always the same in one test. */
    abstract Vfs vfs();

    /** Returns an empty directory that is on disk. */
    abstract Path root() throws IOException;

    /** Throws if anything was counted on that was not on disk. */
    abstract void verify();

    @AfterEach
    void nothingWasCountedOnTooEarly() {
        verify();
    }

    private Path path() throws IOException {
        return root().resolve("deep/er/db");
    }

    private DurableDirectory open() throws IOException {
        return open(Mode.CREATE);
    }

    private DurableDirectory open(Mode mode) throws IOException {
        return DurableDirectory.open(vfs(), path(), mode, Scheduler.system(), heard::add);
    }

    static DurableLog createLog(DurableDirectory directory, String name, long allocate, SyncSite site) {
        return directory.createLog(name, Native.of(HEADER), HEADER.length(), allocate, site);
    }

    private static String text(DurableDirectory directory, String name) {
        try (ReadableFile file = directory.open(name);
                Arena arena = Arena.ofConfined()) {
            int size = Math.toIntExact(file.size());
            MemorySegment memory = arena.allocate(Math.max(1, size));
            int count = file.read(0, memory, 0, size);
            return new String(memory.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        }
    }

    private static PendingFile pending(DurableDirectory directory, String name, String text) {
        PendingFile file = directory.create(name);
        file.write(Native.of(text), 0, text.length());
        return file;
    }

    private static Map<SyncSite, Long> files(DurabilityStats stats) {
        return stats.fileSyncs();
    }

    private static Map<SyncSite, Long> directories(DurabilityStats stats) {
        return stats.directorySyncs();
    }

    // ---- open

    @Test
    void open_missingDirectories_makesThemEachSyncedIntoItsParent() throws IOException {
        try (DurableDirectory directory = open()) {
            assertThat(vfs().kind(path())).isEqualTo(PathKind.DIRECTORY);
            assertThat(directory.list()).isEmpty();
            assertThat(directory.syncability()).isInstanceOf(Syncability.Syncable.class);
            assertThat(directory.stats().directorySyncs())
                    .containsEntry(SyncSite.DIRECTORY_CREATE, 4L) // three, and the name of the one that was there
                    .containsEntry(SyncSite.OPEN, 3L);
            assertThat(directory.stats().events()).containsEntry(Kind.MAKE_DIRECTORY, 3L);
        }
        try (DurableDirectory again = open(Mode.EXISTING)) {
            assertThat(again.stats().totalDirectorySyncs()).isEqualTo(3); // itself, parent, grandparent
        }
    }

    @Test
    void open_missingAndNotToBeMade_isNotFound() throws IOException {
        for (Mode mode : List.of(Mode.EXISTING, Mode.READ_ONLY)) {
            assertThatThrownBy(() -> open(mode)).isInstanceOf(DatabaseNotFoundException.class);
        }
        assertThat(vfs().list(root())).isEmpty();
    }

    @Test
    void open_aFileInItsPlace_isRefused() throws IOException {
        vfs().create(root().resolve("file")).close();
        for (Mode mode : Mode.values()) {
            assertThatThrownBy(() ->
                            DurableDirectory.open(vfs(), root().resolve("file"), mode, Scheduler.system(), heard::add))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("is a file");
        }
        assertThatThrownBy(() -> DurableDirectory.open(
                        vfs(), root().resolve("file/db"), Mode.CREATE, Scheduler.system(), heard::add))
                .isInstanceOf(StorageException.class);
    }

    @Test
    void readOnly_everyChange_isRefusedAndNothingSynced() throws IOException {
        open().close();
        try (DurableDirectory directory = open(Mode.READ_ONLY)) {
            assertThat(directory.stats().totalDirectorySyncs()).isZero();
            assertThatThrownBy(() -> directory.create("f")).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> directory.commit(List.of(), SyncSite.TABLE_FLUSH))
                    .isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> createLog(directory, "1.wal", 0, SyncSite.LOG_CREATE))
                    .isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> directory.sync(SyncSite.CLOSE)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> directory.delete("f", directory.recovered(Set.of())))
                    .isInstanceOf(IllegalStateException.class);
            assertThat(directory.list()).isEmpty();
        }
    }

    // ---- files

    @Test
    void commit_twoFiles_syncsEachAndTheDirectoryOnce() throws IOException {
        try (DurableDirectory directory = open()) {
            DurabilityStats before = directory.stats();
            PendingFile a = pending(directory, "a.sst", "hello");
            PendingFile b = pending(directory, "b.sst", "beach");
            b.write(Native.of("!"), 0, 1);
            assertThat(b.position()).isEqualTo(6);

            List<DurableFile> durable = directory.commit(List.of(a, b), SyncSite.TABLE_FLUSH);

            assertThat(durable).extracting(DurableFile::name).containsExactly("a.sst", "b.sst");
            assertThat(durable).extracting(DurableFile::size).containsExactly(5L, 6L);
            assertThat(text(directory, "b.sst")).isEqualTo("beach!");
            DurabilityStats since = directory.stats().since(before);
            assertThat(files(since)).containsExactly(Map.entry(SyncSite.TABLE_FLUSH, 2L));
            assertThat(directories(since)).containsExactly(Map.entry(SyncSite.TABLE_FLUSH, 1L));
        }
    }

    @Test
    void commit_afterAnothersDirectorySync_needsNoneOfItsOwn() throws IOException {
        try (DurableDirectory directory = open()) {
            PendingFile a = pending(directory, "a.sst", "1");
            PendingFile b = pending(directory, "b.sst", "2");
            DurableFile first = directory.commit(a, SyncSite.TABLE_FLUSH);
            DurabilityStats before = directory.stats();
            DurableFile second = directory.commit(b, SyncSite.TABLE_FLUSH);
            assertThat(List.of(first.name(), second.name())).containsExactly("a.sst", "b.sst");
            assertThat(directories(directory.stats().since(before))).isEmpty();
        }
    }

    @Test
    void commit_oneFileOnDiskAlready_syncsForTheOther() throws IOException {
        try (DurableDirectory directory = open()) {
            PendingFile a = pending(directory, "a.sst", "1");
            directory.sync(SyncSite.DELETE);
            PendingFile b = pending(directory, "b.sst", "2");
            DurabilityStats before = directory.stats();
            assertThat(directory.commit(List.of(a, b), SyncSite.TABLE_FLUSH)).hasSize(2);
            assertThat(directories(directory.stats().since(before)))
                    .containsExactly(Map.entry(SyncSite.TABLE_FLUSH, 1L));
        }
    }

    @Test
    void pendingFile_usedAfterItsEnd_isRefused() throws IOException {
        try (DurableDirectory directory = open()) {
            PendingFile file = pending(directory, "a.sst", "1");
            directory.commit(file, SyncSite.TABLE_FLUSH);
            assertThatThrownBy(() -> file.write(Native.of("2"), 0, 1)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> directory.commit(file, SyncSite.TABLE_FLUSH))
                    .isInstanceOf(IllegalStateException.class);
            file.abandon(); // harmless: it is durable and stays
            assertThat(directory.exists("a.sst")).isTrue();
        }
    }

    @Test
    void create_nameTaken_isRefused() throws IOException {
        try (DurableDirectory directory = open()) {
            PendingFile file = pending(directory, "a.sst", "1");
            assertThatThrownBy(() -> directory.create("a.sst"))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("a.sst");
            file.abandon();
            file.abandon();
            assertThat(directory.list()).isEmpty();
        }
    }

    @Test
    void commit_fileOfAnotherDirectory_isRefused() throws IOException {
        try (DurableDirectory directory = open();
                DurableDirectory other = DurableDirectory.open(
                        vfs(), root().resolve("other"), Mode.CREATE, Scheduler.system(), heard::add)) {
            PendingFile file = pending(other, "a.sst", "1");
            assertThatThrownBy(() -> directory.commit(file, SyncSite.TABLE_FLUSH))
                    .isInstanceOf(IllegalArgumentException.class);
            DurableFile foreign = other.commit(file, SyncSite.TABLE_FLUSH);
            DurableLog manifest = createLog(directory, "M", 0, SyncSite.MANIFEST_CREATE);
            SyncedTo synced = manifest.sync(HEADER.length(), SyncSite.MANIFEST_EDIT);
            assertThatThrownBy(() -> directory.edit(synced, 1, List.of(foreign), name -> true))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("another directory");
            manifest.close();
        }
    }

    @Test
    void read_ofMissingFile_isAStorageException() throws IOException {
        try (DurableDirectory directory = open()) {
            assertThatThrownBy(() -> directory.open("none"))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("no such file");
            assertThat(directory.exists("none")).isFalse();
        }
    }

    // ---- logs

    @Test
    void createLog_allocated_hasHeaderSizeAndMapping() throws IOException {
        try (DurableDirectory directory = open()) {
            DurabilityStats before = directory.stats();
            DurableLog log = createLog(directory, "1.wal", 100_000, SyncSite.LOG_CREATE);
            DurabilityStats since = directory.stats().since(before);

            assertThat(directory.list()).containsExactly("1.wal");
            assertThat(log.allocatedBytes()).isEqualTo(100_000);
            assertThat(log.isMapped()).isTrue();
            assertThat(files(since)).containsExactly(Map.entry(SyncSite.LOG_CREATE, 1L));
            assertThat(directories(since)).containsExactly(Map.entry(SyncSite.LOG_CREATE, 1L));

            log.put(HEADER.length(), Native.of(" put"), 0, 4);
            log.write(HEADER.length() + 4, Native.of(" written"), 0, 8);
            SyncedTo synced = log.sync(HEADER.length() + 12, SyncSite.LOG_GROUP);
            assertThat(synced.log()).isSameAs(log);
            assertThat(synced.offset()).isEqualTo(HEADER.length() + 12);
            assertThat(text(directory, "1.wal"))
                    .startsWith(HEADER + " put written\0")
                    .hasSize(100_000);
            log.close();
            log.close();
        }
    }

    @Test
    void createLog_growing_isNotMapped() throws IOException {
        try (DurableDirectory directory = open()) {
            DurableLog log = createLog(directory, "1.wal", 0, SyncSite.LOG_CREATE);
            assertThat(log.allocatedBytes()).isZero();
            assertThat(log.isMapped()).isFalse();
            assertThatThrownBy(() -> log.put(20, Native.of("x"), 0, 1)).isInstanceOf(IllegalStateException.class);
            log.write(HEADER.length(), Native.of("x"), 0, 1);
            SyncedTo synced = log.sync(HEADER.length() + 1, SyncSite.LOG_GROUP);
            assertThat(synced.offset()).isEqualTo(HEADER.length() + 1);
            assertThat(text(directory, "1.wal")).isEqualTo(HEADER + "x");
            log.close();
        }
    }

    @Test
    void createLog_temporaryFileInTheWay_isReplaced() throws IOException {
        try (DurableDirectory directory = open()) {
            directory.commit(
                    pending(directory, "1.wal.tmp", "left by a crash, longer than a header"), SyncSite.TABLE_FLUSH);
            createLog(directory, "1.wal", 0, SyncSite.LOG_CREATE).close();
            assertThat(directory.list()).containsExactly("1.wal");
            assertThat(text(directory, "1.wal")).isEqualTo(HEADER);
        }
    }

    @Test
    void log_neverWrittenTo_canBeAbandoned() throws IOException {
        try (DurableDirectory directory = open()) {
            DurableLog unused = createLog(directory, "1.wal", 50_000, SyncSite.LOG_CREATE);
            DurabilityStats before = directory.stats();
            unused.abandon();
            assertThat(directory.list()).isEmpty();
            assertThat(directories(directory.stats().since(before))).isEmpty();

            DurableLog written = createLog(directory, "2.wal", 50_000, SyncSite.LOG_CREATE);
            written.write(HEADER.length(), Native.of("x"), 0, 1);
            DurableLog stored = createLog(directory, "3.wal", 50_000, SyncSite.LOG_CREATE);
            stored.put(HEADER.length(), Native.of("x"), 0, 1);
            for (DurableLog used : List.of(written, stored)) {
                assertThatThrownBy(used::abandon)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining(used.name() + " was written to");
                used.close();
            }
            assertThat(directory.list()).containsExactly("2.wal", "3.wal");
        }
    }

    @Test
    void log_closedAtItsEnd_keepsItsLastPageWhole() throws IOException {
        try (DurableDirectory directory = open()) {
            DurableLog allocated = createLog(directory, "1.wal", 50_000, SyncSite.LOG_CREATE);
            allocated.write(5000, Native.of("end"), 0, 3);
            allocated.sync(5003, SyncSite.LOG_CLOSE);
            DurabilityStats before = directory.stats();
            allocated.closeAt(5003);
            assertThat(text(directory, "1.wal")).hasSize(8192).contains("end");
            assertThat(files(directory.stats().since(before))).isEmpty();

            DurableLog full = createLog(directory, "2.wal", 8192, SyncSite.LOG_CREATE);
            full.closeAt(8192);
            assertThat(text(directory, "2.wal")).hasSize(8192);

            DurableLog growing = createLog(directory, "3.wal", 0, SyncSite.LOG_CREATE);
            growing.closeAt(HEADER.length());
            assertThat(text(directory, "3.wal")).isEqualTo(HEADER);
        }
    }

    @Test
    void recycleLog_withProof_takesTheBlocksAndTheName() throws IOException {
        try (DurableDirectory directory = open()) {
            DurableLog old = createLog(directory, "1.wal", 50_000, SyncSite.LOG_CREATE);
            old.put(HEADER.length(), Native.of("old record"), 0, 10);
            old.close();
            DurableEdit edit = edit(directory, Set.of("1.wal"));
            DurabilityStats before = directory.stats();
            DurableLog log =
                    directory.recycleLog("1.wal", "2.wal", edit, Native.of("THE NEW HEADER"), 14, SyncSite.LOG_RECYCLE);
            DurabilityStats since = directory.stats().since(before);

            assertThat(directory.list()).containsExactly("2.wal", "M");
            assertThat(text(directory, "2.wal"))
                    .startsWith("THE NEW HEADERold record")
                    .hasSize(50_000);
            assertThat(log.allocatedBytes()).isEqualTo(50_000);
            assertThat(files(since)).containsExactly(Map.entry(SyncSite.LOG_RECYCLE, 1L));
            assertThat(directories(since)).containsExactly(Map.entry(SyncSite.LOG_RECYCLE, 1L));
            log.close();
        }
    }

    @Test
    void recycleLogAndDelete_proofDoesNotLetGo_areRefused() throws IOException {
        try (DurableDirectory directory = open()) {
            createLog(directory, "1.wal", 0, SyncSite.LOG_CREATE).close();
            DurableEdit edit = edit(directory, Set.of("other"));
            RecoveredState notSwitched = directory.recovered(Set.of());
            for (DeletionProof proof : List.of(edit, notSwitched)) {
                assertThatThrownBy(() ->
                                directory.recycleLog("1.wal", "2.wal", proof, Native.of("H"), 1, SyncSite.LOG_RECYCLE))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("does not let go of 1.wal");
                assertThatThrownBy(() -> directory.delete("1.wal", proof)).isInstanceOf(IllegalArgumentException.class);
            }
            assertThat(text(directory, "1.wal")).isEqualTo(HEADER);
        }
    }

    private static DurableEdit edit(DurableDirectory directory, Set<String> dropped) {
        DurableLog manifest = createLog(directory, "M", 0, SyncSite.MANIFEST_CREATE);
        manifest.write(HEADER.length(), Native.of("edit"), 0, 4);
        SyncedTo synced = manifest.sync(HEADER.length() + 4, SyncSite.MANIFEST_EDIT);
        DurableEdit edit = directory.edit(synced, HEADER.length() + 4, List.of(), dropped::contains);
        manifest.close();
        return edit;
    }

    // ---- switch, edit, recovery

    @Test
    void switchTo_again_replacesWhole() throws IOException {
        try (DurableDirectory directory = open()) {
            DurableLog manifest = createLog(directory, "M1", 0, SyncSite.MANIFEST_CREATE);
            SyncedTo synced = manifest.sync(HEADER.length(), SyncSite.MANIFEST_CREATE);
            DurableSwitch first = directory.switchTo("CURRENT", Native.of("M1"), 2, synced, name -> false);
            DurabilityStats before = directory.stats();
            DurableSwitch second = directory.switchTo("CURRENT", Native.of("M2"), 2, synced, "M0"::equals);
            DurabilityStats since = directory.stats().since(before);

            assertThat(text(directory, "CURRENT")).isEqualTo("M2");
            assertThat(directory.list()).containsExactly("CURRENT", "M1");
            assertThat(first.allows("M0")).isFalse();
            assertThat(second.allows("M0")).isTrue();
            assertThat(files(since)).containsExactly(Map.entry(SyncSite.CURRENT_SWITCH, 1L));
            assertThat(directories(since)).containsExactly(Map.entry(SyncSite.CURRENT_SWITCH, 1L));
            manifest.close();
        }
    }

    @Test
    void edit_manifestNotSyncedSoFar_isRefused() throws IOException {
        try (DurableDirectory directory = open()) {
            DurableLog manifest = createLog(directory, "M", 0, SyncSite.MANIFEST_CREATE);
            SyncedTo synced = manifest.sync(HEADER.length(), SyncSite.MANIFEST_EDIT);
            assertThatThrownBy(() -> directory.edit(synced, HEADER.length() + 1, List.of(), name -> true))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("ends at " + (HEADER.length() + 1));
            manifest.close();
        }
    }

    @Test
    void delete_byEdit_isSyncedLater() throws IOException {
        try (DurableDirectory directory = open()) {
            DurableFile table = directory.commit(pending(directory, "1.sst", "x"), SyncSite.TABLE_FLUSH);
            DurableEdit edit = edit(directory, Set.of(table.name()));
            DurabilityStats before = directory.stats();
            directory.delete("1.sst", edit);
            assertThat(directory.exists("1.sst")).isFalse();
            assertThat(directories(directory.stats().since(before))).isEmpty();
            directory.sync(SyncSite.DELETE);
            directory.sync(SyncSite.DELETE); // nothing pending: no second
            assertThat(directories(directory.stats().since(before))).containsExactly(Map.entry(SyncSite.DELETE, 1L));
            assertThatThrownBy(() -> directory.delete("1.sst", edit)).isInstanceOf(StorageException.class);
        }
    }

    @Test
    void recovered_adoptsWhatIsNamedAndThere_andLetsGoOfTheRestAfterTheSwitch() throws IOException {
        try (DurableDirectory directory = open()) {
            DurableFile one = directory.commit(pending(directory, "1.sst", "x"), SyncSite.TABLE_FLUSH);
            DurableFile orphan = directory.commit(pending(directory, "2.sst", "y"), SyncSite.TABLE_FLUSH);
            RecoveredState state = directory.recovered(Set.of("1.sst", "3.sst"));

            assertThat(state.adopt("1.sst").size()).isEqualTo(one.size());
            assertThatThrownBy(() -> state.adopt("3.sst"))
                    .isInstanceOf(CorruptionException.class)
                    .hasMessageContaining("3.sst");
            assertThatThrownBy(() -> state.adopt(orphan.name())).isInstanceOf(IllegalArgumentException.class);
            assertThat(state.allows("2.sst")).isFalse();

            DurableLog manifest = createLog(directory, "M", 0, SyncSite.MANIFEST_CREATE);
            SyncedTo synced = manifest.sync(HEADER.length(), SyncSite.MANIFEST_CREATE);
            DurableSwitch switched = directory.switchTo("CURRENT", Native.of("M"), 1, synced, name -> false);
            RecoveredState open = state.letGoAllBut(Set.of("1.sst", "M", "CURRENT"), switched);
            assertThat(open.allows("1.sst")).isFalse();
            directory.delete("2.sst", open);
            assertThat(directory.list()).containsExactly("1.sst", "CURRENT", "M");
            manifest.close();
        }
    }

    // ---- the rest

    @Test
    void close_twice_isHarmless_andLaterChangesAreRefused() throws IOException {
        DurableDirectory directory = open();
        directory.close();
        directory.close();
        assertThatThrownBy(() -> directory.create("f")).isInstanceOf(ClosedException.class);
        assertThatThrownBy(() -> directory.sync(SyncSite.CLOSE)).isInstanceOf(ClosedException.class);
    }

    @Test
    void listener_hearsEveryEventInOrder() throws IOException {
        try (DurableDirectory directory = open()) {
            heard.clear();
            createLog(directory, "1.wal", 0, SyncSite.LOG_CREATE).close();
            assertThat(heard)
                    .extracting(event -> event.kind() + " " + event.site())
                    .containsExactly("CREATE null", "SYNC_FILE LOG_CREATE", "RENAME null", "SYNC_DIRECTORY LOG_CREATE");
        }
    }

    @Test
    void reader_interrupted_readsOnAndStaysInterrupted() throws IOException {
        try (DurableDirectory directory = open()) {
            DurableFile durable = directory.commit(pending(directory, "1.sst", "hello"), SyncSite.TABLE_FLUSH);
            try (ReadableFile file = directory.open(durable.name())) {
                MemorySegment memory = Native.of(new byte[5]);
                for (int i = 0; i < 3; i++) {
                    Thread.currentThread().interrupt();
                    assertThat(file.size()).isEqualTo(5);
                    assertThat(Thread.currentThread().isInterrupted()).isTrue();
                    assertThat(file.read(0, memory, 0, 5)).isEqualTo(5);
                    assertThat(Thread.interrupted()).isTrue();
                }
                assertThat(memory.get(ValueLayout.JAVA_BYTE, 4)).isEqualTo((byte) 'o');
                assertThat(file.read(3, memory, 0, 5)).isEqualTo(2);
                assertThat(file.read(5, memory, 0, 5)).isZero();
            }
        }
    }
}
