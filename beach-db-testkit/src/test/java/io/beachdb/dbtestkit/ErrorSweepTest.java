package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each scenario of the engine with errors of its disk: it may stop, never lie. The whole is {@code ./beach sweep}. */
class ErrorSweepTest {
    private static final long SEED = Long.getLong("beach.sweep.seed", 1);
    private static final int ONE_IN = Integer.getInteger("beach.sweep.onein", 60);

    @ParameterizedTest
    @EnumSource
    void scenario_withErrorsOfItsDisk_staysTrue(EngineScenario scenario) {
        ErrorSweep.Result result = new ErrorSweep(scenario, SEED, ONE_IN, 2).sweep();
        assertThat(result.violations()).isEmpty();
        assertThat(result.refused()).isPositive();
        assertThat(result.states()).isGreaterThan(result.cases());
    }

    @Test
    void replay_ofOneCase_playsItOrSaysThatThereIsNone() {
        ErrorSweep sweep = new ErrorSweep(EngineScenario.CREATE, 1, 1, 1);
        sweep.replay("40 error");
        sweep.replay("40 kind-for-a-while resume");
        assertThatThrownBy(() -> sweep.replay("40 errors"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'40 errors'")
                .hasMessageContaining("no-descriptor-for-a-while");
    }
}
