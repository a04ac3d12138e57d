package io.beachdb;

import io.beachdb.db.Limits;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * An interval of keys: from {@code from} (inclusive) to {@code to} (exclusive), either of which may be open (null). Holds
 * copies of the keys given, which have the same limit as all keys.
 */
public final class Range {
    private static final Range ALL = new Range(null, null);

    private final byte @Nullable [] from;
    private final byte @Nullable [] to;

    private Range(byte @Nullable [] from, byte @Nullable [] to) {
        checkLength(from);
        checkLength(to);
        this.from = from;
        this.to = to;
    }

    private static void checkLength(byte @Nullable [] bound) {
        if (bound != null) {
            Limits.checkKeyLength(bound.length);
        }
    }

    /** Every key. */
    public static Range all() {
        return ALL;
    }

    /** Keys at or after {@code from}. */
    public static Range from(byte[] from) {
        return new Range(from.clone(), null);
    }

    /** Keys before {@code to}. */
    public static Range to(byte[] to) {
        return new Range(null, to.clone());
    }

    /** Keys at or after {@code from} and before {@code to}; none when {@code from} is not before {@code to}. */
    public static Range of(byte[] from, byte[] to) {
        return new Range(from.clone(), to.clone());
    }

    /** Keys that begin with {@code prefix}. */
    public static Range prefix(byte[] prefix) {
        return new Range(prefix.clone(), successorOfPrefix(prefix));
    }

    /** The first key after all that begin with {@code prefix}; null when there is none. */
    private static byte @Nullable [] successorOfPrefix(byte[] prefix) {
        for (int i = prefix.length - 1; i >= 0; i--) {
            if (prefix[i] != (byte) 0xFF) {
                byte[] successor = Arrays.copyOf(prefix, i + 1);
                successor[i]++;
                return successor;
            }
        }
        return null;
    }

    /** Returns a copy of the inclusive lower bound, or null for none. */
    public byte @Nullable [] lowerBound() {
        return from == null ? null : from.clone();
    }

    /** Returns a copy of the exclusive upper bound, or null for none. */
    public byte @Nullable [] upperBound() {
        return to == null ? null : to.clone();
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Range range && Arrays.equals(from, range.from) && Arrays.equals(to, range.to);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(from) + Arrays.hashCode(to);
    }

    @Override
    public String toString() {
        return "[" + show(from) + ", " + show(to) + ")";
    }

    private static String show(byte @Nullable [] key) {
        return key == null ? "*" : io.beachdb.base.format.Escapes.escape(key);
    }
}
