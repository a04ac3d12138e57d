package io.beachdb.cli;

import io.beachdb.BeachDB;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "put",
        description = "Set a key to a value. The write is on disk when the command ends. Makes the database if there is"
                + " none.",
        footer = "Keys and values are text; other bytes are written \\xHH, and a backslash \\\\.")
final class PutCommand extends BeachCommand {
    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database.")
    private Path directory;

    @Parameters(index = "1", paramLabel = "KEY", description = "The key.")
    private KeyText key;

    @Parameters(index = "2", paramLabel = "VALUE", description = "The value.")
    private ValueText value;

    PutCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) throws IOException {
        try (BeachDB db = Databases.openOrMake(directory, this::say)) {
            db.put(key.bytes(), value.bytes());
        }
        return 0;
    }
}
