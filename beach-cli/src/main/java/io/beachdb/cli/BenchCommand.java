package io.beachdb.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "bench",
        synopsisHeading = "Usage: ",
        customSynopsis = "beach bench [--peers P,...] [--workloads W,...] [--n N] [--rounds R] [--json FILE]",
        description = {
            "Run named workloads on BeachDB and its peers, in turns, each in a JVM of its own.",
            "All arguments go to the benchmark program; 'beach bench -- --help' asks it for more."
        })
final class BenchCommand extends BeachCommand {
    private static final String JAR = "beach-bench/target/benchmarks.jar";

    // Options that are not ours come here too, in their order (see Main).
    @Parameters(arity = "0..*", hidden = true)
    private List<String> arguments = new ArrayList<>();

    BenchCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) throws Exception {
        String home = System.getProperty("beach.home");
        if (home == null) {
            throw new CommandFailure("bench runs from a checkout: call it as ./beach bench there");
        }
        Path jar = Path.of(home, JAR);
        if (!Files.exists(jar)) {
            throw new CommandFailure(jar + " is missing: build it with 'mvn -pl beach-bench -am package'");
        }
        Process process = new ProcessBuilder(ChildJvm.jar("-Xmx1g", jar, "io.beachdb.bench.Bench", arguments))
                .inheritIO()
                .start();
        return process.waitFor();
    }
}
