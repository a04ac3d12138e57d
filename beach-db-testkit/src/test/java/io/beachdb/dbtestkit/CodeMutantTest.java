package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.dbtestkit.MutantVfs.Mistake;
import io.beachdb.dbtestkit.MutantVfs.Mutant;
import io.beachdb.dbtestkit.MutantVfs.Order;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.DurableFile;
import io.beachdb.durability.DurableLog;
import io.beachdb.durability.DurableSwitch;
import io.beachdb.durability.RecoveredState;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.SyncedTo;
import io.beachdb.testkit.CrashExplorer;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Mistakes in the code that syncs, made by a {@link MutantVfs} below it: some scenario finds each out, by the disk's own check
 * of what is counted on, or by a cut. Those that do no harm stand here, with the reason.
 *
 * <p>Not here: an edit, a switch or a deletion without what it needs. The receipts that these take have no public
 * constructor, so such code does not compile.
 */
class CodeMutantTest {
    private static final long SEED = 1;

    /** Sites whose syncs of directories no promise needs; SyncMutationTest leaves them out under every cut, and says why. */
    private static final Set<SyncSite> NEEDLESS = EnumSet.of(SyncSite.DELETE, SyncSite.CLOSE);

    private static final Map<Mutant, String> HARMLESS = Map.of(
            Mutant.of(Mistake.WRONG_DIRECTORY, SyncSite.DIRECTORY_CREATE, DiskOperation.Kind.SYNC_DIRECTORY),
            "each directory is synced one too late then, and OPEN, which follows, syncs the last ones",
            Mutant.of(Mistake.WRONG_DIRECTORY, SyncSite.OPEN, DiskOperation.Kind.SYNC_DIRECTORY),
            "only the sync of the directory itself is missing: what is read from it is written anew before it is counted on");

    // For the line that is told at the end.
    private static final AtomicInteger MADE = new AtomicInteger();
    private static final AtomicInteger KILLED = new AtomicInteger();

    /** A mutant, and the scenarios in which it does something. */
    record Trial(Mutant mutant, List<EngineScenario> scenarios) {
        @Override
        public String toString() {
            return mutant.toString();
        }
    }

    /** The syncs of one site, of files or of directories. */
    private record Sync(SyncSite site, DiskOperation.Kind kind) {}

    /** Which scenarios come to which syncs. */
    private static Map<Sync, List<EngineScenario>> places() {
        Map<Sync, List<EngineScenario>> places =
                new TreeMap<>(Comparator.comparing(Sync::site).thenComparing(Sync::kind));
        for (EngineScenario scenario : EngineScenario.values()) {
            Consumer<DiskOperation> note = operation -> {
                if (operation.kind().isSync()) {
                    Sync sync = new Sync(Objects.requireNonNull(operation.site()), operation.kind());
                    List<EngineScenario> there = places.computeIfAbsent(sync, s -> new ArrayList<>());
                    if (!there.contains(scenario)) {
                        there.add(scenario);
                    }
                }
            };
            scenario.play(SEED, disk -> disk.onOperation(note), process -> process);
        }
        return places;
    }

    static List<Trial> trials() {
        List<Trial> trials = new ArrayList<>();
        places().forEach((sync, scenarios) -> {
            for (Mistake mistake : Mistake.values()) {
                if (mistake.fits(sync.kind)) {
                    trials.add(new Trial(Mutant.of(mistake, sync.site, sync.kind), scenarios));
                }
            }
        });
        List<EngineScenario> all = List.of(EngineScenario.values());
        trials.add(new Trial(Mutant.of(Mistake.NO_PARENTS), all));
        for (Order order : Order.values()) {
            trials.add(new Trial(Mutant.of(order), all));
        }
        return trials;
    }

    @Test
    void harmlessMutants_areAllMade() {
        List<Mutant> made = trials().stream().map(Trial::mutant).toList();
        assertThat(made).as("no reason is stale").containsAll(HARMLESS.keySet());
        assertThat(made.stream().map(Mutant::site)).containsAll(NEEDLESS);
    }

    @AfterAll
    static void tell() {
        System.out.println("mutants of code: " + MADE + " made, " + KILLED + " killed, " + (MADE.get() - KILLED.get())
                + " explained or failed");
    }

    @ParameterizedTest
    @MethodSource("trials")
    void mutant_isFoundOutUnlessHarmless(Trial trial) {
        Optional<AssertionError> atOnce = trial.scenarios.stream()
                .map(scenario -> breaksAtOnce(scenario, trial.mutant))
                .flatMap(Optional::stream)
                .findFirst();
        boolean seenAtOnce = atOnce.isPresent();
        SyncSite site = trial.mutant.site();
        boolean explained = site != null && NEEDLESS.contains(site) || HARMLESS.containsKey(trial.mutant);
        MADE.incrementAndGet();
        if (site != null && NEEDLESS.contains(site)) {
            assertThat(seenAtOnce).isFalse();
        } else if (HARMLESS.containsKey(trial.mutant)) {
            assertThat(seenAtOnce).isFalse();
            List<String> found =
                    site == SyncSite.OPEN ? afterDeaths(trial.mutant) : cut(EngineScenario.CREATE, trial.mutant);
            assertThat(found).as(HARMLESS.get(trial.mutant)).isEmpty();
        } else if (trial.mutant.mistake() == Mistake.SKIP && site == SyncSite.OPEN) {
            assertThat(afterDeaths(trial.mutant)).anyMatch(found -> found.contains("counts on"));
        } else if (trial.mutant.mistake() == Mistake.SKIP) {
            assertThat(seenAtOnce)
                    .as("found by the disk's check, without a cut: " + trial)
                    .isTrue();
        } else if (!seenAtOnce) {
            assertThat(cuts(trial)).as(trial.toString()).isNotEmpty();
        }
        KILLED.addAndGet(explained ? 0 : 1);
    }

    /** By the disk's check of what is counted on, or since the engine itself meets it. */
    private static Optional<AssertionError> breaksAtOnce(EngineScenario scenario, Mutant mutant) {
        try {
            scenario.play(SEED, disk -> prepare(disk, mutant), process -> new MutantVfs(process, mutant));
            return Optional.empty();
        } catch (AssertionError found) {
            return Optional.of(found);
        }
    }

    private static List<String> cuts(Trial trial) {
        if (trial.mutant.site() == SyncSite.OPEN) {
            return afterDeaths(trial.mutant);
        }
        for (EngineScenario scenario : trial.scenarios) {
            List<String> found = cut(scenario, trial.mutant);
            if (!found.isEmpty()) {
                return found;
            }
        }
        return List.of();
    }

    /** The power is cut; the disk does not check. */
    private static List<String> cut(EngineScenario scenario, Mutant mutant) {
        return explorer(scenario, mutant, disk -> disk.checkReliance(false))
                .exhaustive(3)
                .samples(1)
                .maxViolations(1)
                .explore()
                .violations();
    }

    /** What an opening's syncs are for: processes that follow one that died anywhere while it made the database. */
    private static List<String> afterDeaths(Mutant mutant) {
        return explorer(EngineScenario.CREATE, mutant, disk -> {})
                .exhaustive(0)
                .samples(0)
                .depth(2)
                .nestedOneIn(1)
                .maxViolations(1)
                .explore()
                .violations();
    }

    private static CrashExplorer.Builder<?> explorer(
            EngineScenario scenario, Mutant mutant, Consumer<SimulatedDisk> first) {
        return scenario.explorer(
                        SEED,
                        disk -> {
                            first.accept(disk);
                            prepare(disk, mutant);
                        },
                        process -> new MutantVfs(process, mutant))
                .threads(2);
    }

    /** Makes the syncs fail whose errors a mutant drops; and files that a late one keeps open can be renamed. */
    private static void prepare(SimulatedDisk disk, Mutant mutant) {
        disk.setOpenFilesHeld(false);
        if (mutant.mistake() == Mistake.SWALLOW) {
            disk.inject(Fault.on(operation -> operation.site() == mutant.site() && operation.kind() == mutant.kind())
                    .sticky());
        }
    }

    @ParameterizedTest
    @ValueSource(
            classes = {
                DurableFile.class,
                DurableLog.class,
                DurableEdit.class,
                DurableSwitch.class,
                RecoveredState.class,
                SyncedTo.class
            })
    void receipts_areMadeByTheDirectoryServiceOnly(Class<?> receipt) {
        assertThat(receipt.getConstructors()).isEmpty();
    }
}
