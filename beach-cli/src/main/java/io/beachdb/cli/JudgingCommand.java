package io.beachdb.cli;

/** A command whose exit code is a judgement, which is bad until all has been looked at. */
abstract class JudgingCommand extends BeachCommand {
    JudgingCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    final int whenReaderIsGone() {
        return ExitCodes.FAILED;
    }
}
