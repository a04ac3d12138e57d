package io.beachdb.cli;

import io.beachdb.dbtestkit.EngineScenario;
import io.beachdb.testkit.CrashExplorer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "explore",
        description = {
            "Plays the engine on a disk that forgets, cuts the power before each operation, and opens the database on what"
                    + " the disk may hold then, each state once: is everything there that was promised?",
            "Stops with exit code 1 if not, and says how to repeat the state."
        })
final class ExploreCommand extends JudgingCommand {
    @Option(
            names = "--scenarios",
            paramLabel = "S",
            split = ",",
            description = "Which (a wrong one prints the list). Default: all.")
    private List<String> scenarios =
            Arrays.stream(EngineScenario.values()).map(EngineScenario::title).toList();

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Of the first run of each scenario. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--runs",
            paramLabel = "N",
            defaultValue = "1",
            description = "How many seeds, one after the other. Default: ${DEFAULT-VALUE}.")
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

    @Option(
            names = "--replay",
            paramLabel = "STATE",
            description = "Repeat one state of one scenario, as a violation names it, with the same seed.")
    private @Nullable String replay;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    ExploreCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) {
        List<EngineScenario> wanted =
                scenarios.stream().map(ExploreCommand::named).toList();
        checkAtLeast("--runs", runs, 1);
        checkAtLeast("--depth", depth, 1);
        checkAtLeast("--samples", samples, 0);
        checkUpTo16("--exhaustive", exhaustive);
        checkUpTo16("--names", names);
        String state = replay;
        if (state != null) {
            if (wanted.size() != 1) {
                throw new UsageException("--replay repeats one state: name its scenario with --scenarios");
            }
            return repeat(out, wanted.getFirst(), state);
        }
        List<Map<String, Object>> rows = new ArrayList<>();
        long states = 0;
        for (EngineScenario scenario : wanted) {
            for (long s = seed; s < seed + runs; s++) {
                long start = System.nanoTime();
                CrashExplorer.Result result = explorer(scenario, s).explore();
                states += result.states();
                rows.add(row(scenario, s, result, (System.nanoTime() - start) / 1_000_000));
                if (!json) {
                    out.format(
                                    "%-12s seed %d: cut at %,d moments, %,d cuts, %,d distinct states (by depth %s), %d violations",
                                    scenario.title(),
                                    s,
                                    result.moments(),
                                    result.cuts(),
                                    result.states(),
                                    byDepth(result),
                                    result.violations().size())
                            .flush();
                }
                if (!result.violations().isEmpty()) {
                    return violated(out, scenario, s, rows, result);
                }
            }
        }
        if (json) {
            out.line(Json.write(Map.of("explorations", rows, "states", states)));
        } else {
            out.format("%,d states, no violation", states);
        }
        return ExitCodes.OK;
    }

    private static String byDepth(CrashExplorer.Result result) {
        return result.statesByDepth().stream()
                .map(states -> String.format(Locale.ROOT, "%,d", states))
                .collect(Collectors.joining(" + "));
    }

    private static void checkUpTo16(String option, int value) {
        if (value < 0 || value > 16) {
            throw new UsageException(option + " is " + value + ", allowed 0 to 16");
        }
    }

    static void checkAtLeast(String option, int value, int least) {
        if (value < least) {
            throw new UsageException(option + " is " + value + ", allowed " + least + " and more");
        }
    }

    static EngineScenario named(String title) {
        return Arrays.stream(EngineScenario.values())
                .filter(scenario -> scenario.title().equals(title))
                .findAny()
                .orElseThrow(() -> new UsageException("no scenario is called '" + title + "'; there are "
                        + Arrays.stream(EngineScenario.values())
                                .map(EngineScenario::title)
                                .collect(Collectors.joining(", "))));
    }

    private CrashExplorer.Builder<?> explorer(EngineScenario scenario, long s) {
        return scenario.explorer(s)
                .exhaustive(exhaustive)
                .exhaustiveNames(names)
                .samples(samples)
                .depth(depth)
                .threads(Runtime.getRuntime().availableProcessors());
    }

    private static Map<String, Object> row(EngineScenario scenario, long s, CrashExplorer.Result result, long millis) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("scenario", scenario.title());
        row.put("seed", s);
        row.put("moments", result.moments());
        row.put("cuts", result.cuts());
        row.put("states", result.states());
        row.put("statesByDepth", result.statesByDepth());
        row.put("violations", result.violations());
        row.put("millis", millis);
        return row;
    }

    private int violated(
            Output out, EngineScenario scenario, long s, List<Map<String, Object>> rows, CrashExplorer.Result result) {
        if (json) {
            out.line(Json.write(Map.of("explorations", rows)));
            return ExitCodes.FAILED;
        }
        result.violations().forEach(out::line);
        out.line("repeat one: beach explore --scenarios " + scenario.title() + " --seed " + s + " --replay \"STATE\"");
        return ExitCodes.FAILED;
    }

    private int repeat(Output out, EngineScenario scenario, String state) {
        try {
            explorer(scenario, seed).replay(state);
        } catch (IllegalArgumentException noState) {
            throw new UsageException("--replay: " + noState.getMessage());
        } catch (AssertionError broken) {
            out.line("broken: " + broken.getMessage());
            return ExitCodes.FAILED;
        }
        out.line("kept");
        return ExitCodes.OK;
    }
}
