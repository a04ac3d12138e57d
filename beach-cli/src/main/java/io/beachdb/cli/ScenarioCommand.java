package io.beachdb.cli;

import io.beachdb.dbtestkit.EngineScenario;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Plays scenarios of the engine, many times each, until a promise is broken; or repeats one of those times. */
abstract class ScenarioCommand extends JudgingCommand {
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
            description = "Of each scenario. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--replay",
            paramLabel = "ONE",
            description = "Repeat one time of one scenario, as a violation names it, with the same seed.")
    private @Nullable String replay;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    ScenarioCommand(Terminal terminal) {
        super(terminal);
    }

    /**
     * What the times of one scenario and seed came to.
     *
     * @param count how many there were
     * @param row for JSON
     * @param line for people
     */
    record Played(long count, Map<String, Object> row, String line, List<String> violations) {}

    /** What a time is called: one of them, many in JSON, and a list of rows in JSON. */
    record Words(String command, String one, String many, String rows) {}

    abstract Words words();

    /** Checks the options; throws {@link UsageException}. */
    abstract void check();

    abstract Played play(EngineScenario scenario, long withSeed);

    /**
     * Repeats one time.
     *
     * @throws AssertionError if it breaks a promise
     * @throws IllegalArgumentException if {@code one} names none
     */
    abstract void replay(EngineScenario scenario, long withSeed, String one);

    /** Returns how many seeds are played, from the given one on. */
    int seeds() {
        return 1;
    }

    @Override
    final int run(Output out) {
        List<EngineScenario> wanted =
                scenarios.stream().map(ScenarioCommand::named).toList();
        check();
        String one = replay;
        if (one != null) {
            if (wanted.size() != 1) {
                throw new UsageException(
                        "--replay repeats one " + words().one + ": name its scenario with --scenarios");
            }
            return repeat(out, wanted.getFirst(), one);
        }
        List<Map<String, Object>> rows = new ArrayList<>();
        long count = 0;
        for (EngineScenario scenario : wanted) {
            for (long s = seed; s < seed + seeds(); s++) {
                long start = System.nanoTime();
                Played played = play(scenario, s);
                count += played.count;
                Map<String, Object> row = new LinkedHashMap<>();
                row.put("scenario", scenario.title());
                row.put("seed", s);
                row.putAll(played.row);
                row.put("violations", played.violations);
                row.put("millis", (System.nanoTime() - start) / 1_000_000);
                rows.add(row);
                if (!json) {
                    out.format(
                                    "%-17s seed %d: %s, %d violations",
                                    scenario.title(), s, played.line, played.violations.size())
                            .flush();
                }
                if (!played.violations.isEmpty()) {
                    return violated(out, scenario, s, rows, played.violations);
                }
            }
        }
        if (json) {
            out.line(Json.write(Map.of(words().rows, rows, words().many, count)));
        } else {
            out.format("%,d %s, no violation", count, words().many);
        }
        return ExitCodes.OK;
    }

    private static EngineScenario named(String title) {
        return Arrays.stream(EngineScenario.values())
                .filter(scenario -> scenario.title().equals(title))
                .findAny()
                .orElseThrow(() -> new UsageException("no scenario is called '" + title + "'; there are "
                        + Arrays.stream(EngineScenario.values())
                                .map(EngineScenario::title)
                                .collect(Collectors.joining(", "))));
    }

    static void checkAtLeast(String option, int value, int least) {
        if (value < least) {
            throw new UsageException(option + " is " + value + ", allowed " + least + " and more");
        }
    }

    private int violated(
            Output out, EngineScenario scenario, long s, List<Map<String, Object>> rows, List<String> violations) {
        if (json) {
            out.line(Json.write(Map.of(words().rows, rows)));
            return ExitCodes.FAILED;
        }
        violations.forEach(out::line);
        out.line("repeat one: beach " + words().command + " --scenarios " + scenario.title() + " --seed " + s
                + " --replay \"" + words().one.toUpperCase(Locale.ROOT) + "\"");
        return ExitCodes.FAILED;
    }

    private int repeat(Output out, EngineScenario scenario, String one) {
        try {
            replay(scenario, seed, one);
        } catch (IllegalArgumentException none) {
            throw new UsageException("--replay: " + none.getMessage());
        } catch (AssertionError broken) {
            out.line("broken: " + broken.getMessage());
            return ExitCodes.FAILED;
        }
        out.line("kept");
        return ExitCodes.OK;
    }
}
