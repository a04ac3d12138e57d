package io.beachdb.cli;

import io.beachdb.BeachDB;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "delete",
        description = "Remove a key, whether or not it is there. The deletion is on disk when the command ends.",
        footer = "Keys are text; other bytes are written \\xHH, and a backslash \\\\.")
final class DeleteCommand extends BeachCommand {
    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database.")
    private Path directory;

    @Parameters(index = "1", paramLabel = "KEY", description = "The key.")
    private KeyText key;

    DeleteCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) {
        try (BeachDB db = Databases.openExisting(directory)) {
            db.delete(key.bytes());
        }
        return 0;
    }
}
