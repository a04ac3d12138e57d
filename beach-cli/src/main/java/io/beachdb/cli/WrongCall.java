package io.beachdb.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Says what is wrong with a call in the words of this command's help, not in those of the parser, and where to look. */
final class WrongCall {
    private WrongCall() {}

    /** Returns the line, without the name of the program. */
    static String line(ParameterException e) {
        String hint = "see '" + e.getCommandLine().getCommandSpec().qualifiedName() + " --help'";
        // First: of 'put DIR KEY -v' the parser says that the value is missing.
        List<String> unmatched = e.getCommandLine().getUnmatchedArguments();
        if (unmatched.isEmpty()) {
            return what(e) + " (" + hint + ")";
        }
        String word = unmatched.getFirst();
        List<String> close = e instanceof UnmatchedArgumentException unknown ? close(unknown, word) : List.of();
        if (!close.isEmpty()) {
            hint = "did you mean " + String.join(" or ", close) + "? " + hint;
        } else if (word.startsWith("-")) {
            hint = "if it is no option, put -- before it; " + hint;
        }
        return unknown(e.getCommandLine(), word) + " (" + hint + ")";
    }

    /** The parser always finds something close; what begins otherwise is hardly meant. */
    private static List<String> close(UnmatchedArgumentException e, String word) {
        return e.getSuggestions().stream()
                .filter(suggested -> word.startsWith(suggested.substring(0, 1)))
                .toList();
    }

    private static String unknown(CommandLine command, String word) {
        if (word.startsWith("-")) {
            return "there is no option '" + word + "'";
        }
        return command.getSubcommands().isEmpty()
                ? "unexpected argument '" + word + "'"
                : "there is no command '" + word + "'";
    }

    private static String what(ParameterException e) {
        ArgSpec argument = e.getArgSpec();
        if (e instanceof MissingParameterException missing) {
            return missing(missing);
        }
        if (e instanceof OverwrittenOptionException twice) {
            return name(twice.getOverwritten()) + " is given twice";
        }
        return argument != null && e.getCause() instanceof TypeConversionException bad
                ? badValue(argument, e.getValue(), bad)
                : String.valueOf(e.getMessage());
    }

    private static String missing(MissingParameterException e) {
        ArgSpec first = e.getMissing().getFirst();
        if (first instanceof OptionSpec && !first.required()) { // it is there, and nothing behind it
            return name(first) + " needs a value, " + first.paramLabel();
        }
        List<String> names = first instanceof PositionalParamSpec positional
                ? from(positional, e.getCommandLine())
                : e.getMissing().stream().map(WrongCall::withValue).toList();
        return String.join(" and ", names) + (names.size() == 1 ? " is missing" : " are missing");
    }

    /** The parser names the first one only. */
    private static List<String> from(PositionalParamSpec first, CommandLine command) {
        return command.getCommandSpec().positionalParameters().stream()
                .filter(parameter -> parameter.required()
                        && parameter.index().min() >= first.index().min())
                .map(ArgSpec::paramLabel)
                .toList();
    }

    private static String badValue(ArgSpec argument, String value, TypeConversionException e) {
        Class<?> type = argument.typeInfo().getType();
        if (type == boolean.class) {
            return name(argument) + " takes no value";
        }
        if (List.of(int.class, long.class, Integer.class, Long.class).contains(type)) {
            boolean tooLarge = value.matches("[-+]?\\d+");
            boolean small = type == int.class || type == Integer.class;
            return name(argument) + " is '" + value + "', a whole number "
                    + (tooLarge ? "up to " + (small ? Integer.MAX_VALUE : Long.MAX_VALUE) + " " : "") + "is wanted";
        }
        if (type.isEnum() && argument.converters().length == 0) {
            return name(argument) + " is '" + value + "', allowed are " + names(type);
        }
        return name(argument) + ": " + e.getMessage();
    }

    private static String names(Class<?> enumeration) {
        return Arrays.stream(enumeration.getEnumConstants())
                .map(constant -> constant.toString().toLowerCase(Locale.ROOT))
                .collect(Collectors.joining(", "));
    }

    private static String name(ArgSpec argument) {
        return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
    }

    private static String withValue(ArgSpec option) {
        return name(option) + " " + option.paramLabel();
    }
}
