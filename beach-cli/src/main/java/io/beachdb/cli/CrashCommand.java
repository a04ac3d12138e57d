package io.beachdb.cli;

import picocli.CommandLine.Command;

@Command(
        name = "crash",
        description = {
            "Kill writers with SIGKILL and check what they leave.",
            "'run' does it all; 'worker' and 'verify' are its two halves, for scripts that kill in their own ways;",
            "'replay' repeats the judgement of a round that was bad."
        },
        synopsisSubcommandLabel = "COMMAND")
final class CrashCommand extends BeachCommand {
    CrashCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) {
        throw new UsageException("one of run, worker, verify, replay is needed");
    }
}
