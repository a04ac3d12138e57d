package io.beachdb.cli;

import io.beachdb.dbtestkit.EngineScenario;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Plays scenarios of the engine in many cases each, until a promise is broken; or repeats one case. */
abstract class ScenarioCommand extends JudgingCommand {
    private static final Pattern NAMED = Pattern.compile("(?:state|case) \"([^\"]*)\"");

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
            paramLabel = "CASE",
            description = "Repeat one case of one scenario, as the last line after a violation says it.")
    private @Nullable String replay;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    ScenarioCommand(Terminal terminal) {
        super(terminal);
    }

    /**
     * What the cases of one scenario and seed came to.
     *
     * @param count how many there were
     * @param row for JSON
     * @param line for people
     */
    record Played(long count, Map<String, Object> row, String line, List<String> violations) {}

    /** How the command calls itself, one case, many of them, and in JSON its rows. */
    record Words(String command, String one, String many, String rows) {}

    abstract Words words();

    /** Checks the options; throws {@link UsageException}. */
    abstract void check();

    abstract Played play(EngineScenario scenario, long withSeed);

    /**
     * Repeats one case.
     *
     * @throws AssertionError if it breaks a promise
     * @throws IllegalArgumentException if there is no such case
     */
    abstract void replay(EngineScenario scenario, long withSeed, String named);

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
            for (int i = 0; i < seeds(); i++) {
                long s = seed + i;
                long start = System.nanoTime();
                Played played = playOrTell(scenario, s);
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
        if (count == 0) {
            throw new UsageException("no " + words().one + " was chosen, so nothing was looked at");
        }
        if (json) {
            Map<String, Object> all = new LinkedHashMap<>();
            all.put(words().rows, rows);
            all.put(words().many, count);
            out.line(Json.write(all));
        } else {
            out.format("%,d %s, no violation", count, words().many);
        }
        return ExitCodes.OK;
    }

    /** What breaks a promise before anything is done to it is told as any other violation. */
    private Played playOrTell(EngineScenario scenario, long s) {
        try {
            return play(scenario, s);
        } catch (AssertionError broken) {
            return new Played(0, Map.of(), "undisturbed", List.of(String.valueOf(broken.getMessage())));
        }
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
        Matcher named = NAMED.matcher(violations.getFirst());
        out.line("repeat the first: beach " + words().command + " --scenarios " + scenario.title() + " --seed " + s
                + (named.find() ? " --replay \"" + named.group(1) + "\"" : ""));
        return ExitCodes.FAILED;
    }

    private int repeat(Output out, EngineScenario scenario, String named) {
        try {
            replay(scenario, seed, named);
        } catch (IllegalArgumentException none) {
            throw new UsageException("--replay: " + none.getMessage());
        } catch (AssertionError broken) {
            out.line("broken: " + broken.getMessage());
            return ExitCodes.FAILED;
        }
        out.line("kept, in " + words().one + " \"" + named + "\" of " + scenario.title() + ", seed " + seed);
        return ExitCodes.OK;
    }
}
