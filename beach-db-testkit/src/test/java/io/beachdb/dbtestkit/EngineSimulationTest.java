package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The short form of {@code ./beach simulate}; its seeds are fixed, so that a failure repeats. */
class EngineSimulationTest {
    private static final long FIRST_SEED = 1;
    private static final long LAST_SEED = Long.getLong("beach.simulation.seeds", 200);

    @Test
    void run_manySeeds_keepsEveryPromise() {
        long operations = 0;
        for (long seed = FIRST_SEED; seed <= LAST_SEED; seed++) {
            operations += EngineSimulation.run(seed).operations();
        }
        System.out.println(
                "simulated seeds " + FIRST_SEED + " to " + LAST_SEED + ", " + operations + " operations of clients");
        assertThat(operations).isPositive();
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
