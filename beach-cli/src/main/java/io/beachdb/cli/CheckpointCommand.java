package io.beachdb.cli;

import io.beachdb.BeachDB;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "checkpoint",
        description = {
            "Make a second database of what one holds: at once and without more disk, since both have the same tables by hard"
                    + " links. On another file system they are copied.",
            "Each may be changed and destroyed without the other. It is on disk when the command ends."
        })
final class CheckpointCommand extends BeachCommand {
    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database.")
    private Path directory;

    @Parameters(index = "1", paramLabel = "TARGET", description = "An empty directory, or a new one.")
    private Path target;

    CheckpointCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) {
        try (BeachDB db = Databases.openExisting(directory)) {
            db.checkpoint(target);
            out.format(
                    "made %s: %s in tables",
                    target, Units.entries(Figures.total(db.stats()).entries()));
        }
        return ExitCodes.OK;
    }
}
