package io.beachdb.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What all commands share: where they print, {@code --help} and {@code --debug}. */
@Command(
        synopsisHeading = "Usage: ",
        descriptionHeading = "%n",
        parameterListHeading = "%n",
        optionListHeading = "%n",
        footerHeading = "%n",
        commandListHeading = "%nCommands:%n",
        sortOptions = false,
        usageHelpAutoWidth = true)
abstract class BeachCommand implements Callable<Integer> {
    final Terminal terminal;

    @SuppressWarnings("UnusedVariable") // picocli acts on the option itself
    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            order = 1000,
            description = "Show this text.")
    private boolean help;

    @SuppressWarnings("UnusedVariable") // needed before the options are known to be right: Main looks for it itself
    @Option(names = "--debug", order = 1001, description = "Show the stack trace of an error.")
    private boolean debug;

    BeachCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    /** Returns the exit code; everything but success is an exception, or a failure that was told on the way. */
    @Override
    public Integer call() throws Exception {
        int code = whenReaderIsGone();
        try (Output out = new Output(terminal.out())) {
            code = run(out);
        } catch (Output.ReaderGone enough) {
            // What the work came to, if it came to its end, counts.
        }
        return code;
    }

    /** What the command ends with if whoever reads its output goes away in the middle of the work. */
    int whenReaderIsGone() {
        return ExitCodes.OK;
    }

    /** Does the work and returns one of {@link ExitCodes}. */
    abstract int run(Output out) throws Exception;

    void say(String message) {
        terminal.err().println("beach: " + message);
    }
}
