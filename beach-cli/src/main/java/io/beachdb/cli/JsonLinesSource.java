package io.beachdb.cli;

import io.beachdb.base.format.Escapes;
import io.beachdb.cli.JsonText.Value;
import io.beachdb.cli.LineInput.Bytes;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Entries from JSON lines: one object a line, one member is the key, the value is another or the whole object as it stands. */
final class JsonLinesSource implements EntrySource {
    private static final int MAX_LINE_BYTES = 256 << 20;
    private static final Set<String> EXPORTED = Set.of(TextFormat.ESCAPED_KEY, TextFormat.ESCAPED_VALUE);

    private final LineInput in;
    private final String keyField;
    private final @Nullable String valueField;
    private final boolean escaped;
    private long line;

    /**
     * @param keyField member that is the key
     * @param valueField member that is the value; null for {@code value} if there is no third, else the whole object
     * @param escaped whether key and value are in the escape notation
     */
    JsonLinesSource(InputStream in, String keyField, @Nullable String valueField, boolean escaped) throws IOException {
        this.in = new LineInput(in);
        this.keyField = keyField;
        this.valueField = valueField;
        this.escaped = escaped;
    }

    @Override
    public @Nullable Entry next() throws IOException {
        while (in.peek() != LineInput.END) {
            line = in.line();
            byte[] bytes = takeLine();
            if (!isBlank(bytes)) {
                return entry(bytes);
            }
        }
        return null;
    }

    private byte[] takeLine() throws IOException {
        Bytes bytes = new Bytes(MAX_LINE_BYTES);
        while (true) {
            int next = in.read();
            if (next == '\n' || next == LineInput.END) {
                return bytes.take();
            }
            if (!bytes.add(next)) {
                throw bad("the line is longer than " + MAX_LINE_BYTES + " bytes");
            }
        }
    }

    private static boolean isBlank(byte[] bytes) {
        for (byte b : bytes) {
            if (b != ' ' && b != '\t' && b != '\r') {
                return false;
            }
        }
        return true;
    }

    private Entry entry(byte[] bytes) {
        Map<String, Value> members;
        try {
            members = JsonText.parseObject(bytes);
        } catch (IllegalArgumentException e) {
            throw bad(String.valueOf(e.getMessage()));
        }
        if (members.keySet().equals(EXPORTED)) {
            return new Entry(
                    unescaped(member(members, TextFormat.ESCAPED_KEY)),
                    unescaped(member(members, TextFormat.ESCAPED_VALUE)));
        }
        Value key = member(members, keyField);
        if (!key.isScalar()) {
            throw bad("the key '" + keyField + "' is " + shortened(key.source())
                    + ", allowed are strings, numbers, true and false");
        }
        return new Entry(bytes(key), value(members, bytes));
    }

    private byte[] value(Map<String, Value> members, byte[] whole) {
        if (valueField != null) {
            return bytes(member(members, valueField));
        }
        Value plain = members.get("value");
        return members.size() == 2 && plain != null && !keyField.equals("value") ? bytes(plain) : trimmed(whole);
    }

    private static byte[] trimmed(byte[] line) {
        int length = line.length;
        return length > 0 && line[length - 1] == '\r' ? java.util.Arrays.copyOf(line, length - 1) : line;
    }

    private Value member(Map<String, Value> members, String name) {
        Value value = members.get(name);
        if (value == null) {
            throw bad("the object has no member '" + name + "'; it has "
                    + shortened(String.join(", ", members.keySet())));
        }
        return value;
    }

    private byte[] bytes(Value value) {
        return escaped ? unescaped(value) : encoded(value.text());
    }

    private byte[] encoded(String text) {
        byte[] bytes = Utf8.encode(text);
        if (bytes == null) {
            throw bad("a string has half of a surrogate pair, which is no character");
        }
        return bytes;
    }

    private byte[] unescaped(Value value) {
        try {
            return Escapes.unescape(value.text());
        } catch (IllegalArgumentException e) {
            throw bad(String.valueOf(e.getMessage()));
        }
    }

    private static String shortened(String text) {
        return text.length() <= 60 ? text : text.substring(0, 60) + "...";
    }

    private BadInputException bad(String reason) {
        return new BadInputException(place(), reason);
    }

    @Override
    public String place() {
        return "line " + line;
    }

    @Override
    public long position() {
        return in.position();
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
