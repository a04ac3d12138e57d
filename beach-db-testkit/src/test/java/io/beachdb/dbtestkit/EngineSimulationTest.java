package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.dbtestkit.EngineSimulation.Event;
import io.beachdb.dbtestkit.MutantVfs.Mutant;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The short form of {@code ./beach simulate}; its seeds are fixed, so that a failure repeats. */
class EngineSimulationTest {
    private static final long FIRST_SEED = 1;
    private static final long LAST_SEED = Long.getLong("beach.simulation.seeds", 200);
    private static final int CUT_SOON = 150; // of operations; so that a cut finds something going on
    private static final int FEW_STEPS = 8;

    @Test
    void run_manySeeds_keepsEveryPromise() {
        long operations = 0;
        Map<Event, Long> reached = new EnumMap<>(Event.class);
        for (long seed = FIRST_SEED; seed <= LAST_SEED; seed++) {
            EngineSimulation.Result result = EngineSimulation.run(seed);
            operations += result.operations();
            result.reached().forEach((event, times) -> reached.merge(event, times, Long::sum));
        }
        System.out.println("simulated seeds " + FIRST_SEED + " to " + LAST_SEED + ", " + operations
                + " operations of clients, " + reached);
        assertThat(operations).isPositive();
        assertThat(reached).as("each was to happen").containsOnlyKeys(Event.values());
    }

    /**
     * Mistakes below the engine, and what tells of each: the comparisons alone, for the disk's own check of what is counted on
     * is off.
     */
    @SuppressWarnings("ImmutableEnumChecker") // the functions have no state
    enum Mistake {
        LOG_SYNC_IS_A_LIE(
                disk -> disk.inject(Fault.on(operation -> operation.site() == SyncSite.LOG_GROUP)
                        .with(Fault.Effect.IGNORED)
                        .sticky()),
                null,
                "writes, promised "),
        LOG_SYNC_FAILS_AND_NOBODY_LOOKS(
                disk -> disk.inject(Fault.on(operation -> operation.site() == SyncSite.LOG_GROUP)
                        .sticky()),
                Mutant.of(MutantVfs.Mistake.SWALLOW, SyncSite.LOG_GROUP, DiskOperation.Kind.SYNC_FILE),
                "no order of the operations on shared keys"),
        DIRECTORY_OF_A_FLUSH_IS_NOT_SYNCED(
                disk -> {},
                Mutant.of(MutantVfs.Mistake.SKIP, SyncSite.TABLE_FLUSH, DiskOperation.Kind.SYNC_DIRECTORY),
                "names it as a table of level 0, and it is not there"),
        /** No mistake of a database; that it is told of one in a life whose disk is well is. */
        ERROR_WITHOUT_A_CAUSE(
                disk -> disk.inject(Fault.onOperation(disk.operations() + 100)), null, "Input/output error");

        private final EngineSimulation.Below below;
        private final String tells;

        Mistake(Consumer<SimulatedDisk> prepare, @Nullable Mutant mutant, String tells) {
            this.below = new EngineSimulation.Below(
                    disk -> {
                        disk.checkReliance(false);
                        prepare.accept(disk);
                    },
                    process -> mutant == null ? process : new MutantVfs(process, mutant));
            this.tells = tells;
        }

        /** Returns what a plan breaks; nothing if it keeps all. */
        private String brokenBy(SimulationPlan plan) {
            try {
                EngineSimulation.play(plan, what -> {}, below);
                return "";
            } catch (AssertionError broken) {
                return broken.toString();
            }
        }

        /** Returns the first plan that breaks something in the way that tells of it. */
        private SimulationPlan firstBroken() {
            for (long seed = FIRST_SEED; seed <= LAST_SEED; seed++) {
                SimulationPlan plan = SimulationPlan.of(seed).withWithin(CUT_SOON);
                if (brokenBy(plan).contains(tells)) {
                    return plan;
                }
            }
            throw new AssertionError("no seed up to " + LAST_SEED + " tells of " + this);
        }
    }

    @ParameterizedTest
    @EnumSource
    void play_overAMistake_tellsOfIt(Mistake mistake) {
        SimulationPlan plan = mistake.firstBroken();
        assertThat(mistake.brokenBy(plan)).contains(plan.toString());
        assertThat(EngineSimulation.play(plan, what -> {}).operations()).isPositive();
    }

    /** What is left breaks something by itself, in every playing, and nothing without the mistake. */
    @Test
    void shrink_ofAPlanThatBreaksAPromise_leavesFewStepsThatDo() {
        Mistake mistake = Mistake.DIRECTORY_OF_A_FLUSH_IS_NOT_SYNCED;
        SimulationPlan shrunk = EngineSimulation.shrink(mistake.firstBroken(), mistake.below);
        assertThat(shrunk.steps().cardinality()).as(shrunk.toString()).isBetween(1, FEW_STEPS);
        assertThat(shrunk.lives().cardinality()).isLessThanOrEqualTo(2);
        SimulationPlan repeated = SimulationPlan.parse(shrunk.toString());
        assertThat(mistake.brokenBy(repeated)).contains(shrunk.toString()).isEqualTo(mistake.brokenBy(shrunk));
        assertThat(EngineSimulation.play(repeated, what -> {}).lives()).isPositive();
    }

    @Test
    void run_sameSeedTwice_isTheSameRun() {
        for (long seed = 1000; seed < 1005; seed++) {
            assertThat(EngineSimulation.run(seed)).isEqualTo(EngineSimulation.run(seed));
        }
    }

    @Test
    void play_ofAPart_playsThatPartAndTellsIt() {
        SimulationPlan plan = SimulationPlan.parse("seed=1 schedule=0 within=900 lives=0-1 steps=0-9,160-163");
        List<String> told = new ArrayList<>();
        assertThat(EngineSimulation.play(plan, told::add).operations()).isBetween(1L, 14L);
        assertThat(told).anyMatch(line -> line.contains("client 0 ")).anyMatch(line -> line.contains("starts"));
    }

    @Test
    void shrink_ofAPlanThatBreaksNothing_isRefused() {
        assertThatThrownBy(() -> EngineSimulation.shrink(SimulationPlan.of(1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("seed=1 ");
    }
}
