package io.beachdb.sstable;

import io.beachdb.base.format.InternalKeys;
import java.util.Arrays;

/** An entry of the model: plain arrays, the order of keys written down once more. */
record Entry(byte[] key, long trailer, byte[] value) implements Comparable<Entry> {

    static Entry put(String key, long sequence, String value) {
        return new Entry(
                key.getBytes(java.nio.charset.StandardCharsets.UTF_8),
                InternalKeys.trailer(sequence, InternalKeys.KIND_PUT),
                value.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    @Override
    public int compareTo(Entry other) {
        int order = Arrays.compareUnsigned(key, other.key);
        return order != 0 ? order : Long.compareUnsigned(other.trailer, trailer);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Entry entry
                && trailer == entry.trailer
                && Arrays.equals(key, entry.key)
                && Arrays.equals(value, entry.value);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(key) ^ Long.hashCode(trailer);
    }

    @Override
    public String toString() {
        return io.beachdb.base.format.Escapes.escape(key) + "@" + InternalKeys.sequence(trailer) + " "
                + InternalKeys.kindName(InternalKeys.kind(trailer)) + " " + value.length + " bytes";
    }
}
