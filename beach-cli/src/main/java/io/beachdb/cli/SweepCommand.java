package io.beachdb.cli;

import io.beachdb.dbtestkit.EngineScenario;
import io.beachdb.dbtestkit.ErrorSweep;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "sweep",
        description = {
            "Plays the engine on a simulated disk once for each operation and each way in which that may fail, goes on, cuts"
                    + " the power or kills the process, and opens what is left: did it keep its word?",
            "Stops with exit code 1 if not, and says how to repeat the case."
        })
final class SweepCommand extends ScenarioCommand {
    @Option(
            names = "--one-in",
            paramLabel = "N",
            defaultValue = "1",
            description = "Of how many cases one is played, by the seed. Default: ${DEFAULT-VALUE}, all.")
    private int oneIn;

    SweepCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    Words words() {
        return new Words("sweep", "case", "cases", "sweeps");
    }

    @Override
    void check() {
        checkAtLeast("--one-in", oneIn, 1);
    }

    @Override
    Played play(EngineScenario scenario, long withSeed) {
        ErrorSweep.Result result = sweep(scenario, withSeed).sweep();
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("operations", result.operations());
        row.put("cases", result.cases());
        row.put("refused", result.refused());
        row.put("resumed", result.resumed());
        row.put("notResumed", result.notResumed());
        row.put("notOpened", result.notOpened());
        row.put("closedInDoubt", result.closedInDoubt());
        row.put("states", result.states());
        String line = String.format(
                Locale.ROOT,
                "%,d operations, %,d cases, %,d refused something, %,d resumes and %,d in vain, %,d openings in vain,"
                        + " %,d closes in doubt, %,d distinct states",
                result.operations(),
                result.cases(),
                result.refused(),
                result.resumed(),
                result.notResumed(),
                result.notOpened(),
                result.closedInDoubt(),
                result.states());
        return new Played(result.cases(), row, line, result.violations());
    }

    @Override
    void replay(EngineScenario scenario, long withSeed, String named) {
        sweep(scenario, withSeed).replay(named);
    }

    private ErrorSweep sweep(EngineScenario scenario, long withSeed) {
        return new ErrorSweep(scenario, withSeed, oneIn, Runtime.getRuntime().availableProcessors());
    }
}
