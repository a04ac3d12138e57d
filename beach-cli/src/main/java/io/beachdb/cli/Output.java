package io.beachdb.cli;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** What a command prints as its result: buffered, and failing loudly, unlike {@link java.io.PrintStream}. */
final class Output implements AutoCloseable {
    private static final int BUFFER_BYTES = 1 << 16;

    private final OutputStream out;

    Output(OutputStream out) {
        this.out = new BufferedOutputStream(out, BUFFER_BYTES);
    }

    /** Whoever read our output has gone, as {@code head} does: there is nothing left to do, and nothing to complain about. */
    static final class ReaderGone extends RuntimeException {
        private static final long serialVersionUID = 1L;

        ReaderGone(IOException cause) {
            super(cause);
        }
    }

    Output bytes(byte[] bytes) {
        try {
            out.write(bytes);
        } catch (IOException e) {
            throw failed(e);
        }
        return this;
    }

    Output text(String text) {
        return bytes(text.getBytes(StandardCharsets.UTF_8));
    }

    Output line(String text) {
        return text(text).text("\n");
    }

    Output line() {
        return text("\n");
    }

    /** Prints a formatted line. */
    @SuppressWarnings("AnnotateFormatMethod") // would be the only use of an annotation library
    Output format(String format, Object... arguments) {
        return line(String.format(Locale.ROOT, format, arguments));
    }

    Output flush() {
        try {
            out.flush();
        } catch (IOException e) {
            throw failed(e);
        }
        return this;
    }

    /** Flushes; the stream below belongs to somebody else. */
    @Override
    public void close() {
        flush();
    }

    private static RuntimeException failed(IOException e) {
        return String.valueOf(e.getMessage()).contains("Broken pipe")
                ? new ReaderGone(e)
                : new CommandFailure("cannot write the output: " + Errors.reason(e), e);
    }
}
