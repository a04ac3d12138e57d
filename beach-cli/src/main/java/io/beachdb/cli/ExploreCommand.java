package io.beachdb.cli;

import io.beachdb.dbtestkit.EngineScenario;
import io.beachdb.testkit.CrashExplorer;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "explore",
        description = {
            "Plays the engine on a disk that forgets, cuts the power before each operation, and opens the database on what"
                    + " the disk may hold then, each state once: is everything there that was promised?",
            "Stops with exit code 1 if not, and says how to repeat the state."
        })
final class ExploreCommand extends ScenarioCommand {
    @Option(
            names = "--runs",
            paramLabel = "N",
            defaultValue = "1",
            description = "How many seeds, from --seed on. Default: ${DEFAULT-VALUE}.")
    private int runs;

    @Option(
            names = "--exhaustive",
            paramLabel = "N",
            defaultValue = "6",
            description =
                    "Up to how many pending changes all their subsets are tried, 0 to 16. Default: ${DEFAULT-VALUE}.")
    private int exhaustive;

    @Option(
            names = "--names",
            paramLabel = "N",
            defaultValue = "6",
            description =
                    "Beyond that, up to how many pending changes of names all their subsets are tried, with bytes kept,"
                            + " lost, torn, zeros and garbage, 0 to 16. Default: ${DEFAULT-VALUE}.")
    private int names;

    @Option(
            names = "--samples",
            paramLabel = "N",
            defaultValue = "4",
            description = "How many choices of each kind beyond that. Default: ${DEFAULT-VALUE}.")
    private int samples;

    @Option(
            names = "--depth",
            paramLabel = "N",
            defaultValue = "2",
            description = "How many cuts in a row, at most: recoveries are cut too. Default: ${DEFAULT-VALUE}.")
    private int depth;

    ExploreCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    Words words() {
        return new Words("explore", "state", "states", "explorations");
    }

    @Override
    void check() {
        checkAtLeast("--runs", runs, 1);
        checkAtLeast("--depth", depth, 1);
        checkAtLeast("--samples", samples, 0);
        checkUpTo16("--exhaustive", exhaustive);
        checkUpTo16("--names", names);
    }

    private static void checkUpTo16(String option, int value) {
        if (value < 0 || value > 16) {
            throw new UsageException(option + " is " + value + ", allowed 0 to 16");
        }
    }

    @Override
    int seeds() {
        return runs;
    }

    @Override
    Played play(EngineScenario scenario, long withSeed) {
        CrashExplorer.Result result = explorer(scenario, withSeed).explore();
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("moments", result.moments());
        row.put("cuts", result.cuts());
        row.put("states", result.states());
        row.put("statesByDepth", result.statesByDepth());
        String line = String.format(
                Locale.ROOT,
                "cut at %,d moments, %,d cuts, %,d distinct states (by depth %s)",
                result.moments(),
                result.cuts(),
                result.states(),
                byDepth(result));
        return new Played(result.states(), row, line, result.violations());
    }

    private static String byDepth(CrashExplorer.Result result) {
        return result.statesByDepth().stream()
                .map(states -> String.format(Locale.ROOT, "%,d", states))
                .collect(Collectors.joining(" + "));
    }

    @Override
    void replay(EngineScenario scenario, long withSeed, String named) {
        explorer(scenario, withSeed).replay(named);
    }

    private CrashExplorer.Builder<?> explorer(EngineScenario scenario, long s) {
        return scenario.explorer(s)
                .exhaustive(exhaustive)
                .exhaustiveNames(names)
                .samples(samples)
                .depth(depth)
                .threads(Runtime.getRuntime().availableProcessors());
    }
}
