package io.beachdb.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Command lines for JVMs of our own: the Java that runs us, with the flags that the launcher gives. */
final class ChildJvm {
    private static final List<String> FLAGS =
            List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow");

    private ChildJvm() {}

    private static List<String> java() {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(FLAGS);
        return command;
    }

    /** Runs the {@code beach} command in a JVM of its own. */
    static List<String> beach(List<String> options, List<String> arguments) {
        List<String> command = java();
        command.addAll(options);
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(Main.class.getName());
        command.addAll(arguments);
        return command;
    }

    /** Runs a class of a runnable jar. */
    static List<String> jar(String heap, Path jar, String mainClass, List<String> arguments) {
        List<String> command = java();
        command.add(heap);
        command.add("-cp");
        command.add(jar.toString());
        command.add(mainClass);
        command.addAll(arguments);
        return command;
    }
}
