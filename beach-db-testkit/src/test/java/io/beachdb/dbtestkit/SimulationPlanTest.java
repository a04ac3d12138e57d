package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.BitSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts of plans, and how they are made shorter. */
class SimulationPlanTest {
    /** With as many lives and clients as there can be. */
    private static SimulationPlan large() {
        for (long seed = 0; ; seed++) {
            SimulationPlan plan = SimulationPlan.of(seed);
            if (plan.clients() == 4 && plan.lives().cardinality() == 4) {
                return plan;
            }
        }
    }

    @Test
    void parse_ofText_isThePlan() {
        SimulationPlan whole = large();
        BitSet some = new BitSet();
        some.set(3);
        some.set(10, 100);
        for (SimulationPlan plan : new SimulationPlan[] {
            whole, whole.withoutLife(2).withoutSteps(some).withSchedule(7), SimulationPlan.of(-5)
        }) {
            assertThat(SimulationPlan.parse(plan.toString())).isEqualTo(plan);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "seed=1",
                "seed=99999999999999999999 schedule=0 within=900 lives=0 steps=1",
                "seed=1 schedule=0 within=900 lives=0 steps=9-1",
                "seed=1 schedule=0 within=900 lives=77 steps=1",
                "seed=1 schedule=0 within=900 lives=0 steps=,",
                "seed=1 schedule=0 within=900 lives=0 steps=-"
            })
    void parse_ofOtherText_saysWhatIsWrong(String text) {
        assertThatThrownBy(() -> SimulationPlan.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }

    /** A mistake that needs two steps of different clients in one life, under one schedule in four. */
    @Test
    void shrink_ofAMistakeThatNeedsTwoSteps_leavesThese() {
        int one = SimulationPlan.step(2, 0, 17);
        int two = SimulationPlan.step(2, 3, 5);
        SimulationPlan shrunk = new SimulationShrinker(
                        large(),
                        plan -> plan.lives().get(2)
                                && plan.steps().get(one)
                                && plan.steps().get(two)
                                && (plan.schedule() + plan.steps().cardinality()) % 4 == 0)
                .shrink();
        assertThat(shrunk.steps().stream()).containsExactly(one, two);
        assertThat(shrunk.lives().stream()).containsExactly(2);
    }
}
