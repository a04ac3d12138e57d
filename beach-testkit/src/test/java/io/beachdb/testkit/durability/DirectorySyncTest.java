package io.beachdb.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.durability.DurabilityEvent;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurabilityStats;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableDirectory.Mode;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.DurableFile;
import io.beachdb.durability.DurableLog;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Syncability;
import io.beachdb.durability.SyncedTo;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.DiskOperation.Kind;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.Native;
import io.beachdb.testkit.ProcessKilled;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedScheduler;
import io.beachdb.testkit.SimulatedVfs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** When a {@link DurableDirectory} syncs, who shares a sync, and what a failed one means. */
class DirectorySyncTest {
    private static final Path DB = Path.of("/data/db");
    private static final int SEEDS = 200;
    private static final int CLIENTS = 4;

    private final SimulatedDisk disk = new SimulatedDisk().makeDirectories(DB);
    private final SimulatedVfs vfs = disk.start("p");

    private DurableDirectory open() {
        return open(vfs, Scheduler.system());
    }

    private static DurableDirectory open(SimulatedVfs files, Scheduler scheduler) {
        return DurableDirectory.open(files, DB, Mode.CREATE, scheduler, DurabilityListener.none());
    }

    private static PendingFile pending(DurableDirectory directory, String name) {
        PendingFile file = directory.create(name);
        file.write(Native.of(name), 0, name.length());
        return file;
    }

    private static DurableLog createLog(DurableDirectory directory, String name, long allocate) {
        return DurableDirectoryContract.createLog(directory, name, allocate, SyncSite.LOG_CREATE);
    }

    private static boolean isDirectorySync(DiskOperation operation) {
        return operation.kind() == Kind.SYNC_DIRECTORY;
    }

    private static boolean isFileSync(DiskOperation operation) {
        return operation.kind() == Kind.SYNC_FILE;
    }

    // ---- what is counted is what was called

    @Test
    void stats_equalTheSystemCalls_bySite() {
        try (DurableDirectory directory = DurableDirectory.open(
                vfs, DB.resolve("a/b"), Mode.CREATE, Scheduler.system(), DurabilityListener.none())) {
            DurableLog log = createLog(directory, "1.wal", 4096);
            SyncedTo synced = log.sync(5, SyncSite.LOG_GROUP);
            List<DurableFile> files = directory.commit(
                    List.of(pending(directory, "1.sst"), pending(directory, "2.sst")), SyncSite.TABLE_COMPACTION);
            directory.delete("1.sst", directory.edit(synced, 5, files, "1.sst"::equals));
            directory.sync(SyncSite.DELETE);

            DurabilityStats stats = directory.stats();
            assertThat(nonZero(stats.fileSyncs())).isEqualTo(called(Kind.SYNC_FILE));
            assertThat(nonZero(stats.directorySyncs())).isEqualTo(called(Kind.SYNC_DIRECTORY));
            assertThat(disk.reliances()).isGreaterThanOrEqualTo(5);
        }
    }

    private Map<SyncSite, Long> called(Kind kind) {
        Map<SyncSite, Long> counts = new EnumMap<>(SyncSite.class);
        for (DiskOperation operation : disk.trace()) {
            SyncSite site = operation.site();
            if (operation.kind() == kind) {
                assertThat(site).as(operation.toString()).isNotNull();
                counts.merge(site, 1L, Long::sum);
            }
        }
        return counts;
    }

    private static Map<SyncSite, Long> nonZero(Map<SyncSite, Long> counts) {
        Map<SyncSite, Long> rest = new EnumMap<>(counts);
        rest.values().removeIf(count -> count == 0);
        return rest;
    }

    // ---- sharing

    @Test
    void commit_manyAtOnce_shareDirectorySyncsThatBeganAfterTheirEvents() {
        Set<Long> directorySyncs = new HashSet<>();
        for (int seed = 0; seed < SEEDS; seed++) {
            try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
                SimulatedDisk shared = new SimulatedDisk(scheduler).makeDirectories(DB);
                SimulatedVfs files = shared.start("p");
                DurableDirectory directory = open(files, scheduler);
                long before = directory.stats().totalDirectorySyncs();
                for (int c = 0; c < CLIENTS; c++) {
                    String name = c + ".sst";
                    // The receipt is checked as it is minted: a sync that began too early would be a violation.
                    scheduler.spawn(
                            files.process(),
                            name,
                            () -> assertThat(directory
                                            .commit(pending(directory, name), SyncSite.TABLE_FLUSH)
                                            .name())
                                    .isEqualTo(name));
                }
                scheduler.run();
                directorySyncs.add(directory.stats().totalDirectorySyncs() - before);
                shared.cutPower(CutPolicy.none());
                assertThat(shared.names(DB)).hasSize(CLIENTS);
            }
        }
        assertThat(directorySyncs).contains(1L, 2L).allMatch(count -> count >= 1 && count <= CLIENTS);
    }

    @Test
    void changesOfAllKinds_manyAtOnce_everyReceiptHolds() {
        for (int seed = 0; seed < SEEDS; seed++) {
            try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
                SimulatedDisk shared = new SimulatedDisk(scheduler).makeDirectories(DB);
                SimulatedVfs files = shared.start("p");
                DurableDirectory directory = open(files, scheduler);
                DurableLog manifest = createLog(directory, "M", 0);
                SyncedTo synced = manifest.sync(14, SyncSite.MANIFEST_CREATE);
                createLog(directory, "0.wal", 4096).close();
                DurableEdit edit = directory.edit(synced, 14, List.of(), "0.wal"::equals);
                List<Runnable> changes = List.of(
                        () -> createLog(directory, "1.wal", 4096).close(),
                        () -> createLog(directory, "2.wal", 0).close(),
                        () -> directory
                                .recycleLog("0.wal", "3.wal", edit, Native.of("header"), 6, SyncSite.LOG_RECYCLE)
                                .close(),
                        () -> assertThat(directory
                                        .switchTo("CURRENT", Native.of("M"), 1, synced, name -> false)
                                        .allows("M"))
                                .isFalse(),
                        () -> assertThat(directory
                                        .commit(pending(directory, "1.sst"), SyncSite.TABLE_FLUSH)
                                        .size())
                                .isEqualTo(5));
                for (int i = 0; i < changes.size(); i++) {
                    scheduler.spawn(files.process(), "client" + i, changes.get(i));
                }
                scheduler.run(); // each receipt is checked as it is minted
                shared.cutPower(CutPolicy.none());
                assertThat(shared.names(DB)).containsExactly("1.sst", "1.wal", "2.wal", "3.wal", "CURRENT", "M");
            }
        }
    }

    @Test
    void directorySync_failsWhileManyWait_allFail_andForGood() {
        for (int seed = 0; seed < SEEDS; seed++) {
            try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
                SimulatedDisk shared = new SimulatedDisk(scheduler).makeDirectories(DB);
                SimulatedVfs files = shared.start("p");
                DurableDirectory directory = open(files, scheduler);
                shared.inject(Fault.on(DirectorySyncTest::isDirectorySync)); // the first fails, later ones would not
                AtomicInteger refused = new AtomicInteger();
                for (int c = 0; c < CLIENTS; c++) {
                    String name = c + ".sst";
                    scheduler.spawn(files.process(), name, () -> {
                        try {
                            directory.commit(pending(directory, name), SyncSite.TABLE_FLUSH);
                        } catch (StorageException e) {
                            refused.incrementAndGet();
                        }
                    });
                }
                scheduler.run();
                assertThat(refused).as("seed %d", seed).hasValue(CLIENTS);
                assertThat(directory.failure()).isNotNull();
                assertThatThrownBy(() -> directory.create("late"))
                        .isInstanceOf(StorageException.class)
                        .hasMessageContaining("an earlier sync of the directory")
                        .hasCauseInstanceOf(StorageException.class);
            }
        }
    }

    // ---- failures

    @Test
    void fileSync_fails_fileIsDroppedAndTheDirectoryGoesOn() {
        try (DurableDirectory directory = open()) {
            disk.inject(Fault.on(DirectorySyncTest::isFileSync));
            PendingFile bad = pending(directory, "1.sst");
            assertThatThrownBy(() -> directory.commit(bad, SyncSite.TABLE_FLUSH))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("/1.sst failed");
            bad.abandon();
            DurableFile good = directory.commit(pending(directory, "2.sst"), SyncSite.TABLE_FLUSH);
            assertThat(good.name()).isEqualTo("2.sst");
            assertThat(directory.list()).containsExactly("2.sst");
            assertThat(disk.violations()).isEmpty();
        }
    }

    @Test
    void log_anyFailure_isForGood() {
        for (Kind kind : List.of(Kind.WRITE, Kind.PUT, Kind.SYNC_FILE)) {
            SimulatedDisk fresh = new SimulatedDisk().makeDirectories(DB);
            try (DurableDirectory directory = open(fresh.start("p"), Scheduler.system())) {
                DurableLog log = createLog(directory, "1.wal", 4096);
                fresh.inject(Fault.on(o -> o.kind() == kind));
                assertThatThrownBy(() -> {
                            log.write(20, Native.of("x"), 0, 1);
                            log.put(21, Native.of("x"), 0, 1);
                            log.sync(22, SyncSite.LOG_GROUP);
                        })
                        .isInstanceOf(StorageException.class);
                StorageException first = log.failure();
                assertThat(first).isNotNull();
                assertThatThrownBy(() -> log.write(22, Native.of("x"), 0, 1)).hasCause(first);
                assertThatThrownBy(() -> log.put(22, Native.of("x"), 0, 1)).hasCause(first);
                assertThatThrownBy(() -> log.sync(22, SyncSite.LOG_GROUP)).hasCause(first);
                log.close();
            }
        }
    }

    @Test
    void tooManyOpenFiles_saysWhatToDo() {
        try (DurableDirectory directory = open()) {
            disk.inject(Fault.on(operation -> true).saying("data/1.sst: Too many open files"));
            assertThatThrownBy(() -> directory.create("1.sst"))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContainingAll("/1.sst", "ulimit -n");
        }
    }

    @Test
    void fullDisk_isTyped_andTheDirectoryGoesOnWithSpace() {
        try (DurableDirectory directory = open()) {
            disk.setCapacity(disk.usedBytes() + 8192);
            assertThatThrownBy(() -> createLog(directory, "1.wal", 100_000))
                    .isInstanceOfSatisfying(
                            StorageException.class,
                            e -> assertThat(e.diskFull()).isTrue())
                    .hasMessageContaining("disk is full");
            assertThat(directory.exists("1.wal")).isFalse();
            PendingFile table = directory.create("1.sst");
            assertThatThrownBy(() -> table.write(Native.of("x".repeat(10_000)), 0, 10_000))
                    .isInstanceOfSatisfying(
                            StorageException.class,
                            e -> assertThat(e.diskFull()).isTrue());
            table.abandon();
            disk.setCapacity(Long.MAX_VALUE);
            createLog(directory, "1.wal", 100_000).close();
            assertThat(directory.list()).containsExactly("1.wal");
        }
    }

    @Test
    void readOnlyDisk_isAStorageException() {
        open().close();
        disk.setReadOnly(true);
        try (DurableDirectory directory = open()) {
            assertThatThrownBy(() -> directory.create("f"))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("Read-only file system");
        }
    }

    @Test
    void open_everyOperationFailing_isAStorageException_andLaterWorks() {
        for (int n = 1; ; n++) {
            SimulatedDisk fresh = new SimulatedDisk().makeDirectories(Path.of("/data"));
            SimulatedVfs files = fresh.start("p");
            Path path = Path.of("/data/a/b");
            fresh.inject(Fault.onOperation(n));
            boolean failed = false;
            try {
                DurableDirectory.open(files, path, Mode.CREATE, Scheduler.system(), DurabilityListener.none())
                        .close();
            } catch (StorageException e) {
                failed = true;
            }
            fresh.clearFaults();
            DurableDirectory.open(files, path, Mode.CREATE, Scheduler.system(), DurabilityListener.none())
                    .close();
            if (!failed) {
                assertThat(n).isGreaterThan(10);
                return;
            }
        }
    }

    @Test
    void createLog_everyOperationFailing_leavesNoBadLog_andALaterOneWorks() {
        for (Fault.Effect effect :
                List.of(Fault.Effect.FAILS, Fault.Effect.FAILS_BUT_HAPPENED, Fault.Effect.FAILS_HALFWAY)) {
            for (int n = 1; ; n++) {
                SimulatedDisk fresh = new SimulatedDisk().makeDirectories(DB);
                DurableDirectory directory = open(fresh.start("p"), Scheduler.system());
                fresh.inject(Fault.onOperation(fresh.operations() + n).with(effect));
                boolean failed = false;
                try {
                    createLog(directory, "1.wal", 8192).close();
                } catch (StorageException e) {
                    failed = true;
                }
                fresh.clearFaults();
                for (CutPolicy policy : CutPolicy.exploring(fresh, 6, 5, n)) {
                    SimulatedDisk after = fresh.copy();
                    after.cutPower(policy);
                    if (after.names(DB).contains("1.wal")) {
                        assertThat(after.bytes(DB.resolve("1.wal"))).startsWith('a', ' ', 'l', 'o', 'g');
                    }
                }
                if (directory.failure() == null) {
                    createLog(directory, "2.wal", 8192).close();
                }
                assertThat(fresh.violations()).isEmpty();
                if (!failed) {
                    break;
                }
            }
        }
    }

    // ---- who died before

    @Test
    void open_afterAKill_savesTheNamesThatTheDeadLeft() {
        DurableDirectory first = DurableDirectory.open(
                vfs, Path.of("/data/db"), Mode.EXISTING, Scheduler.system(), DurabilityListener.none());
        pending(first, "left.sst");
        vfs.kill();
        assertThat(disk.pending()).isNotEmpty();
        open(disk.start("q"), Scheduler.system()).close();
        disk.cutPower(CutPolicy.none());
        assertThat(disk.names(DB)).containsExactly("left.sst");
    }

    @Test
    void open_killedWhileMakingDirectories_nextOpenSavesThemAll() {
        for (int n = 1; ; n++) {
            SimulatedDisk fresh = new SimulatedDisk().makeDirectories(Path.of("/data"));
            SimulatedVfs dying = fresh.start("dying");
            int killAt = n;
            fresh.onOperation(operation -> {
                if (operation.number() == killAt) {
                    dying.kill();
                }
            });
            Path path = Path.of("/data/a/b/c");
            try {
                DurableDirectory.open(dying, path, Mode.CREATE, Scheduler.system(), DurabilityListener.none());
            } catch (ProcessKilled killed) {
                assertThat(dying.isAlive()).isFalse();
            }
            boolean survived = dying.isAlive();
            DurableDirectory.open(fresh.start("next"), path, Mode.CREATE, Scheduler.system(), DurabilityListener.none())
                    .close();
            fresh.cutPower(CutPolicy.none());
            assertThat(fresh.exists(path)).as("killed at %d", n).isTrue();
            if (survived) {
                assertThat(n).isGreaterThan(20);
                return;
            }
        }
    }

    @Test
    void open_byTwoProcessesAtOnce_makesTheDirectoriesOnceAndDurably() {
        Path path = Path.of("/data/a/b/c");
        for (int seed = 0; seed < SEEDS; seed++) {
            try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
                SimulatedDisk shared = new SimulatedDisk(scheduler).makeDirectories(Path.of("/data"));
                for (String name : List.of("p", "q")) {
                    SimulatedVfs files = shared.start(name);
                    // What the first one to return has opened is on disk, whoever made it.
                    scheduler.spawn(files.process(), name, () -> {
                        DurableDirectory.open(files, path, Mode.CREATE, scheduler, DurabilityListener.none())
                                .close();
                        SimulatedDisk after = shared.copy();
                        after.cutPower(CutPolicy.none());
                        assertThat(after.exists(path)).isTrue();
                    });
                }
                scheduler.run();
            }
        }
    }

    @Test
    void make_syncOfTheParentFails_theNextOneMakesTheDirectoryAnew() {
        Path path = Path.of("/data/a/b");
        disk.inject(Fault.on(DirectorySyncTest::isDirectorySync).afterFirst(2)); // that of /data/a
        assertThatThrownBy(() -> DurableDirectory.make(vfs, path, Scheduler.system()))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("/data/a/b");
        assertThat(disk.names(Path.of("/data/a"))).isEmpty();
        DurableDirectory.open(vfs, path, Mode.CREATE, Scheduler.system(), DurabilityListener.none())
                .close();
        disk.cutPower(CutPolicy.none());
        assertThat(disk.exists(path)).isTrue();
    }

    // ---- where directories cannot be synced

    @Test
    void notSyncable_isATypedOutcome_andAllWorks() {
        disk.refuseDirectorySyncs();
        try (DurableDirectory directory = DurableDirectory.open(
                vfs, DB.resolve("new"), Mode.CREATE, Scheduler.system(), DurabilityListener.none())) {
            assertThat(directory.syncability())
                    .isInstanceOfSatisfying(
                            Syncability.NotSyncable.class,
                            outcome -> assertThat(outcome.reason()).contains("does not sync directories"));
            DurableFile file = directory.commit(pending(directory, "1.sst"), SyncSite.TABLE_FLUSH);
            assertThat(file.name()).isEqualTo("1.sst");
            createLog(directory, "1.wal", 4096).close();
            directory.sync(SyncSite.CLOSE);
            assertThat(directory.stats().totalDirectorySyncs()).isZero();
            assertThat(disk.violations()).isEmpty();
        }
    }

    @Test
    void ancestorNotSyncable_isTheOutcome_andTheDirectoryItselfIsSynced() {
        disk.refuseDirectorySyncs(Path.of("/"));
        DurableDirectory directory = open();
        assertThat(directory.syncability()).isInstanceOf(Syncability.NotSyncable.class);
        DurableFile file = directory.commit(pending(directory, "1.sst"), SyncSite.TABLE_FLUSH);
        assertThat(file.name()).isEqualTo("1.sst");
        disk.cutPower(CutPolicy.none());
        assertThat(disk.names(DB)).containsExactly("1.sst");
    }

    @Test
    void farAncestorNotSyncable_isTheOutcomeOfTheOpenThatNeededIt() {
        disk.refuseDirectorySyncs(Path.of("/data"));
        DurableDirectory directory = DurableDirectory.open(
                vfs, Path.of("/data/a/b/c/d"), Mode.CREATE, Scheduler.system(), DurabilityListener.none());
        assertThat(directory.syncability())
                .isInstanceOfSatisfying(
                        Syncability.NotSyncable.class,
                        outcome -> assertThat(outcome.reason()).startsWith("/data:"));
    }

    @Test
    void make_beforeTheOpen_countsAsTheOpens() {
        disk.refuseDirectorySyncs(Path.of("/data"));
        Path path = Path.of("/data/a/b/c/d");
        DurableDirectory.Made made = DurableDirectory.make(vfs, path, Scheduler.system());
        List<DurabilityEvent> heard = new ArrayList<>();
        try (DurableDirectory directory =
                DurableDirectory.open(vfs, path, Mode.EXISTING, made, Scheduler.system(), heard::add)) {
            assertThat(directory.syncability()).isInstanceOf(Syncability.NotSyncable.class);
            assertThat(nonZero(directory.stats().directorySyncs())).isEqualTo(called(Kind.SYNC_DIRECTORY));
            assertThat(heard)
                    .filteredOn(event -> event.kind() == DurabilityEvent.Kind.MAKE_DIRECTORY)
                    .hasSize(4);
        }
    }

    // ---- errors

    @Test
    void make_syncOfTheParentFails_isTriedAgainFromTheStart() {
        Path nested = DB.resolve("a/b");
        disk.inject(Fault.on(
                operation -> isDirectorySync(operation) && operation.path().equals(DB)));
        assertThatThrownBy(() -> DurableDirectory.make(vfs, nested, Scheduler.system()))
                .isInstanceOf(StorageException.class);
        assertThat(disk.names(DB)).isEmpty();

        DurableDirectory.make(vfs, nested, Scheduler.system());
        disk.cutPower(CutPolicy.none());
        assertThat(disk.exists(nested)).isTrue();
    }

    @Test
    void link_byCopyOfAFileThatCannotBeClosed_leavesNothingOpen() {
        disk.setLinks(false);
        disk.makeDirectories(Path.of("/data/copy"));
        try (DurableDirectory directory = open();
                DurableDirectory target = DurableDirectory.open(
                        vfs, Path.of("/data/copy"), Mode.CREATE, Scheduler.system(), DurabilityListener.none())) {
            DurableFile file = directory.commit(pending(directory, "x"), SyncSite.TABLE_FLUSH);
            int open = vfs.openPaths().size();
            disk.inject(Fault.on(operation ->
                    operation.kind() == Kind.CLOSE && operation.path().startsWith(DB)));
            SequencedMap<String, Long> sizes = new LinkedHashMap<>(Map.of("x", file.size()));
            assertThatThrownBy(() -> target.link(directory, sizes, Native.of("buffer"), () -> {}, SyncSite.CHECKPOINT))
                    .isInstanceOf(StorageException.class);
            assertThat(vfs.openPaths()).hasSize(open);
            assertThat(disk.names(target.path())).isEmpty();
        }
    }

    @Test
    void link_byCopies_holdsOneOpen_andEndsWhenItMayNotGoOn() {
        disk.setLinks(false);
        disk.makeDirectories(Path.of("/data/copy"));
        try (DurableDirectory directory = open();
                DurableDirectory target = DurableDirectory.open(
                        vfs, Path.of("/data/copy"), Mode.CREATE, Scheduler.system(), DurabilityListener.none())) {
            SequencedMap<String, Long> sizes = new LinkedHashMap<>();
            for (String name : List.of("x", "y", "z")) {
                sizes.put(
                        name,
                        directory
                                .commit(pending(directory, name), SyncSite.TABLE_FLUSH)
                                .size());
            }
            int open = vfs.openPaths().size();
            List<Integer> openThen = new ArrayList<>();
            Runnable looks = () -> openThen.add(vfs.openPaths().size() - open);
            assertThat(target.link(directory, sizes, Native.of("buffer"), looks, SyncSite.CHECKPOINT))
                    .hasSize(3);
            assertThat(openThen).hasSize(6).allMatch(more -> more <= 2); // an original and its copy
            target.destroy("x", List.of("y", "z"));

            int[] asked = new int[1];
            Runnable refuses = () -> {
                if (++asked[0] == 4) {
                    throw new IllegalStateException("enough");
                }
            };
            assertThatThrownBy(() -> target.link(directory, sizes, Native.of("buffer"), refuses, SyncSite.CHECKPOINT))
                    .hasMessage("enough");
            assertThat(vfs.openPaths()).hasSize(open);
            assertThat(disk.names(target.path())).isEmpty();
        }
    }

    /** What the failed sync was to save may come back, however often the directory is synced later: nothing counts on it. */
    @Test
    void destroy_afterOneWhoseSyncFailed_goesOn() {
        disk.install(DB.resolve("CURRENT"), new byte[1]);
        disk.install(DB.resolve("1.sst"), new byte[1]);
        disk.inject(Fault.on(operation -> operation.site() == SyncSite.DESTROY));
        try (DurableDirectory directory = open()) {
            assertThatThrownBy(() -> directory.destroy("CURRENT", List.of("1.sst")))
                    .isInstanceOf(StorageException.class);
        }
        assertThat(disk.names(DB)).as("kept until it is known").containsExactly("1.sst");
        try (DurableDirectory again = open()) {
            again.destroy("CURRENT", List.of("1.sst"));
        }
        assertThat(disk.names(DB)).isEmpty();
    }

    @Test
    void createLog_withoutRoom_keepsNone() {
        try (DurableDirectory directory = open()) {
            disk.inject(Fault.on(operation -> operation.kind() == Kind.ALLOCATE).diskFull());
            assertThatThrownBy(() -> createLog(directory, "1.wal", 1 << 20)).isInstanceOf(StorageException.class);
            assertThat(disk.names(DB)).isEmpty();
            assertThat(vfs.openPaths()).noneMatch(path -> path.toString().contains("wal"));
            createLog(directory, "1.wal", 1 << 20).close();
        }
    }

    @Test
    void whenFailed_toldOnceOrAtOnce() {
        try (DurableDirectory directory = open()) {
            List<StorageException> told = new ArrayList<>();
            directory.whenFailed(told::add);
            disk.inject(Fault.on(DirectorySyncTest::isDirectorySync));
            pending(directory, "x");
            assertThatThrownBy(() -> directory.sync(SyncSite.CLOSE)).isInstanceOf(StorageException.class);
            assertThatThrownBy(() -> directory.sync(SyncSite.CLOSE)).isInstanceOf(StorageException.class);
            assertThat(told).hasSize(1);
            directory.whenFailed(told::add);
            assertThat(told).hasSize(2);
        }
    }
}
