package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.testkit.CrashExplorer;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each scenario of the engine, the power cut everywhere: whatever the disk may hold then keeps the promises. */
class CrashExplorationTest {
    private static final long SEED = Long.getLong("beach.explore.seed", 1);
    private static final int SAMPLES = Integer.getInteger("beach.explore.samples", 2);
    private static final int EXHAUSTIVE = Integer.getInteger("beach.explore.exhaustive", 4);
    private static final int NAMES = Integer.getInteger("beach.explore.names", 4); // 8 in a long run
    private static final int DEPTH = Integer.getInteger("beach.explore.depth", 2);

    // For the line that is told at the end.
    private static final AtomicLong STATES = new AtomicLong();

    @ParameterizedTest
    @EnumSource
    void scenario_cutEverywhere_keepsItsPromises(EngineScenario scenario) {
        CrashExplorer.Result result = scenario.explorer(SEED)
                .exhaustive(EXHAUSTIVE)
                .exhaustiveNames(NAMES)
                .samples(SAMPLES)
                .depth(DEPTH)
                .threads(2)
                .explore();
        assertThat(result.violations()).isEmpty();
        assertThat(result.statesByDepth()).hasSize(DEPTH).as(result.toString()).allMatch(states -> states > 0);
        assertThat(result.states()).isGreaterThan(result.moments());
        STATES.addAndGet(result.states());
    }

    @AfterAll
    static void tell() {
        System.out.println("power cuts left " + STATES + " distinct states");
    }
}
