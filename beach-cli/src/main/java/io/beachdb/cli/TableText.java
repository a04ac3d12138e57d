package io.beachdb.cli;

import io.beachdb.cli.LineInput.Bytes;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads rows of fields: CSV as RFC 4180 has it (quotes, line ends within quotes), or TSV (no quotes, so no tab and no line
 * end within a field). Lines end in LF or CRLF; empty lines are passed over. Fields are bytes: nothing is decoded.
 *
 * <p>Strict: what RFC 4180 does not allow is refused, with its line, rather than guessed at.
 */
final class TableText implements AutoCloseable {
    /** Largest row, in bytes: an open quote must not swallow a file of any size. */
    private static final int MAX_ROW_BYTES = 256 << 20;

    private final LineInput in;
    private final int separator;
    private final boolean quotes;
    private long rowLine = 1;

    private TableText(InputStream in, char separator, boolean quotes) throws IOException {
        this.in = new LineInput(in);
        this.separator = separator;
        this.quotes = quotes;
    }

    static TableText csv(InputStream in) throws IOException {
        return new TableText(in, ',', true);
    }

    static TableText tsv(InputStream in) throws IOException {
        return new TableText(in, '\t', false);
    }

    /** Returns the fields of the next row; null at the end. */
    @Nullable
    List<byte[]> next() throws IOException {
        boolean carriageReturn = skipEmptyLines();
        rowLine = in.line();
        if (in.peek() == LineInput.END && !carriageReturn) {
            return null;
        }
        List<byte[]> row = new ArrayList<>();
        int rowBytes = 0;
        int after;
        do {
            Bytes field = new Bytes(MAX_ROW_BYTES - rowBytes);
            if (carriageReturn) {
                add(field, '\r');
                carriageReturn = false;
            }
            after = quotes && field.length() == 0 && in.peek() == '"' ? quoted(field) : plain(field);
            rowBytes += field.length();
            row.add(field.take());
        } while (after == separator);
        return row;
    }

    /** Returns whether a carriage return was taken that ends no line: then it begins the first field. */
    private boolean skipEmptyLines() throws IOException {
        while (true) {
            boolean carriageReturn = in.peek() == '\r';
            if (carriageReturn) {
                in.read();
            }
            if (in.peek() != '\n') {
                return carriageReturn;
            }
            in.read();
        }
    }

    /** Returns the number of the line in which the last row began. */
    long line() {
        return rowLine;
    }

    long position() {
        return in.position();
    }

    /** Takes a field and what ends it, and returns that: the separator, a line feed, the end. */
    private int plain(Bytes field) throws IOException {
        while (true) {
            int next = in.read();
            if (next == separator || next == '\n' || next == LineInput.END) {
                return next;
            }
            if (next == '\r' && (in.peek() == '\n' || in.peek() == LineInput.END)) {
                return in.read();
            }
            if (quotes && next == '"') {
                throw bad("a quote inside a field that does not begin with one; put the field in quotes, and double"
                        + " those inside");
            }
            add(field, next);
        }
    }

    private int quoted(Bytes field) throws IOException {
        long began = in.line();
        in.read();
        while (true) {
            int next = in.read();
            if (next == LineInput.END) {
                throw new BadInputException("line " + began, "the quote that begins here is never closed");
            }
            if (next != '"') {
                add(field, next);
            } else if (in.peek() == '"') {
                add(field, in.read());
            } else {
                return afterQuote();
            }
        }
    }

    private int afterQuote() throws IOException {
        int next = in.read();
        if (next == '\r' && in.peek() == '\n') {
            next = in.read();
        }
        if (next != separator && next != '\n' && next != LineInput.END) {
            throw new BadInputException(
                    "line " + in.line(), "text after a closing quote; a quote inside quotes must be doubled");
        }
        return next;
    }

    private void add(Bytes field, int next) {
        if (!field.add(next)) {
            throw bad("the row is longer than " + MAX_ROW_BYTES + " bytes; is a quote left open?");
        }
    }

    private BadInputException bad(String reason) {
        return new BadInputException("line " + rowLine, reason);
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
