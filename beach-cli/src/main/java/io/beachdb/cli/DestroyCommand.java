package io.beachdb.cli;

import io.beachdb.BeachDB;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "destroy",
        description = {
            "Deletes a database for good, and its directory if nothing else is in it. Refused while it is open.",
            "If the machine stops before the end, what is left is whole, or is opened no more: destroy it again."
        })
final class DestroyCommand extends BeachCommand {
    @Parameters(paramLabel = "DIR", description = "The database.")
    private Path directory = Path.of("");

    @Option(names = "--yes", description = "Needed: nothing brings it back.")
    private boolean yes;

    DestroyCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) {
        if (!yes) {
            throw new UsageException("destroy deletes " + directory + " for good: say --yes if that is meant");
        }
        if (!BeachDB.destroy(directory)) {
            throw new CommandFailure(directory + " holds no database; nothing was deleted");
        }
        out.line("destroyed " + directory
                + (Files.exists(directory) ? "; files that are no database's are left in it" : ""));
        return ExitCodes.OK;
    }
}
