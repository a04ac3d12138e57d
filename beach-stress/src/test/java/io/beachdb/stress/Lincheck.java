package io.beachdb.stress;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import org.jetbrains.kotlinx.lincheck.Actor;
import org.jetbrains.kotlinx.lincheck.execution.ExecutionScenario;
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
        check(modelChecking(atomic), operations, specification, threads, scenarios, runs);
    }

    /**
     * Checks one scenario by model checking: for an interleaving that needs several switches at the right places, which a
     * few scenarios by chance do not come to.
     *
     * @param threads what each does: names of operations, with a number behind them if they take one; "put 1; read"
     */
    public static void modelCheck(
            Class<?> operations, Class<?> specification, List<String> threads, int runs, Class<?>... atomic) {
        ModelCheckingOptions options = modelChecking(atomic);
        List<List<Actor>> parallel = threads.stream()
                .map(thread -> Arrays.stream(thread.split("; "))
                        .map(call -> actor(operations, call.split(" ")))
                        .toList())
                .toList();
        options.addCustomScenario(new ExecutionScenario(List.of(), parallel, List.of(), null));
        check(options, operations, specification, threads.size(), 0, runs);
    }

    private static Actor actor(Class<?> operations, String[] call) {
        Method method = Arrays.stream(operations.getMethods())
                .filter(m -> m.getName().equals(call[0]) && m.getParameterCount() == call.length - 1)
                .findFirst()
                .orElseThrow();
        return new Actor(
                method, Arrays.stream(call).skip(1).map(Integer::valueOf).toList());
    }

    private static ModelCheckingOptions modelChecking(Class<?>... atomic) {
        ModelCheckingOptions options = new ModelCheckingOptions();
        options.loopBound(LONGEST_LOOP);
        for (Class<?> one : atomic) {
            options.addGuarantee(ManagedStrategyGuaranteeKt.forClasses(one.getName())
                    .allMethods()
                    .treatAsAtomic());
        }
        return options;
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
