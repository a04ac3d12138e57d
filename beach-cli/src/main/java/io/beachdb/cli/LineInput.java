package io.beachdb.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** Bytes of a text, one by one, with the position and the line they stand at. Skips a UTF-8 byte order mark; refuses UTF-16. */
final class LineInput implements AutoCloseable {
    static final int END = -1;

    private static final int BUFFER_BYTES = 1 << 16;

    private final InputStream in;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int at;
    private int length;
    private long before;
    private long line = 1;

    LineInput(InputStream in) throws IOException {
        this.in = in;
        length = in.readNBytes(buffer, 0, 3);
        int first = peekAt(0);
        int second = peekAt(1);
        if (first == 0xEF && second == 0xBB && peekAt(2) == 0xBF) {
            at = 3;
        } else if (first == 0xFF && second == 0xFE || first == 0xFE && second == 0xFF) {
            throw new BadInputException("line 1", "the text is UTF-16; convert it to UTF-8 first");
        }
    }

    private int peekAt(int index) {
        return index < length ? buffer[index] & 0xFF : END;
    }

    /** Returns the next byte without taking it; {@link #END} at the end. */
    int peek() throws IOException {
        if (at == length) {
            before += length;
            at = 0;
            length = Math.max(0, in.read(buffer));
            if (length == 0) {
                return END;
            }
        }
        return buffer[at] & 0xFF;
    }

    /** Takes the next byte; {@link #END} at the end. */
    int read() throws IOException {
        int next = peek();
        if (next != END) {
            at++;
            if (next == '\n') {
                line++;
            }
        }
        return next;
    }

    /** Returns the number of the line that the next byte stands in, from 1. */
    long line() {
        return line;
    }

    /** Returns how many bytes were taken. */
    long position() {
        return before + at;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }

    /** Bytes that grow, up to a bound. */
    static final class Bytes {
        private final int most;
        private byte[] bytes = new byte[256];
        private int length;

        Bytes(int most) {
            this.most = most;
        }

        /** Adds one; false if the bound is reached. */
        boolean add(int b) {
            if (length == bytes.length) {
                if (length >= most) {
                    return false;
                }
                bytes = Arrays.copyOf(bytes, (int) Math.min(most, 2L * length));
            }
            bytes[length++] = (byte) b;
            return true;
        }

        int length() {
            return length;
        }

        int get(int index) {
            return bytes[index];
        }

        byte[] take() {
            byte[] taken = Arrays.copyOf(bytes, length);
            length = 0;
            return taken;
        }
    }
}
