package io.beachdb.cli;
import picocli.CommandLine.Command;
@Command(name = "dump", description="x")
final class DumpCommand extends BeachCommand {
    DumpCommand(Terminal terminal) { super(terminal); }
    @Override int run(Output out) { return 0; }
}
