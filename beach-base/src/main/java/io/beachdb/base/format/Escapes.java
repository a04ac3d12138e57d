package io.beachdb.base.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Bytes as text for people, and back: printable ASCII stands for itself, backslash is {@code \\}, every other byte is
 * {@code \xHH}. The notation of messages, dumps and the command line.
 */
public final class Escapes {
    private Escapes() {}

    public static String escape(byte[] bytes) {
        StringBuilder text = new StringBuilder(bytes.length + 8);
        for (byte b : bytes) {
            append(text, b);
        }
        return text.toString();
    }

    /** Escapes at most {@code limit} bytes; a longer run ends in {@code ...} and its length. */
    public static String escape(MemorySegment memory, long offset, long length, int limit) {
        int shown = (int) Math.min(length, limit);
        StringBuilder text = new StringBuilder(shown + 8);
        for (int i = 0; i < shown; i++) {
            append(text, memory.get(ValueLayout.JAVA_BYTE, offset + i));
        }
        return shown == length
                ? text.toString()
                : text.append("... (").append(length).append(" bytes)").toString();
    }

    private static void append(StringBuilder text, byte b) {
        if (b == '\\') {
            text.append("\\\\");
        } else if (b >= 0x20 && b < 0x7F) {
            text.append((char) b);
        } else {
            text.append("\\x").append(Character.forDigit(b >> 4 & 0xF, 16)).append(Character.forDigit(b & 0xF, 16));
        }
    }

    /**
     * Reads the notation back; characters beyond ASCII stand for their UTF-8 bytes.
     *
     * @throws IllegalArgumentException if a backslash is followed by anything but a backslash or xHH
     */
    public static byte[] unescape(String text) {
        java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream(text.length());
        byte[] raw = text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
        for (int i = 0; i < raw.length; i++) {
            if (raw[i] != '\\') {
                bytes.write(raw[i]);
            } else if (i + 1 < raw.length && raw[i + 1] == '\\') {
                bytes.write('\\');
                i++;
            } else if (i + 3 < raw.length && raw[i + 1] == 'x') {
                int high = Character.digit(raw[i + 2], 16);
                int low = Character.digit(raw[i + 3], 16);
                if (high < 0 || low < 0) {
                    throw badEscape(text, i);
                }
                bytes.write(high << 4 | low);
                i += 3;
            } else {
                throw badEscape(text, i);
            }
        }
        return bytes.toByteArray();
    }

    private static IllegalArgumentException badEscape(String text, int at) {
        return new IllegalArgumentException("'" + text + "' has a bad escape at byte " + at
                + ": allowed are \\\\ and \\xHH with two hexadecimal digits");
    }
}
