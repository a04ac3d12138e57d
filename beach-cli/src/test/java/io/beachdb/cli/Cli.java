package io.beachdb.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Runs commands in this JVM, as a user would, and keeps what they print. */
final class Cli {
    private Cli() {}

    /** What a command printed, and its exit code. */
    record Result(int code, byte[] bytes, String err) {
        String out() {
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    static Result run(Object... arguments) {
        return runWith(InputStream.nullInputStream(), false, arguments);
    }

    static Result runWithInput(String input, Object... arguments) {
        return runWith(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)), false, arguments);
    }

    static Result runWith(InputStream in, boolean interactive, Object... arguments) {
        String[] words = new String[arguments.length];
        for (int i = 0; i < words.length; i++) {
            words[i] = arguments[i].toString();
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int code =
                Main.run(new Terminal(in, out, new PrintStream(err, true, StandardCharsets.UTF_8), interactive), words);
        return new Result(code, out.toByteArray(), err.toString(StandardCharsets.UTF_8));
    }

    /** Runs a command that must succeed without a message. */
    static String good(Object... arguments) {
        Result result = run(arguments);
        if (result.code != 0 || !result.err.isEmpty()) {
            throw new AssertionError("exit code " + result.code + ", " + result.err);
        }
        return result.out();
    }
}
