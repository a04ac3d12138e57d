package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.CrashExplorer;
import io.beachdb.testkit.DiskOperation;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every sync is needed: with all those of one site and kind left out, some cut in some scenario breaks a promise. Those whose
 * loss no cut shows stand here, with the reason.
 */
class SyncMutationTest {
    private static final long SEED = 1;

    private static final Map<Sync, String> SURVIVORS = Map.of(
            directory(SyncSite.TABLE_RECOVERY),
            "the MANIFEST that names the tables is made in the same directory, and that is synced before CURRENT leads to it",
            directory(SyncSite.CHECKPOINT),
            "as for the tables of a recovery: the MANIFEST that names them is made in the same directory",
            file(SyncSite.OPTIONS),
            "the file is for people and never read back",
            directory(SyncSite.OPTIONS),
            "the file is for people and never read back",
            directory(SyncSite.DELETE),
            "a deletion that is lost leaves a file that the next opening deletes",
            directory(SyncSite.CLOSE),
            "what is pending at a close are deletions");

    // For the line that is told at the end.
    private static final AtomicInteger MADE = new AtomicInteger();
    private static final AtomicInteger KILLED = new AtomicInteger();

    /** The syncs of one site, of files or of directories. */
    record Sync(SyncSite site, DiskOperation.Kind kind) {
        boolean matches(DiskOperation operation) {
            return operation.site() == site && operation.kind() == kind;
        }
    }

    private static Sync file(SyncSite site) {
        return new Sync(site, DiskOperation.Kind.SYNC_FILE);
    }

    private static Sync directory(SyncSite site) {
        return new Sync(site, DiskOperation.Kind.SYNC_DIRECTORY);
    }

    /** All that the scenarios do. */
    static Set<Sync> syncs() {
        Set<Sync> syncs = ConcurrentHashMap.newKeySet();
        for (EngineScenario scenario : EngineScenario.values()) {
            scenario.explorer(SEED, operation -> {
                        syncs.add(new Sync(Objects.requireNonNull(operation.site()), operation.kind()));
                        return false;
                    })
                    .exhaustive(0)
                    .samples(0)
                    .maxViolations(1)
                    .explore();
        }
        return syncs;
    }

    @Test
    void sites_allOccur() {
        EnumSet<SyncSite> seen = EnumSet.noneOf(SyncSite.class);
        syncs().forEach(sync -> seen.add(sync.site));
        assertThat(seen).containsExactlyInAnyOrder(SyncSite.values());
    }

    @Test
    void survivors_allOccur() {
        assertThat(syncs()).as("no reason is stale").containsAll(SURVIVORS.keySet());
    }

    @AfterAll
    static void tell() {
        System.out.println("syncs left out: " + MADE + " made, " + KILLED + " killed, " + (MADE.get() - KILLED.get())
                + " explained or failed");
    }

    @ParameterizedTest
    @MethodSource("syncs")
    void scenarios_withoutASync_breakAPromise(Sync sync) {
        List<String> found = exploreAll(sync);
        if (found.isEmpty()) {
            found = exploreCreations(sync);
        }
        MADE.incrementAndGet();
        KILLED.addAndGet(found.isEmpty() ? 0 : 1);
        if (SURVIVORS.containsKey(sync)) {
            assertThat(found).as(SURVIVORS.get(sync)).isEmpty();
        } else {
            assertThat(found).as("left out " + sync).isNotEmpty();
        }
    }

    private static List<String> exploreAll(Sync sync) {
        for (EngineScenario scenario : EngineScenario.values()) {
            CrashExplorer.Result result = scenario.explorer(SEED, sync::matches)
                    .exhaustive(3)
                    .samples(1)
                    .threads(2)
                    .maxViolations(1)
                    .explore();
            if (!result.violations().isEmpty()) {
                return result.violations();
            }
        }
        return List.of();
    }

    /** Of processes that follow one that died anywhere while it made the database. */
    private static List<String> exploreCreations(Sync sync) {
        return EngineScenario.CREATE
                .explorer(SEED, sync::matches)
                .exhaustive(0)
                .samples(0)
                .depth(2)
                .nestedOneIn(1)
                .threads(2)
                .maxViolations(1)
                .explore()
                .violations();
    }
}
