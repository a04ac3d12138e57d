package io.beachdb.dbtestkit;

import java.util.BitSet;
import java.util.function.Predicate;

/**
 * Makes a plan that breaks a promise shorter: leaves out lives, clients, then steps in halves, quarters and so on (Zeller and
 * Hildebrandt, "Simplifying and isolating failure-inducing input", 2002). What is left out moves everything behind it, so
 * each shorter plan is tried under several schedules.
 */
final class SimulationShrinker {
    private static final int SCHEDULES = 12;
    private static final int MAX_RUNS = 1500;

    private final Predicate<SimulationPlan> breaks;
    private SimulationPlan best;
    private int runs;

    /** @param breaks whether a plan breaks a promise, as {@code broken} does */
    SimulationShrinker(SimulationPlan broken, Predicate<SimulationPlan> breaks) {
        this.best = broken;
        this.breaks = breaks;
    }

    SimulationPlan shrink() {
        boolean shorter = true;
        while (shorter && runs < MAX_RUNS) {
            shorter = leaveOutLives();
            shorter |= leaveOutClients();
            shorter |= leaveOutSteps();
            shorter |= comeSooner();
        }
        return best;
    }

    private boolean leaveOutLives() {
        boolean any = false;
        for (int life = 0; life < best.lives().length(); life++) {
            any |= best.lives().get(life) && accept(best.withoutLife(life));
        }
        return any;
    }

    private boolean leaveOutClients() {
        boolean any = false;
        for (int i = 0; i < best.clients(); i++) {
            int client = i;
            BitSet steps = best.steps(step -> SimulationPlan.clientOf(step) == client);
            any |= !steps.isEmpty() && accept(best.withoutSteps(steps));
        }
        return any;
    }

    private boolean leaveOutSteps() {
        boolean any = false;
        for (int size = Math.max(1, best.steps().cardinality() / 2); size >= 1; size /= 2) {
            int[] steps = best.steps().stream().toArray();
            for (int from = 0; from < steps.length; from += size) {
                BitSet some = new BitSet();
                for (int i = from; i < Math.min(steps.length, from + size); i++) {
                    some.set(steps[i]);
                }
                any |= accept(best.withoutSteps(some));
            }
        }
        return any;
    }

    private boolean comeSooner() {
        return best.within() > 20 && accept(best.withWithin(best.within() / 2));
    }

    /** Takes a plan instead of the best one if some schedule of it breaks a promise. */
    private boolean accept(SimulationPlan shorter) {
        for (int i = 0; i < SCHEDULES && runs < MAX_RUNS; i++) {
            SimulationPlan tried = shorter.withSchedule(i == 0 ? best.schedule() : i);
            runs++;
            if (breaks.test(tried)) {
                best = tried;
                return true;
            }
        }
        return false;
    }
}
