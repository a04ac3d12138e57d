package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.Health;
import io.beachdb.WriteBatch;
import io.beachdb.base.BeachException;
import io.beachdb.base.ClosedException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.base.format.FileName;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Vfs;
import io.beachdb.manifest.FileNumbers;
import io.beachdb.manifest.ManifestReader;
import io.beachdb.manifest.ManifestWriter;
import io.beachdb.manifest.RecoveredManifest;
import io.beachdb.manifest.VersionEdit;
import io.beachdb.testkit.CrashExplorer;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.DiskOperation.Kind;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedRandom;
import io.beachdb.testkit.SimulatedVfs;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Mistakes that other storage engines shipped, by the numbers of a list of such bugs that the project keeps: each is made here, and found, or
 * the situation in which it struck is brought about, and survived.
 */
class KnownBugsTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final Path COPY = Path.of("/data/copy");
    private static final String OTHER_HALF = "z/";

    /** Numbers of the list that nothing here can be tested for. */
    private static final Map<Integer, String> CANNOT_APPLY =
            Map.of(10, "ingested files: the database takes in no file that it has not written itself");

    // ---- making a mistake: a sync is left out, and the power cut everywhere

    private static Predicate<DiskOperation> file(SyncSite site) {
        return operation -> operation.site() == site && operation.kind() == Kind.SYNC_FILE;
    }

    private static Predicate<DiskOperation> directory(SyncSite site) {
        return operation -> operation.site() == site && operation.kind() == Kind.SYNC_DIRECTORY;
    }

    private static void assertFound(EngineScenario scenario, Predicate<DiskOperation> leftOut) {
        List<String> found = explore(scenario, leftOut);
        assertThat(found).as("violations in " + scenario).isNotEmpty();
    }

    private static List<String> explore(EngineScenario scenario, Predicate<DiskOperation> leftOut) {
        return scenario.explorer(1, leftOut)
                .exhaustive(3)
                .samples(1)
                .threads(2)
                .maxViolations(1)
                .explore()
                .violations();
    }

    private static void assertKept(CrashExplorer.Builder<?> explorer) {
        CrashExplorer.Result result = explorer.threads(2).explore();
        assertThat(result.states()).isGreaterThan(50);
        assertThat(result.violations()).isEmpty();
    }

    // ---- bringing a situation about

    private static void open(SteppedEngine engine) {
        engine.open(DIRECTORY, options -> options);
    }

    private static void put(BeachDB db, String key, Durability durability) {
        db.put(bytes(key), bytes("value of " + key), durability);
    }

    private static void assertHas(BeachDB db, String... keys) {
        for (String key : keys) {
            assertThat(db.get(bytes(key))).as(key).isEqualTo(bytes("value of " + key));
        }
    }

    private static List<CutPolicy> policies() {
        List<CutPolicy> policies = new ArrayList<>(List.of(CutPolicy.none(), CutPolicy.all()));
        IntStream.range(0, 6).forEach(seed -> policies.add(CutPolicy.random(seed)));
        return policies;
    }

    /** Cuts the power of copies of the machine, and looks at what the database has then. */
    private static void afterCuts(SteppedEngine engine, Consumer<BeachDB> look) {
        for (CutPolicy policy : policies()) {
            try (SteppedEngine after = engine.afterCut(policy)) {
                open(after);
                after.step(look);
                after.step(BeachDB::close);
            }
        }
    }

    private static List<String> names(SteppedEngine engine, String end) {
        return engine.disk().names(DIRECTORY).stream()
                .filter(name -> name.endsWith(end))
                .toList();
    }

    private static void inject(SteppedEngine engine, Predicate<DiskOperation> on, Fault.Effect effect) {
        engine.disk().inject(Fault.on(on).with(effect));
    }

    // ---- names

    @Test
    void t01_logMadeWithoutASyncOfItsDirectory_isFound() {
        assertFound(EngineScenario.CREATE, directory(SyncSite.LOG_CREATE));
    }

    @Test
    void t02_renameToCurrentWithoutASyncOfTheDirectory_isFound() {
        assertFound(EngineScenario.ROLL_OVER, directory(SyncSite.CURRENT_SWITCH));
    }

    /** A receipt is given by the return of the system call: as many calls as receipts say, by site. */
    @Test
    void t03_everyDirectorySyncThatIsToldIsASystemCall() {
        try (SteppedEngine engine = new SteppedEngine(3)) {
            Map<SyncSite, Long> called = new TreeMap<>();
            engine.disk().onOperation(operation -> {
                SyncSite site = operation.site();
                if (site != null && operation.kind() == Kind.SYNC_DIRECTORY) {
                    called.merge(site, 1L, Long::sum);
                }
            });
            open(engine);
            Map<SyncSite, Long> told = new TreeMap<>();
            engine.step(db -> {
                for (int i = 0; i < 5; i++) {
                    put(db, "k" + i, Durability.SYNCED);
                    db.flush();
                }
                db.compact();
            });
            engine.step(db -> db.stats().durability().directorySyncs().forEach((site, count) -> {
                if (count > 0) {
                    told.put(site, count);
                }
            }));
            assertThat(called).isEqualTo(told).isNotEmpty();
            engine.step(BeachDB::close);
        }
    }

    @Test
    void t04_syncThroughAClosedHandle_isRefused() {
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(DIRECTORY);
        SimulatedVfs vfs = disk.start("p");
        DurableDirectory directory = DurableDirectory.open(
                vfs, DIRECTORY, DurableDirectory.Mode.CREATE, Scheduler.system(), DurabilityListener.none());
        directory.create("1.sst");
        directory.close();
        long before = disk.operations();
        assertThatThrownBy(() -> directory.sync(SyncSite.TABLE_FLUSH)).isInstanceOf(ClosedException.class);
        assertThat(disk.operations()).as("and asks the disk nothing").isEqualTo(before);
    }

    @Test
    void t05_currentOnDiskBeforeItsManifest_isFound() {
        assertFound(EngineScenario.ROLL_OVER, file(SyncSite.MANIFEST_CREATE));
        assertThat(EngineScenario.ROLL_OVER
                        .explorer(1, directory(SyncSite.MANIFEST_CREATE))
                        .exhaustive(
                                6) // the names of MANIFEST and CURRENT, temporary ones too, and what is pending besides
                        .threads(2)
                        .maxViolations(1)
                        .explore()
                        .violations())
                .isNotEmpty();
    }

    @Test
    void t06_contentOfCurrentNotSynced_isFound() {
        assertFound(EngineScenario.REOPEN, file(SyncSite.CURRENT_SWITCH));
    }

    /** The old MANIFEST goes only when the sync of the directory after CURRENT's rename has returned. */
    @Test
    void t07_oldManifestIsDeletedAfterTheSwitchIsOnDisk() {
        try (SteppedEngine engine = new SteppedEngine(7)) {
            open(engine);
            engine.step(db -> put(db, "a", Durability.SYNCED));
            engine.step(BeachDB::close);
            int[] deleted = new int[1];
            engine.disk().onOperation(operation -> {
                if (operation.kind() == Kind.DELETE && operation.name().startsWith("MANIFEST-")) {
                    deleted[0]++;
                    assertThat(manifestOfCurrentAfterACut(engine.disk()))
                            .as("where CURRENT leads, on disk, before " + operation)
                            .isNotEqualTo(operation.name());
                }
            });
            open(engine);
            assertThat(deleted[0]).isPositive();
            engine.step(BeachDB::close);
        }
    }

    /** What only a call that has returned can have changed, however early the next one comes. */
    private static String manifestOfCurrentAfterACut(SimulatedDisk disk) {
        SimulatedDisk copy = disk.copy();
        copy.cutPower(CutPolicy.none());
        String current = new String(copy.bytes(DIRECTORY.resolve("CURRENT")), StandardCharsets.ISO_8859_1);
        return current.replaceFirst("(?s).*(MANIFEST-\\d+).*", "$1");
    }

    @Test
    void t08_deletionThatIsLost_meansNothing() {
        assertThat(explore(EngineScenario.FLUSH, directory(SyncSite.DELETE).or(directory(SyncSite.CLOSE))))
                .isEmpty();
        assertThat(explore(EngineScenario.REOPEN, directory(SyncSite.DELETE).or(directory(SyncSite.CLOSE))))
                .isEmpty();
    }

    @Test
    void t09_firstManifestNotSynced_isFound() {
        assertFound(EngineScenario.CREATE, file(SyncSite.MANIFEST_CREATE).or(file(SyncSite.MANIFEST_EDIT)));
    }

    // ---- checkpoints

    @Test
    void t11_checkpointOfUnsyncedWrites_holdsThem() {
        Path target = Path.of("/data/copy");
        try (SteppedEngine engine = new SteppedEngine(11)) {
            open(engine);
            engine.step(db -> {
                put(db, "logged", Durability.LOGGED);
                put(db, "unlogged", Durability.UNLOGGED);
                db.checkpoint(target);
            });
            for (CutPolicy policy : policies()) {
                try (SteppedEngine after = engine.afterCut(policy)) {
                    after.open(target, options -> options.createIfMissing(false));
                    after.step(db -> assertHas(db, "logged", "unlogged"));
                    after.step(BeachDB::close);
                }
            }
        }
    }

    @Test
    void t12_copiesOfACheckpointNotSynced_isFound() {
        assertFound(EngineScenario.CHECKPOINT_COPIED, file(SyncSite.CHECKPOINT));
    }

    /** Writers go on meanwhile: the checkpoint has whole batches, and with a write all before it. */
    @Test
    void t13_checkpointBesideWriters_isAPrefix() {
        int amidst = 0;
        for (long seed = 0; seed < 20; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                Map<Long, String> written = new TreeMap<>();
                for (int i = 0; i < 4; i++) {
                    String writer = "w" + i + "/";
                    engine.begin(writer, db -> writePairs(db, writer, written));
                }
                engine.step(db -> db.checkpoint(COPY));
                engine.step(BeachDB::close);
                engine.open(COPY, options -> options.createIfMissing(false));
                int[] there = new int[1];
                engine.step(db -> there[0] = countPrefix(db, written));
                amidst += there[0] > 0 && there[0] < written.size() ? 1 : 0;
                engine.step(BeachDB::close);
            }
        }
        assertThat(amidst).as("checkpoints that came amidst the writes").isPositive();
    }

    private static void writePairs(BeachDB db, String writer, Map<Long, String> written) {
        for (int n = 0; n < 10; n++) {
            String key = writer + n;
            WriteBatch batch = new WriteBatch();
            batch.put(bytes(key), bytes("value of " + key));
            batch.put(bytes(OTHER_HALF + key), bytes("value of " + OTHER_HALF + key));
            written.put(db.write(batch, n % 2 == 0 ? Durability.SYNCED : Durability.LOGGED), key);
        }
    }

    /** Returns how many of the batches are there: whole ones, and none without those before it. */
    private static int countPrefix(BeachDB db, Map<Long, String> written) {
        int count = 0;
        boolean ended = false;
        for (String key : written.values()) {
            boolean there = db.get(bytes(key)) != null;
            assertThat(db.get(bytes(OTHER_HALF + key)) != null)
                    .as("the other half of " + key)
                    .isEqualTo(there);
            assertThat(there && ended).as(key + " without one before it").isFalse();
            ended |= !there;
            count += there ? 1 : 0;
        }
        return count;
    }

    @Test
    void t14_parentsOfANewDirectoryNotSynced_isFound() {
        assertFound(EngineScenario.CREATE, directory(SyncSite.DIRECTORY_CREATE).or(directory(SyncSite.OPEN)));
    }

    /** The one other directory that the engine writes to is a checkpoint's. */
    @Test
    void t15_otherDirectoryForgotten_isFound() {
        assertFound(
                EngineScenario.CHECKPOINT,
                operation -> operation.kind() == Kind.SYNC_DIRECTORY
                        && operation.path().toString().startsWith("/data/made/of"));
    }

    // ---- several logs

    @Test
    void t16_laterLogSyncedBeforeAnEarlierOne_isFound() {
        assertFound(EngineScenario.ROTATION, file(SyncSite.LOG_ROTATE));
    }

    /** The names of a recovery's tables are on disk before anything names them. */
    @Test
    void t17_directoryOfRecoveredTablesIsSyncedBeforeTheirManifestIsMade() {
        try (SteppedEngine engine = new SteppedEngine(17)) {
            open(engine);
            engine.step(db -> put(db, "a", Durability.SYNCED));
            engine.kill();
            Set<String> made = new HashSet<>();
            int[] synced = new int[1];
            engine.disk().onOperation(operation -> {
                if (operation.kind() == Kind.CREATE && operation.name().endsWith(".sst")) {
                    made.add(operation.name());
                }
                synced[0] += directory(SyncSite.TABLE_RECOVERY).test(operation) ? 1 : 0;
                if (operation.kind() == Kind.CREATE && operation.name().startsWith("MANIFEST-")) {
                    SimulatedDisk copy = engine.disk().copy();
                    copy.cutPower(CutPolicy.none());
                    assertThat(copy.names(DIRECTORY))
                            .as("on disk before " + operation)
                            .containsAll(made);
                }
            });
            open(engine);
            assertThat(made).isNotEmpty();
            assertThat(synced[0]).isPositive();
            engine.step(BeachDB::close);
        }
        assertEveryOpeningBeginsANewManifest();
    }

    /** And so it is named by a new MANIFEST: none is ever appended to by a later opening. */
    private static void assertEveryOpeningBeginsANewManifest() {
        try (SteppedEngine engine = new SteppedEngine(17)) {
            Set<String> manifests = new HashSet<>();
            for (int i = 0; i < 4; i++) {
                open(engine);
                String key = "k" + i;
                engine.step(db -> put(db, key, Durability.SYNCED));
                List<String> now = engine.disk().names(DIRECTORY).stream()
                        .filter(name -> name.startsWith("MANIFEST-"))
                        .toList();
                assertThat(now).hasSize(1);
                assertThat(manifests.add(now.getFirst())).isTrue();
                if (i % 2 == 0) {
                    engine.kill();
                } else {
                    engine.step(BeachDB::close);
                }
            }
        }
    }

    // ---- errors

    @Test
    void t18_failedEditThatIsThereAfterAll_missesNoFile() {
        for (Fault.Effect effect : List.of(Fault.Effect.FAILS_BUT_HAPPENED, Fault.Effect.FAILS)) {
            try (SteppedEngine engine = new SteppedEngine(18)) {
                open(engine);
                engine.step(db -> put(db, "a", Durability.SYNCED));
                inject(engine, file(SyncSite.MANIFEST_EDIT), effect);
                engine.step(db -> assertThatThrownBy(db::flush).isInstanceOf(BeachException.class));
                afterCuts(engine, db -> assertHas(db, "a"));
                engine.step(BeachDB::close);
                afterCuts(engine, db -> assertHas(db, "a"));
            }
        }
    }

    @Test
    void t19_failedWriteOfTheManifest_nothingIsAppendedAfterIt() {
        try (SteppedEngine engine = new SteppedEngine(19)) {
            open(engine);
            engine.step(db -> put(db, "a", Durability.SYNCED));
            Predicate<DiskOperation> writes = operation ->
                    operation.kind() == Kind.WRITE && operation.name().startsWith("MANIFEST-");
            inject(engine, writes, Fault.Effect.FAILS_HALFWAY);
            List<Path> written = new ArrayList<>();
            engine.disk().onOperation(operation -> {
                if (writes.test(operation)) {
                    written.add(operation.path());
                }
            });
            engine.step(db -> assertThatThrownBy(db::flush).isInstanceOf(BeachException.class));
            Path failed = written.getFirst();
            engine.step(db -> {
                db.resume();
                put(db, "b", Durability.SYNCED);
                db.flush();
            });
            assertThat(written.subList(1, written.size())).isNotEmpty().doesNotContain(failed);
            afterCuts(engine, db -> assertHas(db, "a", "b"));
            engine.step(BeachDB::close);
        }
    }

    @Test
    void t20_renameThatFailsButHappened_leavesADatabase() {
        try (SteppedEngine engine = new SteppedEngine(20)) {
            open(engine);
            engine.step(db -> put(db, "a", Durability.SYNCED));
            engine.step(BeachDB::close);
            inject(engine, operation -> operation.kind() == Kind.RENAME, Fault.Effect.FAILS_BUT_HAPPENED);
            engine.tryOpen(
                    DIRECTORY,
                    options -> options,
                    (db, refusal) -> assertThat(refusal).isInstanceOf(StorageException.class));
            engine.disk().clearFaults();
            afterCuts(engine, db -> assertHas(db, "a"));
            open(engine);
            engine.step(db -> assertHas(db, "a"));
            engine.step(BeachDB::close);
        }
    }

    /** Files that nothing names yet: another one takes the place of each whose sync fails, and nobody need be told. */
    private static final Set<Sync> REPLACED = Set.of(
            new Sync(SyncSite.LOG_RECYCLE, Kind.SYNC_FILE),
            new Sync(SyncSite.TABLE_FLUSH, Kind.SYNC_FILE),
            new Sync(SyncSite.TABLE_COMPACTION, Kind.SYNC_FILE));

    /** The syncs of one site, of files or of directories. */
    private record Sync(SyncSite site, Kind kind) {}

    @Test
    void t21_resultOfASyncIsChecked_whateverItIsOf() {
        Map<Sync, List<EngineScenario>> places = new HashMap<>();
        for (EngineScenario scenario : EngineScenario.values()) {
            Consumer<DiskOperation> note = operation -> {
                if (operation.site() != null) {
                    List<EngineScenario> there = places.computeIfAbsent(
                            new Sync(operation.site(), operation.kind()), sync -> new ArrayList<>());
                    if (!there.contains(scenario)) {
                        there.add(scenario);
                    }
                }
            };
            scenario.play(1, disk -> disk.onOperation(note), process -> process);
        }
        assertThat(places.keySet().stream().map(Sync::site)).contains(SyncSite.values());
        assertThat(places.keySet()).containsAll(REPLACED);
        places.forEach((sync, scenarios) ->
                scenarios.stream().limit(2).forEach(scenario -> assertFailureIsTold(sync, scenario)));
    }

    private static void assertFailureIsTold(Sync sync, EngineScenario scenario) {
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(Stage.GIVEN);
        List<Path> synced = new ArrayList<>(); // and the first of them fails
        disk.inject(Fault.on(operation -> {
                    boolean matches = operation.site() == sync.site && operation.kind() == sync.kind;
                    if (matches) {
                        synced.add(operation.path());
                    }
                    return matches && synced.size() == 1;
                })
                .sticky());
        boolean[] told = new boolean[1];
        try (SteppedEngine engine = new SteppedEngine(1, disk)) {
            scenario.play(new Stage(engine, 1, EngineScenario.newClients(), (refusal, client, db) -> told[0] = true));
            if (engine.isOpen()) {
                engine.step(db -> told[0] |= db.health().state() != Health.State.OK);
            }
        }
        assertThat(synced).as(sync + " in " + scenario).isNotEmpty();
        if (REPLACED.contains(sync)) {
            assertThat(told[0] || !synced.subList(1, synced.size()).contains(synced.getFirst()))
                    .as("the file whose " + sync + " failed in " + scenario + " is not synced again")
                    .isTrue();
        } else {
            assertThat(told[0])
                    .as("a failed " + sync + " in " + scenario + " is told")
                    .isTrue();
        }
    }

    @Test
    void t22_failedSync_isNeverTriedAgainOnThatFile() {
        try (SteppedEngine engine = new SteppedEngine(22)) {
            open(engine);
            engine.step(db -> put(db, "a", Durability.SYNCED));
            inject(engine, file(SyncSite.LOG_GROUP), Fault.Effect.FAILS);
            List<Path> synced = new ArrayList<>();
            engine.disk().onOperation(operation -> {
                if (operation.kind() == Kind.SYNC_FILE) {
                    synced.add(operation.path());
                }
            });
            engine.step(db -> assertThatThrownBy(() -> put(db, "b", Durability.SYNCED))
                    .isInstanceOf(WriteIndeterminateException.class));
            Path failed = synced.getFirst();
            engine.step(db -> {
                db.resume();
                put(db, "c", Durability.SYNCED);
                db.close();
            });
            assertThat(synced.subList(1, synced.size())).isNotEmpty().doesNotContain(failed);
            afterCuts(engine, db -> assertHas(db, "a", "b", "c"));
        }
    }

    @Test
    void t23_failedSyncOfTheLog_isToldToEveryQueuedWriter() {
        for (long seed = 0; seed < 20; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                engine.disk().inject(Fault.on(file(SyncSite.LOG_GROUP)));
                List<String> acknowledged = new ArrayList<>();
                int[] failed = new int[1];
                for (int i = 0; i < 6; i++) {
                    String key = "k" + i;
                    engine.begin(key, db -> {
                        try {
                            put(db, key, Durability.SYNCED);
                            acknowledged.add(key);
                        } catch (WriteIndeterminateException | WriteRefusedException e) {
                            failed[0]++;
                        }
                    });
                }
                engine.step(db -> {});
                assertThat(failed[0]).as("seed " + seed).isPositive();
                assertThat(failed[0] + acknowledged.size()).isEqualTo(6);
                afterCuts(engine, db -> assertHas(db, acknowledged.toArray(new String[0])));
            }
        }
    }

    // ---- logs

    /** What an old life of the file holds behind the new records is never read as data. */
    @Test
    void t24_recycledLog_oldRecordsAreNotReplayed() {
        try (SteppedEngine engine = new SteppedEngine(24)) {
            int[] recycled = new int[1];
            engine.disk()
                    .onOperation(operation ->
                            recycled[0] += directory(SyncSite.LOG_RECYCLE).test(operation) ? 1 : 0);
            open(engine);
            engine.step(db -> put(db, "first", Durability.SYNCED));
            for (int i = 0; i < 6; i++) {
                engine.step(db -> {
                    for (int k = 0; k < 20; k++) {
                        put(db, "old" + k, Durability.LOGGED);
                    }
                    db.flush();
                    for (int k = 0; k < 20; k++) {
                        db.delete(bytes("old" + k), Durability.LOGGED);
                    }
                    db.flush();
                    put(db, "new", Durability.SYNCED);
                });
                afterCuts(engine, db -> {
                    assertHas(db, "first", "new");
                    for (int k = 0; k < 20; k++) {
                        assertThat(db.get(bytes("old" + k))).isNull();
                    }
                });
            }
            assertThat(recycled[0]).isPositive();
            engine.step(BeachDB::close);
        }
    }

    @Test
    void t25_renameOfARecycledLogNotSynced_isFound() {
        assertFound(EngineScenario.FLUSH, directory(SyncSite.LOG_RECYCLE));
    }

    @Test
    void t26_logMissingInTheMiddle_isDamage() throws IOException {
        try (SteppedEngine engine = new SteppedEngine(26)) {
            engine.open(DIRECTORY, options -> options.maxImmutableMemtables(8));
            // No table can be made, so that all logs are needed.
            engine.disk()
                    .inject(Fault.on(operation -> operation.name().endsWith(".sst"))
                            .sticky()
                            .diskFull());
            engine.disk().onOperation(operation -> {
                if (file(SyncSite.LOG_GROUP).test(operation)
                        && logsWithRecords(engine).size() == 3) {
                    engine.kill();
                }
            });
            engine.step(db -> {
                for (int i = 0; i < 1000; i++) {
                    db.put(bytes("k" + i), bytes("x".repeat(2000)), Durability.SYNCED);
                }
            });
            engine.disk().clearFaults();
            List<String> logs = logsWithRecords(engine);
            assertThat(logs).hasSize(3);
            Vfs outside = engine.disk().start("somebody");
            outside.delete(DIRECTORY.resolve(logs.get(1)));
            engine.tryOpen(
                    DIRECTORY,
                    options -> options,
                    (db, refusal) -> assertThat(refusal)
                            .isInstanceOf(CorruptionException.class)
                            .hasMessageContaining(logs.get(1)));
        }
    }

    private static List<String> logsWithRecords(SteppedEngine engine) {
        return names(engine, ".wal").stream()
                .filter(name -> {
                    byte[] bytes = engine.disk().bytes(DIRECTORY.resolve(name));
                    return bytes.length > 1000 && bytes[200] != 0;
                })
                .toList();
    }

    @Test
    void t27_twoCrashes_keepWhatEachPromised() {
        assertKept(EngineScenario.PUTS.explorer(1).exhaustive(0).samples(1).depth(3));
    }

    /** What belongs together is one record: a table and the log that it replaces, all outputs and all inputs. */
    @Test
    void t28_flushAndCompaction_areOneEditEach() {
        try (SteppedEngine engine = new SteppedEngine(28)) {
            open(engine);
            int[] edits = new int[1];
            engine.disk()
                    .onOperation(operation ->
                            edits[0] += file(SyncSite.MANIFEST_EDIT).test(operation) ? 1 : 0);
            for (int i = 0; i < 3; i++) {
                engine.step(db -> put(db, "a", Durability.SYNCED));
                int before = edits[0];
                engine.step(BeachDB::flush);
                assertThat(edits[0] - before).isEqualTo(1);
            }
            int before = edits[0];
            engine.step(BeachDB::compact);
            assertThat(edits[0] - before).isEqualTo(1);
            engine.step(BeachDB::close);
        }
    }

    @Test
    void t29_numbersOfFilesThatAreThereOrMayBeNamed_areNotUsedAgain() {
        assertNumbersOfAFileAreNotUsedAgain();
        assertNumbersOfAManifestTailAreNotUsedAgain();
    }

    /** An edit, whose sync nobody saw return, says that numbers were given of whose files not even a name is left. */
    private static void assertNumbersOfAManifestTailAreNotUsedAgain() {
        try (SteppedEngine engine = new SteppedEngine(29)) {
            open(engine);
            engine.step(db -> put(db, "a", Durability.SYNCED));
            engine.step(BeachDB::close);
            SimulatedVfs process = engine.disk().start("one that dies");
            long given = appendEditAfterManyNumbers(process);
            process.kill();
            assertThat(numberedNames(engine.disk()))
                    .allSatisfy(number -> assertThat(number).isLessThan(given));
            Set<Long> made = new HashSet<>();
            noteMade(engine, made);
            open(engine);
            engine.step(db -> assertHas(db, "a"));
            assertThat(made)
                    .isNotEmpty()
                    .allSatisfy(number -> assertThat(number).isGreaterThan(given));
            engine.step(BeachDB::close);
        }
    }

    /** Returns the newest number that is given. */
    private static long appendEditAfterManyNumbers(SimulatedVfs process) {
        try (MemoryBudget budget = MemoryBudget.ofBytes(8 << 20);
                DurableDirectory directory = DurableDirectory.open(
                        process,
                        DIRECTORY,
                        DurableDirectory.Mode.EXISTING,
                        Scheduler.system(),
                        DurabilityListener.none())) {
            RecoveredManifest found = Objects.requireNonNull(ManifestReader.read(directory, budget.openAccount()));
            FileNumbers numbers = FileNumbers.above(found.version().nextFileNumber(), found.names());
            VersionEdit edit = VersionEdit.builder()
                    .lastSequence(found.version().lastSequence())
                    .build();
            try (ManifestWriter manifest = ManifestWriter.create(
                    directory, found.databaseId(), numbers, budget.openAccount(), 1 << 20, found.version(), edit)) {
                manifest.switchCurrent();
                IntStream.range(0, 50).forEach(i -> numbers.next());
                process.disk().inject(Fault.on(file(SyncSite.MANIFEST_EDIT)).with(Fault.Effect.FAILS_BUT_HAPPENED));
                assertThatThrownBy(() -> manifest.append(edit)).isInstanceOf(StorageException.class);
            }
            return numbers.peek() - 1;
        }
    }

    private static List<Long> numberedNames(SimulatedDisk disk) {
        return disk.names(DIRECTORY).stream()
                .map(FileName::parse)
                .filter(Objects::nonNull)
                .map(FileName::number)
                .toList();
    }

    private static void noteMade(SteppedEngine engine, Set<Long> made) {
        engine.disk().onOperation(operation -> {
            FileName name = FileName.parse(operation.name());
            if (name != null && operation.kind() == Kind.CREATE && name.number() > 0) {
                made.add(name.number());
            }
        });
    }

    private static void assertNumbersOfAFileAreNotUsedAgain() {
        try (SteppedEngine engine = new SteppedEngine(29)) {
            open(engine);
            engine.step(db -> put(db, "a", Durability.SYNCED));
            engine.kill();
            engine.disk().install(DIRECTORY.resolve(FileName.table(900)), bytes("left by a crash"));
            Set<Long> made = new HashSet<>();
            noteMade(engine, made);
            open(engine);
            engine.step(db -> {
                assertHas(db, "a");
                put(db, "b", Durability.SYNCED);
                db.flush();
            });
            assertThat(made)
                    .isNotEmpty()
                    .allSatisfy(number -> assertThat(number).isGreaterThan(900));
            engine.step(BeachDB::close);
        }
    }

    /** Half records, and holes of zeros before later bytes that were kept: a prefix comes back. */
    @Test
    void t30_holesInTheUnsyncedEndOfALog_endIt() {
        try (SteppedEngine engine = new SteppedEngine(30)) {
            open(engine);
            engine.step(db -> {
                put(db, "synced", Durability.SYNCED);
                for (int i = 0; i < 40; i++) {
                    db.put(bytes("k" + i), new byte[700], Durability.LOGGED);
                }
            });
            Set<Integer> lengths = new HashSet<>();
            SimulatedRandom random = new SimulatedRandom(30);
            for (int i = 0; i < 60; i++) {
                try (SteppedEngine after = engine.afterCut(CutPolicy.random(random.nextLong()))) {
                    open(after);
                    after.step(db -> {
                        assertHas(db, "synced");
                        int there = 0;
                        while (there < 40 && db.get(bytes("k" + there)) != null) {
                            assertThat(db.get(bytes("k" + there))).isEqualTo(new byte[700]);
                            there++;
                        }
                        for (int k = there; k < 40; k++) {
                            assertThat(db.get(bytes("k" + k))).isNull();
                        }
                        lengths.add(there);
                    });
                    after.step(BeachDB::close);
                }
            }
            assertThat(lengths).hasSizeGreaterThan(3);
        }
    }

    @Test
    void t31_damageBeforeSyncedRecords_isNotTakenForATornTail() {
        try (SteppedEngine engine = new SteppedEngine(31)) {
            open(engine);
            engine.step(db -> {
                for (int i = 0; i < 20; i++) {
                    db.put(bytes("k" + i), new byte[700], Durability.SYNCED);
                }
            });
            engine.kill();
            Path log = engine.disk().names(DIRECTORY).stream()
                    .filter(name -> name.endsWith(".wal"))
                    .map(DIRECTORY::resolve)
                    .filter(path -> engine.disk().bytes(path).length > 10_000)
                    .findFirst()
                    .orElseThrow();
            byte[] bytes = engine.disk().bytes(log);
            bytes[5000] ^= 1;
            engine.disk().install(log, bytes);
            engine.tryOpen(
                    DIRECTORY,
                    options -> options,
                    (db, refusal) -> assertThat(refusal)
                            .isInstanceOf(CorruptionException.class)
                            .hasMessageContaining(log.getFileName().toString()));
        }
    }

    // ---- half of a whole

    @Test
    void t32_powerCutWhileADatabaseIsMade_leavesOneThatOpens() {
        assertKept(EngineScenario.CREATE.explorer(1).exhaustive(4).samples(1));
    }

    @Test
    void t33_powerCutWhileACopyIsMade_leavesAWholeOneOrNone() {
        assertKept(
                EngineScenario.CHECKPOINT.explorer(1).exhaustive(2).samples(1).depth(1));
    }

    @Test
    void t34_editThatNamesATableWhoseNameIsNotOnDisk_isFound() {
        assertFound(EngineScenario.FLUSH, directory(SyncSite.TABLE_FLUSH));
    }

    @Test
    void t35_closeAfterAFailedSync_keepsTheLog() {
        for (SyncSite site : List.of(SyncSite.LOG_GROUP, SyncSite.TABLE_FLUSH)) {
            try (SteppedEngine engine = new SteppedEngine(35)) {
                open(engine);
                engine.step(db -> put(db, "a", Durability.SYNCED));
                engine.disk().inject(Fault.on(file(site)).sticky());
                engine.step(db -> {
                    assertThat(catchThrowable(() -> {
                                put(db, "b", Durability.SYNCED);
                                db.flush();
                            }))
                            .isInstanceOf(BeachException.class);
                    assertThat(db.health().state()).isNotEqualTo(Health.State.OK);
                });
                engine.step(db -> {
                    Throwable told = catchThrowable(db::close);
                    assertThat(told == null || told instanceof BeachException)
                            .as("told " + told)
                            .isTrue();
                });
                engine.disk().clearFaults();
                afterCuts(engine, db -> assertHas(db, "a"));
            }
        }
    }

    // ---- the kit itself

    @Test
    void t36_simulatedDisk_isNotTooKind() throws IOException {
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(Path.of("/data"));
        disk.checkReliance(false); // which finds this mistake without a cut
        SimulatedVfs vfs = disk.start("p");
        Path old = Path.of("/data/old");
        disk.install(old, bytes("old"));
        Path file = Path.of("/data/new");
        try (Arena arena = Arena.ofConfined();
                var created = vfs.create(file)) {
            created.write(0, arena.allocateFrom("new"), 0, 3);
        }
        assertThat(disk.bytes(file)).as("what was not synced can be read").isEqualTo(bytes("new"));
        vfs.rename(file, old);
        SimulatedDisk none = disk.copy();
        none.cutPower(CutPolicy.none());
        assertThat(none.bytes(old)).as("a close is no sync, a rename neither").isEqualTo(bytes("old"));
        assertThat(none.exists(file)).isFalse();
        boolean emptyUnderTheNewName = false;
        for (int seed = 0; seed < 100; seed++) {
            SimulatedDisk some = disk.copy();
            some.cutPower(CutPolicy.random(seed));
            assertThat(some.exists(old))
                    .as("a rename replaces, it does not delete first")
                    .isTrue();
            emptyUnderTheNewName |= some.bytes(old).length == 0;
        }
        assertThat(emptyUnderTheNewName)
                .as("a name can be on disk before the bytes")
                .isTrue();
    }

    /** A log is cut behind its END when it is closed, and nobody syncs that. */
    @Test
    void t37_sizeOfAClosedFileNotSynced_losesNothing() {
        try (SteppedEngine engine = new SteppedEngine(37)) {
            open(engine);
            engine.step(db -> put(db, "a", Durability.LOGGED));
            int[] truncated = new int[1];
            engine.disk().onOperation(operation -> truncated[0] += operation.kind() == Kind.TRUNCATE ? 1 : 0);
            engine.step(BeachDB::close);
            assertThat(truncated[0]).isPositive();
            afterCuts(engine, db -> assertHas(db, "a"));
        }
    }

    @Test
    void t38_editBeforeTheDirectorySyncOfItsTables_isFound() {
        assertFound(EngineScenario.COMPACTION, directory(SyncSite.TABLE_COMPACTION));
    }

    @Test
    void t39_deletionsNotSynced_isFound() {
        assertFound(EngineScenario.DESTROY, directory(SyncSite.DESTROY));
    }

    // ---- the list

    @Test
    void list_everyNumberHasATestOrAReason() {
        Set<Integer> numbers = new HashSet<>(CANNOT_APPLY.keySet());
        for (var method : KnownBugsTest.class.getDeclaredMethods()) {
            if (method.isAnnotationPresent(Test.class) && method.getName().matches("t\\d\\d_.*")) {
                int number = Integer.parseInt(method.getName().substring(1, 3));
                assertThat(numbers.add(number)).as("a second test of " + number).isTrue();
            }
        }
        assertThat(numbers)
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.rangeClosed(1, 39).boxed().toList());
    }
}
