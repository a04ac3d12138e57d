package io.beachdb.stress;

import org.jetbrains.lincheck.datastructures.ManagedStrategyGuaranteeKt;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Options;
import org.jetbrains.lincheck.datastructures.StressOptions;

/**
 * How long the Lincheck tests look: short for the build, longer with {@code -Dbeach.lincheck.scale=N}, which multiplies the
 * scenarios.
 *
 * <p>Model checking runs one thread at a time and chooses the switches at accesses to the Java heap: fields, arrays,
 * monitors, parking. It does not see native memory, nor any reordering. Stress runs real threads: it sees both, by luck.
 */
public final class Lincheck {
    private static final int SCALE = Integer.getInteger("beach.lincheck.scale", 1);

    private static final int LONGEST_LOOP = 1000; // a longer one is taken for one that never ends

    private Lincheck() {}

    /**
     * Checks a class that has operations against its sequential specification, by model checking.
     *
     * @param atomic classes in whose methods no switch is wanted: what others test, and what would hide the few places that
     *     matter among thousands
     */
    public static void modelCheck(
            Class<?> operations, Class<?> specification, int threads, int scenarios, int runs, Class<?>... atomic) {
        ModelCheckingOptions options = new ModelCheckingOptions();
        options.loopBound(LONGEST_LOOP);
        for (Class<?> one : atomic) {
            options.addGuarantee(ManagedStrategyGuaranteeKt.forClasses(one.getName())
                    .allMethods()
                    .treatAsAtomic());
        }
        check(options, operations, specification, threads, scenarios, runs);
    }

    /** As {@link #modelCheck}, by real threads. */
    public static void stress(Class<?> operations, Class<?> specification, int threads, int scenarios, int runs) {
        check(new StressOptions(), operations, specification, threads, scenarios, runs);
    }

    private static void check(
            Options<?, ?> options, Class<?> operations, Class<?> specification, int threads, int scenarios, int runs) {
        options.threads(threads);
        options.iterations(scenarios * SCALE);
        options.invocationsPerIteration(runs);
        options.actorsPerThread(2);
        options.actorsBefore(1);
        options.actorsAfter(1);
        options.sequentialSpecification(specification);
        options.check(operations);
    }
}
