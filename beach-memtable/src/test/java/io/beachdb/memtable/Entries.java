package io.beachdb.memtable;

import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Adds to and reads from memtables by byte arrays, for tests that care for what rather than how fast. */
final class Entries {
    private Entries() {}

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    static MemorySegment memory(byte[] bytes) {
        MemorySegment memory = Arena.ofAuto().allocate(Math.max(1, bytes.length));
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return memory;
    }

    static byte[] copy(MemorySegment memory, long offset, long length) {
        return memory.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
    }

    static void put(Memtable memtable, Inserter inserter, byte[] key, long sequence, byte[] value) {
        add(memtable, inserter, key, InternalKeys.trailer(sequence, InternalKeys.KIND_PUT), value);
    }

    static void delete(Memtable memtable, Inserter inserter, byte[] key, long sequence) {
        add(memtable, inserter, key, InternalKeys.trailer(sequence, InternalKeys.KIND_DELETE), new byte[0]);
    }

    static void add(Memtable memtable, Inserter inserter, byte[] key, long trailer, byte[] value) {
        memtable.add(inserter, memory(key), 0, key.length, trailer, memory(value), 0, value.length);
    }

    static long find(Memtable memtable, byte[] key, long sequence) {
        return memtable.find(memory(key), 0, key.length, InternalKeys.seekTrailer(sequence));
    }

    static byte[] value(Memtable memtable, long entry) {
        return copy(memtable.valueMemory(entry), memtable.valueOffset(entry), memtable.valueLength(entry));
    }

    static Entry entry(Memtable memtable, long entry) {
        return new Entry(
                copy(memtable.keyMemory(entry), memtable.keyOffset(entry), memtable.keyLength(entry)),
                memtable.trailer(entry),
                value(memtable, entry));
    }

    static Entry entry(EntryCursor cursor) {
        return new Entry(
                copy(cursor.keyMemory(), cursor.keyOffset(), cursor.keyLength()),
                cursor.trailer(),
                copy(cursor.valueMemory(), cursor.valueOffset(), cursor.valueLength()));
    }

    /** Returns the entries linked on one level. */
    static List<Entry> level(Memtable memtable, int level) {
        List<Entry> entries = new ArrayList<>();
        int node = Memtable.HEAD;
        while (true) {
            node = Node.link(memtable.memory(node), EntryArena.offset(node), level);
            if (node == EntryArena.NONE) {
                return entries;
            }
            entries.add(entry(memtable, Integer.toUnsignedLong(node)));
        }
    }

    /** A whole entry; in internal order. */
    static final class Entry implements Comparable<Entry> {
        private final byte[] key;
        private final long trailer;
        private final byte[] value;

        Entry(byte[] key, long trailer, byte[] value) {
            this.key = key;
            this.trailer = trailer;
            this.value = value;
        }

        byte[] key() {
            return key;
        }

        long trailer() {
            return trailer;
        }

        byte[] value() {
            return value;
        }

        @Override
        public int compareTo(Entry other) {
            int order = Arrays.compareUnsigned(key, other.key);
            return order != 0 ? order : Long.compareUnsigned(other.trailer, trailer);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Entry entry && compareTo(entry) == 0 && Arrays.equals(value, entry.value);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(key) * 31 + Long.hashCode(trailer);
        }

        @Override
        public String toString() {
            return text(key)
                    + "@" + InternalKeys.sequence(trailer)
                    + " " + InternalKeys.kindName(InternalKeys.kind(trailer))
                    + " " + value.length + " bytes, hash " + Arrays.hashCode(value);
        }
    }
}
