package io.beachdb.cli;
import picocli.CommandLine.Command;
@Command(name = "verify", description="x")
final class VerifyCommand extends BeachCommand {
    VerifyCommand(Terminal terminal) { super(terminal); }
    @Override int run(Output out) { return 0; }
}
