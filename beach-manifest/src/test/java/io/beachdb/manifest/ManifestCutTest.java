package io.beachdb.manifest;

import static io.beachdb.manifest.ManifestFixture.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.StorageException;
import io.beachdb.base.format.FileName;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.RecoveredState;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.DurabilityViolation;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedEnd;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A small life of a database's manifests (creation, edits, roll-overs, deletions, reopening), with the power cut before
 * every operation, and every operation failing once. What is recovered is the last state acknowledged, or the one that was
 * being recorded; and the database goes on from there.
 */
class ManifestCutTest {
    private static final long SEED = 4711;

    /** What was acknowledged, and what may be there instead. */
    private static final class Promise {
        @Nullable
        Map<String, Object> acknowledged; // null: no database yet

        @Nullable
        Map<String, Object> underway;

        void begin(@Nullable Map<String, Object> next) {
            underway = next;
        }

        void kept() {
            acknowledged = underway;
            underway = null;
        }
    }

    private static SimulatedDisk disk() {
        return new SimulatedDisk().makeDirectories(Path.of("/data"));
    }

    /** Levels and last sequence: what edits change, without the numbers that a new manifest takes. */
    private static Map<String, Object> essence(Version version) {
        Map<String, Object> state = ManifestFixture.state(version);
        state.remove("next file number");
        return state;
    }

    private record Opened(ManifestWriter writer, FileNumbers numbers) {}

    /** Opens as the engine does: whatever is there becomes the begin of a new manifest, orphans go. */
    private static Opened open(ManifestFixture fixture, Promise promise) {
        RecoveredManifest recovered = fixture.read();
        Version version = recovered == null ? Version.empty() : recovered.version();
        FileNumbers numbers = FileNumbers.above(version.nextFileNumber(), fixture.directory.list());
        if (recovered == null) {
            promise.begin(essence(version));
        }
        ManifestWriter writer = ManifestWriter.create(
                fixture.directory, ManifestFixture.ID, numbers, fixture.account, 700, version, VersionEdit.none());
        RecoveredState state = fixture.directory.recovered(version.tableNames());
        Set<String> live = new HashSet<>(version.tableNames());
        live.addAll(List.of(FileName.CURRENT, FileName.manifest(writer.manifestNumber())));
        state.letGoAllBut(live, writer.switchCurrent());
        if (recovered == null) {
            promise.kept();
        }
        for (String name : fixture.directory.list()) {
            if (state.allows(name)) {
                fixture.directory.delete(name, state);
            }
        }
        fixture.directory.sync(SyncSite.DELETE);
        return new Opened(writer, numbers);
    }

    /** Adds two tables, then takes both to one below, deletes what goes; each time around. */
    private static void work(ManifestFixture fixture, Opened opened, Promise promise, int rounds) {
        ManifestWriter writer = opened.writer;
        FileNumbers numbers = opened.numbers;
        for (int i = 0; i < rounds; i++) {
            long sequence = writer.version().lastSequence() + 1;
            TableEntry a = entry(numbers.next(), "a", "m", sequence, sequence);
            append(
                    fixture,
                    writer,
                    promise,
                    VersionEdit.builder().addTable(0, a, fixture.file(a)).lastSequence(sequence));
            TableEntry b = entry(numbers.next(), "c", "z", sequence + 1, sequence + 1);
            append(
                    fixture,
                    writer,
                    promise,
                    VersionEdit.builder().addTable(0, b, fixture.file(b)).lastSequence(sequence + 1));
            VersionEdit.Builder compaction = VersionEdit.builder();
            for (int level = 0; level < 2; level++) {
                for (LiveTable table : writer.version().tables(level)) {
                    compaction.dropTable(level, table.number());
                }
            }
            TableEntry c = entry(numbers.next(), "a", "z", 0, sequence + 1);
            append(fixture, writer, promise, compaction.addTable(1, c, fixture.file(c)));
        }
    }

    private static void append(
            ManifestFixture fixture, ManifestWriter writer, Promise promise, VersionEdit.Builder builder) {
        VersionEdit edit = builder.build();
        promise.begin(essence(writer.version().apply(edit.withNextFileNumber(1_000_000))));
        DurableEdit receipt = writer.append(edit);
        promise.kept();
        for (long dropped : edit.droppedNumbers()) {
            fixture.directory.delete(FileName.table(dropped), receipt);
        }
        for (String name : writer.takeObsolete()) {
            fixture.directory.delete(name, writer.lastSwitch());
        }
    }

    private static void life(SimulatedDisk disk, Promise promise) {
        for (int run = 0; run < 2; run++) {
            try (ManifestFixture fixture = new ManifestFixture(disk)) {
                Opened opened = open(fixture, promise);
                work(fixture, opened, promise, 2);
                if (run == 1) {
                    opened.writer.close();
                }
            }
        }
    }

    private static void checkPromise(ManifestFixture fixture, Promise promise, String what) {
        RecoveredManifest recovered = fixture.read();
        Map<String, Object> found = recovered == null ? null : essence(recovered.version());
        List<@Nullable Map<String, Object>> legal = new ArrayList<>();
        legal.add(promise.acknowledged);
        if (promise.underway != null) {
            legal.add(promise.underway);
        }
        assertThat(legal).as(what).contains(found);
    }

    @Test
    void life_powerCutBeforeEveryOperation_keepsWhatWasAcknowledged() {
        SimulatedDisk whole = disk();
        life(whole, new Promise());
        long cutPoints = whole.cutPoints();
        long states = 0;
        for (long at = 1; at <= cutPoints; at++) {
            SimulatedDisk disk = disk();
            disk.cutAt(at);
            Promise promise = new Promise();
            try {
                life(disk, promise);
            } catch (SimulatedEnd cut) {
                assertThat(disk.isPowerOff()).isTrue();
            }
            for (CutPolicy policy : CutPolicy.exploring(disk, 4, 6, SEED + at)) {
                states++;
                check(disk.copy(), promise, policy, "cut before operation " + at + ", kept " + policy);
            }
            assertThat(disk.violations()).isEmpty();
        }
        assertThat(cutPoints).isGreaterThan(100);
        assertThat(states).isGreaterThan(1000);
    }

    /** Cuts, reads, goes on, cuts again. */
    private static void check(SimulatedDisk disk, Promise promise, CutPolicy policy, String what) {
        disk.cutPower(policy);
        Promise second = new Promise();
        try (ManifestFixture fixture = new ManifestFixture(disk)) {
            checkPromise(fixture, promise, what);
            RecoveredManifest recovered = fixture.read();
            second.acknowledged = recovered == null ? null : essence(recovered.version());
            work(fixture, open(fixture, second), second, 1);
        }
        assertThat(disk.violations()).as(what).isEmpty();
        disk.cutPower(CutPolicy.none());
        try (ManifestFixture fixture = new ManifestFixture(disk)) {
            checkPromise(fixture, second, what + ", gone on, cut again");
        }
    }

    /** A sync of the manifest's, by its site and whether it is of a file or the directory. */
    record Sync(SyncSite site, DiskOperation.Kind kind, String name) {
        boolean matches(DiskOperation operation) {
            return operation.site() == site
                    && operation.kind() == kind
                    && operation.name().matches(name);
        }
    }

    static List<Sync> syncs() {
        return List.of(
                new Sync(SyncSite.MANIFEST_CREATE, DiskOperation.Kind.SYNC_FILE, "MANIFEST-\\d+\\.tmp"),
                new Sync(SyncSite.MANIFEST_CREATE, DiskOperation.Kind.SYNC_FILE, "MANIFEST-\\d+"),
                new Sync(SyncSite.MANIFEST_CREATE, DiskOperation.Kind.SYNC_DIRECTORY, "db"),
                new Sync(SyncSite.MANIFEST_EDIT, DiskOperation.Kind.SYNC_FILE, "MANIFEST-\\d+"),
                new Sync(SyncSite.CURRENT_SWITCH, DiskOperation.Kind.SYNC_FILE, "CURRENT\\.tmp"),
                new Sync(SyncSite.CURRENT_SWITCH, DiskOperation.Kind.SYNC_DIRECTORY, "db"));
    }

    /** No sync is there for nothing: without any one of them, something is counted on that is not on disk. */
    @ParameterizedTest
    @MethodSource("syncs")
    void life_withoutOneSync_isFoundOut(Sync sync) {
        SimulatedDisk disk = disk();
        disk.inject(Fault.on(sync::matches).with(Fault.Effect.IGNORED).sticky());
        assertThatThrownBy(() -> life(disk, new Promise())).isInstanceOf(DurabilityViolation.class);
    }

    /** Any operation may fail, happened or not; a failed edit is in doubt, and resume settles it. */
    @ParameterizedTest
    @EnumSource(names = {"FAILS", "FAILS_BUT_HAPPENED", "FAILS_HALFWAY"})
    void life_everyOperationFailsOnce_isNeverALie(Fault.Effect effect) {
        SimulatedDisk whole = disk();
        life(whole, new Promise());
        List<DiskOperation> trace = whole.trace();
        int resumed = 0;
        for (DiskOperation operation : trace) {
            if (!operation.kind().isCutPoint()) {
                continue;
            }
            SimulatedDisk disk = disk();
            disk.inject(Fault.onOperation(operation.number()).with(effect));
            Promise promise = new Promise();
            String what = effect + " at " + operation;
            resumed += liveThrough(disk, promise, what) ? 1 : 0;
            assertThat(disk.violations()).as(what).isEmpty();
            for (CutPolicy policy :
                    List.of(CutPolicy.none(), CutPolicy.all(), CutPolicy.random(SEED + operation.number()))) {
                check(disk.copy(), promise, policy, what + ", then cut, kept " + policy);
            }
        }
        assertThat(resumed).isGreaterThan(20);
    }

    /** Lives until something fails, then goes on where the writer can; returns whether it had to. */
    private static boolean liveThrough(SimulatedDisk disk, Promise promise, String what) {
        for (int run = 0; run < 2; run++) {
            Opened opened = null;
            try (ManifestFixture fixture = new ManifestFixture(disk)) {
                try {
                    opened = open(fixture, promise);
                    work(fixture, opened, promise, 2);
                    opened.writer.close();
                } catch (StorageException e) {
                    if (opened == null || opened.writer.failure() == null || fixture.directory.failure() != null) {
                        return false;
                    }
                    ManifestWriter writer = opened.writer;
                    writer.rollOver(VersionEdit.none());
                    assertThat(essence(writer.version())).as(what).isEqualTo(promise.acknowledged);
                    promise.underway = null; // settled: it is no more
                    work(fixture, opened, promise, 1);
                    return true;
                }
            } catch (StorageException e) {
                assertThat(opened)
                        .as(what + ": only opening the directory may end here")
                        .isNull();
                return false;
            }
        }
        return false;
    }
}
