package io.beachdb.cli;

import io.beachdb.dbtestkit.EngineScenario;
import io.beachdb.dbtestkit.ErrorSweep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "sweep",
        description = {
            "Plays the engine on a simulated disk once for each operation and each way in which that may fail, goes on, cuts"
                    + " the power or kills the process, and opens what is left: did it keep its word?",
            "Stops with exit code 1 if not, and says how to repeat the case."
        })
final class SweepCommand extends JudgingCommand {
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
            names = "--one-in",
            paramLabel = "N",
            defaultValue = "1",
            description = "Of how many cases one is played, by the seed. Default: ${DEFAULT-VALUE}, all.")
    private int oneIn;

    @Option(
            names = "--replay",
            paramLabel = "CASE",
            description = "Repeat one case of one scenario, as a violation names it, with the same seed.")
    private @Nullable String replay;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    SweepCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) {
        List<EngineScenario> wanted =
                scenarios.stream().map(ExploreCommand::named).toList();
        ExploreCommand.checkAtLeast("--one-in", oneIn, 1);
        String one = replay;
        if (one != null) {
            if (wanted.size() != 1) {
                throw new UsageException("--replay repeats one case: name its scenario with --scenarios");
            }
            return repeat(out, wanted.getFirst(), one);
        }
        List<Map<String, Object>> rows = new ArrayList<>();
        long cases = 0;
        for (EngineScenario scenario : wanted) {
            long start = System.nanoTime();
            ErrorSweep.Result result = sweep(scenario).sweep();
            cases += result.cases();
            rows.add(row(scenario, result, (System.nanoTime() - start) / 1_000_000));
            if (!json) {
                out.format(
                                "%-17s seed %d: %,d operations, %,d cases, %,d refused something, %,d resumes and %,d in"
                                        + " vain, %,d openings in vain, %,d closes in doubt, %,d distinct states,"
                                        + " %d violations",
                                scenario.title(),
                                seed,
                                result.operations(),
                                result.cases(),
                                result.refused(),
                                result.resumed(),
                                result.notResumed(),
                                result.notOpened(),
                                result.closedInDoubt(),
                                result.states(),
                                result.violations().size())
                        .flush();
            }
            if (!result.violations().isEmpty()) {
                return violated(out, scenario, rows, result);
            }
        }
        if (json) {
            out.line(Json.write(Map.of("sweeps", rows, "cases", cases)));
        } else {
            out.format("%,d cases, no violation", cases);
        }
        return ExitCodes.OK;
    }

    private ErrorSweep sweep(EngineScenario scenario) {
        return new ErrorSweep(scenario, seed, oneIn, Runtime.getRuntime().availableProcessors());
    }

    private Map<String, Object> row(EngineScenario scenario, ErrorSweep.Result result, long millis) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("scenario", scenario.title());
        row.put("seed", seed);
        row.put("operations", result.operations());
        row.put("cases", result.cases());
        row.put("refused", result.refused());
        row.put("resumed", result.resumed());
        row.put("notResumed", result.notResumed());
        row.put("notOpened", result.notOpened());
        row.put("closedInDoubt", result.closedInDoubt());
        row.put("states", result.states());
        row.put("violations", result.violations());
        row.put("millis", millis);
        return row;
    }

    private int violated(
            Output out, EngineScenario scenario, List<Map<String, Object>> rows, ErrorSweep.Result result) {
        if (json) {
            out.line(Json.write(Map.of("sweeps", rows)));
            return ExitCodes.FAILED;
        }
        result.violations().forEach(out::line);
        out.line("repeat one: beach sweep --scenarios " + scenario.title() + " --seed " + seed + " --replay \"CASE\"");
        return ExitCodes.FAILED;
    }

    private int repeat(Output out, EngineScenario scenario, String one) {
        try {
            sweep(scenario).replay(one);
        } catch (IllegalArgumentException noCase) {
            throw new UsageException("--replay: " + noCase.getMessage());
        } catch (AssertionError broken) {
            out.line("broken: " + broken.getMessage());
            return ExitCodes.FAILED;
        }
        out.line("kept");
        return ExitCodes.OK;
    }
}
