package io.beachdb.base;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * The encodings behind {@link KeyEncoder}. Not its subclasses, since it makes them while it is being initialised.
 *
 * @param <T> what is encoded
 */
abstract class KeyForm<T> {
    /*
     * Delimited strings and byte arrays: a zero byte becomes 00 FF, and 00 01 ends the value. The end sorts before every
     * continuation: before a byte of 1 and more by its first byte, before an escaped zero by its second.
     */
    private static final int ESCAPE = 0x00;
    private static final int ESCAPED_ZERO = 0xFF;
    private static final int TERMINATOR = 0x01;
    private static final int TERMINATOR_BYTES = 2;

    private static final ValueLayout.OfInt BIG_ENDIAN_INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong BIG_ENDIAN_LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    /** Returns how many bytes {@code value} takes. */
    abstract int encodedLength(T value);

    /** Encodes {@code value} at {@code offset}; returns the offset behind it. */
    abstract long encode(T value, MemorySegment memory, long offset);

    /** Takes one value from the source. */
    abstract T read(Source source);

    /** Returns the form whose encodings show where they end: none is a prefix of another. */
    KeyForm<T> delimited() {
        return this;
    }

    /** Returns the class of the values, to check the elements of a tuple by. */
    abstract Class<?> type();

    /** Bytes being decoded. Descending encoders read through it with all bits inverted. */
    static final class Source {
        private final MemorySegment memory;
        private final long from;
        private final long to;
        private long at;
        private int mask;

        Source(MemorySegment memory, long offset, long length) {
            java.util.Objects.checkFromIndexSize(offset, length, memory.byteSize());
            this.memory = memory;
            this.from = offset;
            this.to = offset + length;
            this.at = offset;
        }

        long left() {
            return to - at;
        }

        void invert() {
            mask ^= 0xFF;
        }

        int nextByte() {
            if (at == to) {
                throw bad("ends early");
            }
            return (memory.get(ValueLayout.JAVA_BYTE, at++) ^ mask) & 0xFF;
        }

        long nextBigEndian(int bytes) {
            long value = 0;
            for (int i = 0; i < bytes; i++) {
                value = value << 8 | nextByte();
            }
            return value;
        }

        byte[] rest() {
            byte[] bytes = new byte[Math.toIntExact(left())];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) nextByte();
            }
            return bytes;
        }

        IllegalArgumentException bad(String what) {
            return new IllegalArgumentException("the key of " + (to - from) + " bytes " + what + " at byte "
                    + (at - from) + ": it was not made by this encoder");
        }
    }

    /** 4 bytes big-endian; the flip turns signed order into unsigned. */
    static final class Ints extends KeyForm<Integer> {
        private final int flip;

        Ints(int flip) {
            this.flip = flip;
        }

        @Override
        int encodedLength(Integer value) {
            return Integer.BYTES;
        }

        @Override
        long encode(Integer value, MemorySegment memory, long offset) {
            memory.set(BIG_ENDIAN_INT, offset, value ^ flip);
            return offset + Integer.BYTES;
        }

        @Override
        Integer read(Source source) {
            return (int) source.nextBigEndian(Integer.BYTES) ^ flip;
        }

        @Override
        Class<?> type() {
            return Integer.class;
        }
    }

    /** 8 bytes big-endian; the flip turns signed order into unsigned. */
    static final class Longs extends KeyForm<Long> {
        private final long flip;

        Longs(long flip) {
            this.flip = flip;
        }

        @Override
        int encodedLength(Long value) {
            return Long.BYTES;
        }

        @Override
        long encode(Long value, MemorySegment memory, long offset) {
            memory.set(BIG_ENDIAN_LONG, offset, value ^ flip);
            return offset + Long.BYTES;
        }

        @Override
        Long read(Source source) {
            return source.nextBigEndian(Long.BYTES) ^ flip;
        }

        @Override
        Class<?> type() {
            return Long.class;
        }
    }

    /** The IEEE bits: positive ones with the sign bit set, negative ones with all bits inverted. */
    static final class Floats extends KeyForm<Float> {
        private static final int CANONICAL_NAN = Float.floatToIntBits(Float.NaN);

        @Override
        int encodedLength(Float value) {
            return Float.BYTES;
        }

        @Override
        long encode(Float value, MemorySegment memory, long offset) {
            int bits = Float.floatToIntBits(value);
            memory.set(BIG_ENDIAN_INT, offset, bits ^ (bits >> 31 | Integer.MIN_VALUE));
            return offset + Float.BYTES;
        }

        @Override
        Float read(Source source) {
            int bits = (int) source.nextBigEndian(Float.BYTES);
            int back = bits < 0 ? bits ^ Integer.MIN_VALUE : ~bits;
            float value = Float.intBitsToFloat(back);
            if (Float.isNaN(value) && back != CANONICAL_NAN) {
                throw source.bad("has another NaN than the one that is written,");
            }
            return value;
        }

        @Override
        Class<?> type() {
            return Float.class;
        }
    }

    /** As {@link Floats}. */
    static final class Doubles extends KeyForm<Double> {
        private static final long CANONICAL_NAN = Double.doubleToLongBits(Double.NaN);

        @Override
        int encodedLength(Double value) {
            return Double.BYTES;
        }

        @Override
        long encode(Double value, MemorySegment memory, long offset) {
            long bits = Double.doubleToLongBits(value);
            memory.set(BIG_ENDIAN_LONG, offset, bits ^ (bits >> 63 | Long.MIN_VALUE));
            return offset + Double.BYTES;
        }

        @Override
        Double read(Source source) {
            long bits = source.nextBigEndian(Double.BYTES);
            long back = bits < 0 ? bits ^ Long.MIN_VALUE : ~bits;
            double value = Double.longBitsToDouble(back);
            if (Double.isNaN(value) && back != CANONICAL_NAN) {
                throw source.bad("has another NaN than the one that is written,");
            }
            return value;
        }

        @Override
        Class<?> type() {
            return Double.class;
        }
    }

    /** One byte, 0 or 1. */
    static final class Booleans extends KeyForm<Boolean> {
        @Override
        int encodedLength(Boolean value) {
            return 1;
        }

        @Override
        long encode(Boolean value, MemorySegment memory, long offset) {
            memory.set(ValueLayout.JAVA_BYTE, offset, (byte) (value ? 1 : 0));
            return offset + 1;
        }

        @Override
        Boolean read(Source source) {
            int value = source.nextByte();
            if (value > 1) {
                throw source.bad("has " + value + " for a boolean before the end");
            }
            return value == 1;
        }

        @Override
        Class<?> type() {
            return Boolean.class;
        }
    }

    /** 16 bytes big-endian. */
    static final class Uuids extends KeyForm<UUID> {
        private static final int BYTES = 16;

        @Override
        int encodedLength(UUID value) {
            return BYTES;
        }

        @Override
        long encode(UUID value, MemorySegment memory, long offset) {
            memory.set(BIG_ENDIAN_LONG, offset, value.getMostSignificantBits());
            memory.set(BIG_ENDIAN_LONG, offset + Long.BYTES, value.getLeastSignificantBits());
            return offset + BYTES;
        }

        @Override
        UUID read(Source source) {
            long high = source.nextBigEndian(Long.BYTES);
            return new UUID(high, source.nextBigEndian(Long.BYTES));
        }

        @Override
        Class<?> type() {
            return UUID.class;
        }
    }

    /** The bytes as they are, or escaped and terminated. */
    static final class ByteArrays extends KeyForm<byte[]> {
        private final boolean delimited;

        ByteArrays(boolean delimited) {
            this.delimited = delimited;
        }

        @Override
        int encodedLength(byte[] value) {
            if (!delimited) {
                return value.length;
            }
            int zeros = 0;
            for (byte b : value) {
                zeros += b == 0 ? 1 : 0;
            }
            return Math.addExact(Math.addExact(value.length, zeros), TERMINATOR_BYTES);
        }

        @Override
        long encode(byte[] value, MemorySegment memory, long offset) {
            if (!delimited) {
                MemorySegment.copy(value, 0, memory, ValueLayout.JAVA_BYTE, offset, value.length);
                return offset + value.length;
            }
            long at = offset;
            for (byte b : value) {
                memory.set(ValueLayout.JAVA_BYTE, at++, b);
                if (b == ESCAPE) {
                    memory.set(ValueLayout.JAVA_BYTE, at++, (byte) ESCAPED_ZERO);
                }
            }
            memory.set(ValueLayout.JAVA_BYTE, at++, (byte) ESCAPE);
            memory.set(ValueLayout.JAVA_BYTE, at++, (byte) TERMINATOR);
            return at;
        }

        @Override
        byte[] read(Source source) {
            return delimited ? readDelimited(source) : source.rest();
        }

        private static byte[] readDelimited(Source source) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            while (true) {
                int next = source.nextByte();
                if (next != ESCAPE) {
                    bytes.write(next);
                    continue;
                }
                int what = source.nextByte();
                if (what == TERMINATOR) {
                    return bytes.toByteArray();
                }
                if (what != ESCAPED_ZERO) {
                    throw source.bad("has a bad escape");
                }
                bytes.write(0);
            }
        }

        @Override
        KeyForm<byte[]> delimited() {
            return new ByteArrays(true);
        }

        @Override
        Class<?> type() {
            return byte[].class;
        }
    }

    /** UTF-8, as {@link ByteArrays}. */
    static final class Strings extends KeyForm<String> {
        private final ByteArrays bytes;

        Strings(boolean delimited) {
            this.bytes = new ByteArrays(delimited);
        }

        @Override
        int encodedLength(String value) {
            return bytes.encodedLength(utf8(value));
        }

        @Override
        long encode(String value, MemorySegment memory, long offset) {
            return bytes.encode(utf8(value), memory, offset);
        }

        @Override
        String read(Source source) {
            byte[] raw = bytes.read(source);
            try {
                return StandardCharsets.UTF_8
                        .newDecoder()
                        .decode(ByteBuffer.wrap(raw))
                        .toString();
            } catch (CharacterCodingException e) {
                IllegalArgumentException bad = source.bad("holds a string that is not UTF-8, which ends");
                bad.initCause(e);
                throw bad;
            }
        }

        /** Strict: {@link String#getBytes} would store a question mark for what it cannot encode. */
        private static byte[] utf8(String value) {
            try {
                ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(value));
                byte[] raw = new byte[encoded.remaining()];
                encoded.get(raw);
                return raw;
            } catch (CharacterCodingException e) {
                throw new IllegalArgumentException(
                        "the string of " + value.length()
                                + " characters has half a surrogate pair, which no key can hold",
                        e);
            }
        }

        @Override
        KeyForm<String> delimited() {
            return new Strings(true);
        }

        @Override
        Class<?> type() {
            return String.class;
        }
    }

    /** The delimited encoding, all bits inverted. Delimited, because inverting cannot put a prefix behind its extension. */
    static final class Descending<T> extends KeyForm<T> {
        private final KeyForm<T> original;
        private final KeyForm<T> ascending;

        Descending(KeyForm<T> original) {
            this.original = original;
            this.ascending = original.delimited();
        }

        KeyForm<T> original() {
            return original;
        }

        @Override
        int encodedLength(T value) {
            return ascending.encodedLength(value);
        }

        @Override
        long encode(T value, MemorySegment memory, long offset) {
            long end = ascending.encode(value, memory, offset);
            for (long at = offset; at < end; at++) {
                memory.set(ValueLayout.JAVA_BYTE, at, (byte) ~memory.get(ValueLayout.JAVA_BYTE, at));
            }
            return end;
        }

        @Override
        T read(Source source) {
            source.invert();
            T value = ascending.read(source);
            source.invert();
            return value;
        }

        @Override
        Class<?> type() {
            return original.type();
        }
    }

    /** The delimited encodings of the parts, one after the other. */
    static final class Tuples extends KeyForm<List<Object>> {
        private final List<KeyForm<Object>> parts;
        private final boolean whole;

        /** @param whole whether a list must have a value for every part */
        @SuppressWarnings("unchecked") // encode checks every element against its part's type
        Tuples(List<? extends KeyForm<?>> parts, boolean whole) {
            if (parts.isEmpty()) {
                throw new IllegalArgumentException("the tuple has no parts, allowed 1 and more");
            }
            this.parts = parts.stream()
                    .map(part -> (KeyForm<Object>) part.delimited())
                    .toList();
            this.whole = whole;
        }

        @Override
        int encodedLength(List<Object> values) {
            check(values);
            int length = 0;
            for (int i = 0; i < values.size(); i++) {
                length = Math.addExact(length, parts.get(i).encodedLength(values.get(i)));
            }
            return length;
        }

        @Override
        long encode(List<Object> values, MemorySegment memory, long offset) {
            check(values);
            long at = offset;
            for (int i = 0; i < values.size(); i++) {
                at = parts.get(i).encode(values.get(i), memory, at);
            }
            return at;
        }

        private void check(List<Object> values) {
            if (values.size() > parts.size() || whole && values.size() < parts.size()) {
                throw new IllegalArgumentException("the tuple has " + values.size() + " values, allowed "
                        + (whole ? "" : "up to ") + parts.size());
            }
            for (int i = 0; i < values.size(); i++) {
                Class<?> type = parts.get(i).type();
                Object value = java.util.Objects.requireNonNull(values.get(i), "a value of a tuple");
                if (!type.isInstance(value)) {
                    throw new IllegalArgumentException("value " + i + " of the tuple is a "
                            + value.getClass().getName() + ", allowed " + type.getTypeName());
                }
            }
        }

        @Override
        List<Object> read(Source source) {
            List<Object> values = new ArrayList<>(parts.size());
            for (KeyForm<Object> part : parts) {
                if (!whole && source.left() == 0) {
                    break;
                }
                values.add(part.read(source));
            }
            return values;
        }

        @Override
        KeyForm<List<Object>> delimited() {
            return new Tuples(parts, true);
        }

        @Override
        Class<?> type() {
            return List.class;
        }
    }
}
