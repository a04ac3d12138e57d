package io.beachdb.cli;

import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Where a command reads and prints.
 *
 * @param in what the user pipes in
 * @param out results, and nothing else
 * @param err messages and progress
 * @param interactive whether a person watches {@code err}: progress is redrawn in place, help has colours
 */
record Terminal(InputStream in, OutputStream out, PrintStream err, boolean interactive) {

    /** The streams of this process. */
    static Terminal system() {
        // Not System.out, which swallows what goes wrong.
        return new Terminal(
                System.in,
                new FileOutputStream(FileDescriptor.out),
                new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8),
                watched());
    }

    /**
     * Whether a person watches. The JVM can only tell of standard input and output together; the launcher can tell of
     * standard error alone, and says so in a property.
     */
    @SuppressWarnings("SystemConsoleNull") // it is null again where nobody watches, since JDK 25
    private static boolean watched() {
        String told = System.getProperty("beach.terminal");
        if (told != null) {
            return Boolean.parseBoolean(told);
        }
        Console console = System.console();
        return console != null && console.isTerminal();
    }
}
