package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.base.CorruptionException;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.DurabilityViolation;
import io.beachdb.testkit.Fault;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * No sync is there for nothing: each in turn is left out of a life in which all of them occur, and then something is counted
 * on that is not on disk (the disk sees that at once), or something promised is gone after a power cut.
 */
class SyncSiteTest {
    private static final Path DIRECTORY = Path.of("/data/made/on/open");
    private static final long SEED = 20;

    /** Sites whose syncs could be left out without harm, and why they are there. */
    private static final Map<SyncSite, String> HARMLESS = Map.of(
            SyncSite.DELETE, "a deletion that is lost leaves a file that the next opening deletes",
            SyncSite.CLOSE, "what is pending at a close are deletions, see DELETE");

    /** Sites that {@link #live}, which cuts the power only when all is at rest, cannot show: the disk's own check does. */
    private static final Map<SyncSite, String> NOT_SHOWN_BY_A_CUT_AT_REST = Map.of(
            SyncSite.LOG_ROTATE, "when all is at rest, the flush that follows a rotation has made it needless",
            SyncSite.MANIFEST_CREATE, "the edit that names the opening's log syncs the same file a moment later",
            SyncSite.OPTIONS, "the file is for people and never read back");

    private static final String BROKEN = "promise broken";

    /** What no life that goes on does: SyncMutationTest leaves it out. */
    private static final EnumSet<SyncSite> NOT_IN_A_LIFE = EnumSet.of(SyncSite.CHECKPOINT, SyncSite.DESTROY);

    /** A sync by what it is for and what it syncs. */
    record Sync(SyncSite site, DiskOperation.Kind kind) implements Comparable<Sync> {
        boolean matches(DiskOperation operation) {
            return operation.site() == site && operation.kind() == kind;
        }

        @Override
        public int compareTo(Sync other) {
            int bySite = site.compareTo(other.site);
            return bySite != 0 ? bySite : kind.compareTo(other.kind);
        }
    }

    /** What a life promised against power loss. */
    private static final class Promise {
        private int synced;
    }

    /**
     * A life with every sync there is: first a process that dies right after it has made the directory, then one that makes
     * the database, writes, flushes, compacts, rolls over and closes, then one that dies, then one that recovers.
     */
    private static void live(SteppedEngine engine, Promise promise) {
        killWhenDirectoryIsMade(engine);
        open(engine);
        write(engine, promise, Durability.SYNCED);
        for (int round = 0; round < 30; round++) { // some 100 edits, enough to roll over
            write(engine, promise, Durability.LOGGED);
            boolean look = round < 2;
            if (look) {
                write(engine, promise, Durability.SYNCED);
                checkKeptByACut(engine, promise);
            }
            engine.step(BeachDB::flush);
            promise.synced = written(engine);
            if (look) {
                checkKeptByACut(engine, promise);
            }
            engine.step(BeachDB::compact);
            if (look) {
                checkKeptByACut(engine, promise);
            }
        }
        write(engine, promise, Durability.LOGGED);
        int logged = written(engine);
        engine.pass(10_000_000_000L);
        promise.synced = logged;
        checkKeptByACut(engine, promise);
        write(engine, promise, Durability.LOGGED);
        logged = written(engine);
        engine.step(BeachDB::close);
        promise.synced = logged;
        checkKeptByACut(engine, promise);
        open(engine);
        write(engine, promise, Durability.SYNCED);
        checkKeptByACut(engine, promise);
        engine.kill();
        open(engine);
        checkKeptByACut(engine, promise);
        engine.step(BeachDB::close);
        checkKeptByACut(engine, promise);
    }

    private static void killWhenDirectoryIsMade(SteppedEngine engine) {
        boolean[] made = new boolean[1];
        engine.disk().onOperation(operation -> {
            if (!made[0] && engine.disk().exists(DIRECTORY)) {
                made[0] = true;
                engine.kill();
            }
        });
        open(engine);
        assertThat(made[0]).isTrue();
    }

    private static void open(SteppedEngine engine) {
        engine.open(DIRECTORY, options -> options.manifestBytes(4 << 10));
    }

    private static int written(SteppedEngine engine) {
        byte[][] found = new byte[1][];
        engine.step(db -> found[0] = db.get(bytes("count")));
        return found[0] == null ? 0 : Integer.parseInt(new String(found[0], StandardCharsets.UTF_8));
    }

    private static void write(SteppedEngine engine, Promise promise, Durability durability) {
        int next = written(engine) + 1;
        engine.step(db -> db.put(bytes("count"), bytes(Integer.toString(next)), durability));
        if (durability == Durability.SYNCED) {
            promise.synced = next;
        }
    }

    /** Cuts the power of a copy of the machine, opens, and looks. */
    private static void checkKeptByACut(SteppedEngine engine, Promise promise) {
        for (CutPolicy policy :
                List.of(CutPolicy.none(), CutPolicy.all(), CutPolicy.namesOnly(), CutPolicy.random(SEED))) {
            try (SteppedEngine after = engine.afterCut(policy)) {
                open(after);
                int found = written(after);
                if (found < promise.synced) {
                    throw new AssertionError(
                            BROKEN + ": " + found + " of " + promise.synced + " writes are there, kept " + policy);
                }
                after.step(BeachDB::close);
            }
        }
    }

    /** All syncs of a life. */
    static Set<Sync> syncs() {
        Set<Sync> syncs = new TreeSet<>();
        try (SteppedEngine engine = new SteppedEngine(SEED)) {
            engine.disk().onOperation(operation -> {
                if (operation.kind().isSync()) {
                    syncs.add(new Sync(Objects.requireNonNull(operation.site()), operation.kind()));
                }
            });
            live(engine, new Promise());
        }
        return syncs;
    }

    @Test
    void sites_allOccur() {
        EnumSet<SyncSite> seen = EnumSet.noneOf(SyncSite.class);
        syncs().forEach(sync -> seen.add(sync.site));
        assertThat(seen).containsExactlyInAnyOrderElementsOf(EnumSet.complementOf(NOT_IN_A_LIFE));
    }

    @Test
    void harmlessSites_allOccur() {
        assertThat(syncs().stream().map(Sync::site).toList())
                .as("no reason is stale")
                .containsAll(HARMLESS.keySet())
                .containsAll(NOT_SHOWN_BY_A_CUT_AT_REST.keySet());
    }

    @ParameterizedTest
    @MethodSource("syncs")
    void life_withoutOneSync_isFoundOutByTheDiskUnlessHarmless(Sync sync) {
        AssertionError found = liveWithout(sync, true);
        if (HARMLESS.containsKey(sync.site)) {
            assertThat(found).as(HARMLESS.get(sync.site)).isNull();
        } else {
            assertThat(found).as("left out " + sync).isNotNull();
            assertThat(found).hasRootCauseInstanceOf(DurabilityViolation.class);
        }
    }

    @ParameterizedTest
    @EnumSource(
            mode = EnumSource.Mode.EXCLUDE,
            names = {"CHECKPOINT", "DESTROY"})
    void life_withoutTheSyncsOfASite_losesSomethingInAPowerCut(SyncSite site) {
        List<String> losses = new ArrayList<>();
        for (DiskOperation.Kind kind : List.of(DiskOperation.Kind.SYNC_FILE, DiskOperation.Kind.SYNC_DIRECTORY)) {
            AssertionError found = liveWithout(new Sync(site, kind), false);
            if (found != null) {
                assertThat(found.toString()).containsAnyOf(BROKEN, CorruptionException.class.getName());
                losses.add(found.toString());
            }
        }
        String harmless = HARMLESS.getOrDefault(site, NOT_SHOWN_BY_A_CUT_AT_REST.get(site));
        if (harmless == null) {
            assertThat(losses).as("left out " + site).isNotEmpty();
        } else {
            assertThat(losses).as(harmless).isEmpty();
        }
    }

    /** Lives without a sync; returns what broke, null if nothing did. */
    private static @Nullable AssertionError liveWithout(Sync sync, boolean diskChecks) {
        try (SteppedEngine engine = new SteppedEngine(SEED)) {
            engine.disk().checkReliance(diskChecks);
            engine.disk()
                    .inject(Fault.on(sync::matches).with(Fault.Effect.IGNORED).sticky());
            live(engine, new Promise());
            assertThat(engine.disk().violations()).isEmpty();
            return null;
        } catch (AssertionError e) {
            return e;
        }
    }
}
