package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The short form of the simulation; its seeds are fixed, so that a failure repeats. */
class EngineSimulationTest {
    private static final long FIRST_SEED = 1;
    private static final long LAST_SEED = Long.getLong("beach.simulation.seeds", 150);

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
}
