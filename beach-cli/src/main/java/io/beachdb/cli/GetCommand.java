package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.base.format.Escapes;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "get",
        description = "Print the value of a key. If the key is absent, say so on standard error and exit with 3.",
        footer = "Keys and values are text; other bytes are written \\xHH, and a backslash \\\\.")
final class GetCommand extends BeachCommand {
    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database.")
    private Path directory;

    @Parameters(index = "1", paramLabel = "KEY", description = "The key.")
    private KeyText key;

    @Option(names = "--raw", description = "Print the value's bytes as they are, and no line end.")
    private boolean raw;

    GetCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) {
        byte[] value;
        try (BeachDB db = Databases.openReadOnly(directory)) {
            value = db.get(key.bytes());
        }
        if (value == null) {
            String told = Escapes.escape(key.bytes());
            say("no such key: " + (told.isEmpty() ? "the empty one" : told));
            return ExitCodes.ABSENT;
        }
        if (raw) {
            out.bytes(value);
        } else {
            out.line(Escapes.escape(value));
        }
        return 0;
    }
}
