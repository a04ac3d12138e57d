package io.beachdb.cli;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads one JSON object (RFC 8259): the names of its members, and their values, as text where they are strings, and as
 * they stand where they are anything else. Checks all of it, and refuses what RFC 8259 does not allow.
 */
final class JsonText {
    /** Deepest nesting that is followed: the reader calls itself. */
    private static final int MAX_DEPTH = 500;

    private final String text;
    private int at;

    private JsonText(String text) {
        this.text = text;
    }

    /**
     * A member's value.
     *
     * @param string its text if it is a string; null if not
     * @param source the value as it stands
     */
    record Value(@Nullable String string, String source) {

        /** Returns the text of a string, and everything else as it stands. */
        String text() {
            return string == null ? source : string;
        }

        boolean isScalar() {
            return !source.startsWith("{") && !source.startsWith("[") && !source.equals("null");
        }
    }

    /**
     * Reads the members of an object, in their order.
     *
     * @throws IllegalArgumentException if the bytes are not one JSON object in UTF-8; says where, in characters from 1
     */
    static Map<String, Value> parseObject(byte[] bytes) {
        CharBuffer chars;
        try {
            chars = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("not valid UTF-8", e);
        }
        JsonText json = new JsonText(chars.toString());
        json.space();
        if (json.peek() != '{') {
            throw json.bad("a JSON object was expected");
        }
        Map<String, Value> members = new LinkedHashMap<>();
        json.object(members, 0);
        json.space();
        if (json.at < json.text.length()) {
            throw json.bad("more follows after the object");
        }
        return members;
    }

    private void object(@Nullable Map<String, Value> members, int depth) {
        at++;
        space();
        if (peek() == '}') {
            at++;
            return;
        }
        while (true) {
            space();
            if (peek() != '"') {
                throw bad("a member's name in quotes was expected");
            }
            String name = string();
            space();
            take(':');
            space();
            int began = at;
            String string = value(depth);
            if (members != null && members.put(name, new Value(string, text.substring(began, at))) != null) {
                throw bad("the name '" + name + "' stands twice");
            }
            space();
            if (peek() == '}') {
                at++;
                return;
            }
            take(',');
        }
    }

    private void array(int depth) {
        at++;
        space();
        if (peek() == ']') {
            at++;
            return;
        }
        while (true) {
            space();
            value(depth);
            space();
            if (peek() == ']') {
                at++;
                return;
            }
            take(',');
        }
    }

    /** Takes a value; returns its text if it is a string, else null. */
    private @Nullable String value(int depth) {
        if (depth > MAX_DEPTH) {
            throw bad("nested deeper than " + MAX_DEPTH);
        }
        switch (peek()) {
            case '"' -> {
                return string();
            }
            case '{' -> object(null, depth + 1);
            case '[' -> array(depth + 1);
            case 't' -> word("true");
            case 'f' -> word("false");
            case 'n' -> word("null");
            default -> number();
        }
        return null;
    }

    private String string() {
        at++;
        StringBuilder value = new StringBuilder();
        while (true) {
            char c = peek();
            if (c < 0x20) {
                throw bad(at == text.length() ? "the string is not closed" : "a control character inside a string");
            }
            at++;
            if (c == '"') {
                return value.toString();
            }
            value.append(c == '\\' ? escaped() : c);
        }
    }

    private char escaped() {
        char c = peek();
        at++;
        return switch (c) {
            case '"', '\\', '/' -> c;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> unicode();
            default -> throw bad("a backslash followed by neither of \"\\/bfnrtu");
        };
    }

    private char unicode() {
        int value = 0;
        for (int i = 0; i < 4; i++) {
            int digit = Character.digit(peek(), 16);
            if (digit < 0 || peek() > 'f') {
                throw bad("\\u needs four hexadecimal digits");
            }
            value = value << 4 | digit;
            at++;
        }
        return (char) value;
    }

    private void number() {
        int began = at;
        if (peek() == '-') {
            at++;
        }
        if (peek() == '0') {
            at++;
        } else {
            digits(began);
        }
        if (peek() == '.') {
            at++;
            digits(began);
        }
        if (peek() == 'e' || peek() == 'E') {
            at++;
            if (peek() == '+' || peek() == '-') {
                at++;
            }
            digits(began);
        }
    }

    private void digits(int began) {
        if (peek() < '0' || peek() > '9') {
            throw bad(at == began ? "a value was expected" : "a digit was expected");
        }
        while (peek() >= '0' && peek() <= '9') {
            at++;
        }
    }

    private void word(String word) {
        if (!text.startsWith(word, at)) {
            throw bad("a value was expected");
        }
        at += word.length();
    }

    private void take(char expected) {
        if (peek() != expected) {
            throw bad("'" + expected + "' was expected");
        }
        at++;
    }

    private void space() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') {
            at++;
        }
    }

    /** The next character; zero, which JSON allows nowhere, at the end. */
    private char peek() {
        return at < text.length() ? text.charAt(at) : 0;
    }

    private IllegalArgumentException bad(String reason) {
        return new IllegalArgumentException("character " + (at + 1) + ": " + reason);
    }
}
