package io.beachdb.base;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Turns typed values into keys whose bytewise order is the order of the values, and back.
 *
 * <pre>{@code
 * KeyEncoder<List<Object>> byUserNewestFirst = KeyEncoder.tuple(KeyEncoder.STRING, KeyEncoder.LONG.descending());
 * byte[] key = byUserNewestFirst.encode(List.of("ann", 42L));
 * byte[] allOfAnn = byUserNewestFirst.encode(List.of("ann"));   // the prefix of exactly ann's keys
 * }</pre>
 *
 * <p>Encoders are immutable and may be shared by all threads. A value of the wrong type, or bytes that no value encodes
 * to, are an {@link IllegalArgumentException}; null is a {@link NullPointerException}. The bytes are part of users' data
 * and stay as they are for ever: {@code docs/formats/conventions.md}, "Typed keys".
 *
 * @param <T> what is encoded
 */
public final class KeyEncoder<T> {

    /** 32-bit numbers, signed: 4 bytes. */
    public static final KeyEncoder<Integer> INT = new KeyEncoder<>(new KeyForm.Ints(Integer.MIN_VALUE));

    /** 32-bit numbers taken as unsigned, ordered as by {@link Integer#compareUnsigned}: 4 bytes. */
    public static final KeyEncoder<Integer> UNSIGNED_INT = new KeyEncoder<>(new KeyForm.Ints(0));

    /** 64-bit numbers, signed: 8 bytes. */
    public static final KeyEncoder<Long> LONG = new KeyEncoder<>(new KeyForm.Longs(Long.MIN_VALUE));

    /** 64-bit numbers taken as unsigned, ordered as by {@link Long#compareUnsigned}: 8 bytes. */
    public static final KeyEncoder<Long> UNSIGNED_LONG = new KeyEncoder<>(new KeyForm.Longs(0));

    /** Ordered as by {@link Float#compare}: -0.0 before 0.0, NaN (there is one) after all else. 4 bytes. */
    public static final KeyEncoder<Float> FLOAT = new KeyEncoder<>(new KeyForm.Floats());

    /** Ordered as by {@link Double#compare}: -0.0 before 0.0, NaN (there is one) after all else. 8 bytes. */
    public static final KeyEncoder<Double> DOUBLE = new KeyEncoder<>(new KeyForm.Doubles());

    /** False before true: 1 byte. */
    public static final KeyEncoder<Boolean> BOOLEAN = new KeyEncoder<>(new KeyForm.Booleans());

    /**
     * 16 bytes as RFC 9562 writes them, ordered unsigned, so that time-ordered UUIDs sort by time. ({@link UUID#compareTo}
     * compares signed, and differs.)
     */
    public static final KeyEncoder<UUID> UUID = new KeyEncoder<>(new KeyForm.Uuids());

    /**
     * UTF-8, ordered by code point (not as {@link String#compareTo}, which orders by UTF-16 unit). A string with half a
     * surrogate pair has no UTF-8 and is refused.
     */
    public static final KeyEncoder<String> STRING = new KeyEncoder<>(new KeyForm.Strings(false));

    /** The bytes themselves, ordered as {@link java.util.Arrays#compareUnsigned(byte[], byte[])} does. */
    public static final KeyEncoder<byte[]> BYTES = new KeyEncoder<>(new KeyForm.ByteArrays(false));

    private final KeyForm<T> form;

    private KeyEncoder(KeyForm<T> form) {
        this.form = form;
    }

    /**
     * Returns an encoder for lists of values, one for each of {@code parts}, ordered by the first, then the second, and so
     * on. A list may be shorter than {@code parts}: its encoding is a prefix of the encodings of exactly those lists that
     * begin with its values, and sorts before them. (Within another tuple, and descending, a list must be whole.)
     */
    public static KeyEncoder<List<Object>> tuple(KeyEncoder<?>... parts) {
        return new KeyEncoder<>(new KeyForm.Tuples(
                Stream.of(parts).<KeyForm<?>>map(part -> part.form).toList(), false));
    }

    /** Returns an encoder of the same values in the opposite order. */
    public KeyEncoder<T> descending() {
        return new KeyEncoder<>(
                form instanceof KeyForm.Descending<T> descending
                        ? descending.original()
                        : new KeyForm.Descending<>(form));
    }

    /** Encodes {@code value} as a key of its own. */
    public byte[] encode(T value) {
        byte[] bytes = new byte[encodedLength(value)];
        encode(value, MemorySegment.ofArray(bytes), 0);
        return bytes;
    }

    /** Returns how many bytes {@code value} takes. */
    public int encodedLength(T value) {
        return form.encodedLength(value);
    }

    /** Encodes {@code value} at {@code offset}; returns the offset behind it. */
    public long encode(T value, MemorySegment memory, long offset) {
        return form.encode(value, memory, offset);
    }

    /** Returns the value that {@code key} encodes. */
    public T decode(byte[] key) {
        return decode(MemorySegment.ofArray(key), 0, key.length);
    }

    /** Returns the value that {@code length} bytes encode. */
    public T decode(MemorySegment memory, long offset, long length) {
        KeyForm.Source source = new KeyForm.Source(memory, offset, length);
        T value = form.read(source);
        if (source.left() != 0) {
            throw source.bad("has " + source.left() + " bytes too many");
        }
        return value;
    }

    /** Returns the form of this encoder that tuples and descending encoders use. */
    KeyEncoder<T> delimited() {
        return new KeyEncoder<>(form.delimited());
    }
}
