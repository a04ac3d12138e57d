package io.beachdb.cli;

import io.beachdb.dbtestkit.CrashProfile;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** The {@code beach} command: its sub-commands, and what they do with errors. */
@Command(
        name = "beach",
        description = {
            "BeachDB: an embedded, ordered, durable key-value store.",
            "New here? 'beach demo' shows what it does, on real data, in about a minute."
        },
        footer = {
            "Exit codes: 0 success; 1 the command failed, or found damage; 2 it was called wrongly, and nothing was done;"
                    + " 3 'get' found no such key. That nobody reads the output to its end (| head) is no failure.",
            "'beach COMMAND --help' tells more."
        })
public final class Main extends BeachCommand {
    @Option(
            names = {"-V", "--version"},
            description = "Show the version.")
    private boolean version;

    @Spec
    private CommandSpec spec;

    private Main(Terminal terminal) {
        super(terminal);
    }

    public static void main(String[] arguments) {
        System.exit(run(Terminal.system(), arguments));
    }

    /** Runs a command and returns its exit code. */
    static int run(Terminal terminal, String... arguments) {
        CommandLine command = commandLine(terminal);
        try {
            return command.execute(arguments);
        } catch (Throwable failure) { // picocli hands exceptions to our handler, but lets errors through
            return report(terminal, failure, asksForTrace(arguments));
        }
    }

    private static CommandLine commandLine(Terminal terminal) {
        CommandLine command = new CommandLine(new Main(terminal))
                .addSubcommand(new DemoCommand(terminal))
                .addSubcommand(new PutCommand(terminal))
                .addSubcommand(new GetCommand(terminal))
                .addSubcommand(new DeleteCommand(terminal))
                .addSubcommand(new ScanCommand(terminal))
                .addSubcommand(new LoadCommand(terminal))
                .addSubcommand(new ExportCommand(terminal))
                .addSubcommand(new StatsCommand(terminal))
                .addSubcommand(new CompactCommand(terminal))
                .addSubcommand(new CheckpointCommand(terminal))
                .addSubcommand(new DestroyCommand(terminal))
                .addSubcommand(new DumpCommand(terminal))
                .addSubcommand(new VerifyCommand(terminal))
                .addSubcommand(new ExploreCommand(terminal))
                .addSubcommand(new SimulateCommand(terminal))
                .addSubcommand(new SweepCommand(terminal))
                .addSubcommand(new CommandLine(new BenchCommand(terminal)).setUnmatchedOptionsArePositionalParams(true))
                .addSubcommand(new CommandLine(new CrashCommand(terminal))
                        .addSubcommand(new CrashRunCommand(terminal))
                        .addSubcommand(new CrashWorkerCommand(terminal))
                        .addSubcommand(new CrashVerifyCommand(terminal))
                        .addSubcommand(new CrashReplayCommand(terminal)));
        command.setExpandAtFiles(false); // a key may begin with "@"
        command.registerConverter(Path.class, judged(Main::path));
        command.registerConverter(KeyText.class, judged(KeyText::parse));
        command.registerConverter(ValueText.class, judged(ValueText::parse));
        command.registerConverter(CrashProfile.class, judged(CrashProfile::named));
        command.setCaseInsensitiveEnumValuesAllowed(true);
        command.setColorScheme(CommandLine.Help.defaultColorScheme(terminal.interactive() ? Ansi.ON : Ansi.OFF));
        command.setOut(new PrintWriter(terminal.out(), true, StandardCharsets.UTF_8));
        command.setErr(new PrintWriter(terminal.err(), true, StandardCharsets.UTF_8));
        command.setParameterExceptionHandler((e, arguments) -> calledWrongly(terminal, e, asksForTrace(arguments)));
        command.setExecutionExceptionHandler((e, failed, result) -> {
            boolean trace = asksForTrace(result.originalArgs().toArray(String[]::new));
            return e instanceof UsageException
                    ? calledWrongly(terminal, new ParameterException(failed, String.valueOf(e.getMessage()), e), trace)
                    : report(terminal, e, trace);
        });
        return command;
    }

    /**
     * What the library refuses of an argument by itself, it refuses here, before any work: once that has begun, an
     * {@link IllegalArgumentException} may come from anywhere, and does not say that the call was wrong.
     */
    private static <T> ITypeConverter<T> judged(ITypeConverter<T> converter) {
        return text -> {
            try {
                return converter.convert(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        };
    }

    /** An empty path would be the working directory: a variable that is not set must not name that. */
    private static Path path(String text) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException("an empty text is no path");
        }
        return Path.of(text);
    }

    private static boolean asksForTrace(String[] arguments) {
        return List.of(arguments).contains("--debug");
    }

    private static int calledWrongly(Terminal terminal, ParameterException e, boolean trace) {
        print(terminal, new CommandFailure(WrongCall.line(e), e), trace);
        return ExitCodes.CALLED_WRONGLY;
    }

    private static int report(Terminal terminal, Throwable failure, boolean trace) {
        print(terminal, failure, trace);
        return ExitCodes.FAILED;
    }

    private static void print(Terminal terminal, Throwable failure, boolean trace) {
        terminal.err().println("beach: " + Errors.line(failure));
        if (trace) {
            failure.printStackTrace(terminal.err());
        }
    }

    @Override
    int run(Output out) {
        if (version) {
            String built = Main.class.getPackage().getImplementationVersion();
            out.line("beach " + (built == null ? "(not built as a jar)" : built) + ", Java " + Runtime.version());
            return 0;
        }
        spec.commandLine().usage(terminal.err());
        return ExitCodes.CALLED_WRONGLY;
    }
}
