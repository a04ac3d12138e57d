package io.beachdb;

import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.Varint;
import io.beachdb.db.Limits;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;

/**
 * Puts and deletes that are applied together, whole or not at all, in their order. Reusable: {@link #clear} it, or write
 * it again. Copies what it is given. Not for several threads at once. Memory of its own, on the heap.
 */
public final class WriteBatch {
    /** Most bytes a batch can hold at all; the database's limit is lower. */
    private static final int MAX_BYTES = 1 << 30;

    private byte[] operations;
    private int length;
    private int count;

    public WriteBatch() {
        this(512);
    }

    /** @param initialBytes room to begin with, 0 to 1 GiB */
    public WriteBatch(int initialBytes) {
        if (initialBytes < 0 || initialBytes > MAX_BYTES) {
            throw new IllegalArgumentException("initialBytes is " + initialBytes + ", allowed 0 to " + MAX_BYTES);
        }
        operations = new byte[Math.max(64, initialBytes)];
    }

    /** Adds a put. */
    public WriteBatch put(byte[] key, byte[] value) {
        return put(
                MemorySegment.ofArray(Objects.requireNonNull(key, "key")),
                MemorySegment.ofArray(Objects.requireNonNull(value, "value")));
    }

    /** Adds a put. A segment that cannot be read leaves the batch as it was. */
    public WriteBatch put(MemorySegment key, MemorySegment value) {
        int start = begin(InternalKeys.KIND_PUT, key.byteSize(), value.byteSize());
        try {
            append(key);
            varint(value.byteSize());
            append(value);
            start = length;
            count++;
        } finally {
            length = start;
        }
        return this;
    }

    /** Adds a delete. */
    public WriteBatch delete(byte[] key) {
        return delete(MemorySegment.ofArray(Objects.requireNonNull(key, "key")));
    }

    /** Adds a delete. A segment that cannot be read leaves the batch as it was. */
    public WriteBatch delete(MemorySegment key) {
        int start = begin(InternalKeys.KIND_DELETE, key.byteSize(), 0);
        try {
            append(key);
            start = length;
            count++;
        } finally {
            length = start;
        }
        return this;
    }

    /** Forgets all operations, keeps the memory. */
    public void clear() {
        length = 0;
        count = 0;
    }

    /** Returns how many operations there are. */
    public int count() {
        return count;
    }

    public boolean isEmpty() {
        return count == 0;
    }

    /**
     * Returns the size of the encoded operations. It counts against the database's limit for a batch, and so do 44 bytes for
     * each operation, where there are several: what entries take in memory beside their own bytes.
     */
    public int bytes() {
        return length;
    }

    /** Reads the operations back, in their order. The segments are read-only and valid inside each call. */
    public void forEach(Visitor visitor) {
        MemorySegment all = MemorySegment.ofArray(operations).asReadOnly();
        int at = 0;
        while (at < length) {
            int kind = operations[at++];
            int keyLength = (int) readVarint(at);
            at += varintLength(keyLength);
            MemorySegment key = all.asSlice(at, keyLength);
            at += keyLength;
            if (kind == InternalKeys.KIND_PUT) {
                int valueLength = (int) readVarint(at);
                at += varintLength(valueLength);
                visitor.put(key, all.asSlice(at, valueLength));
                at += valueLength;
            } else {
                visitor.delete(key);
            }
        }
    }

    /** Takes operations in order. */
    public interface Visitor {
        void put(MemorySegment key, MemorySegment value);

        void delete(MemorySegment key);
    }

    byte[] operations() {
        return operations;
    }

    /** Makes room, writes kind and key length, and returns where the operation starts. */
    private int begin(int kind, long keyLength, long valueLength) {
        Limits.checkKeyLength(keyLength);
        long needed = length + 1 + 2L * Varint.MAX_BYTES + keyLength + Math.min(valueLength, Integer.MAX_VALUE);
        if (needed > MAX_BYTES) {
            throw new IllegalArgumentException(
                    "batch would have " + needed + " bytes, allowed up to " + MAX_BYTES + ": write it in parts");
        }
        if (needed > operations.length) {
            operations = Arrays.copyOf(operations, (int) Math.max(needed, Math.min(MAX_BYTES, 2L * operations.length)));
        }
        int start = length;
        operations[length++] = (byte) kind;
        varint(keyLength);
        return start;
    }

    private void append(MemorySegment bytes) {
        MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, 0, operations, length, (int) bytes.byteSize());
        length += (int) bytes.byteSize();
    }

    private void varint(long value) {
        long rest = value;
        while ((rest & ~0x7FL) != 0) {
            operations[length++] = (byte) (rest | 0x80);
            rest >>>= 7;
        }
        operations[length++] = (byte) rest;
    }

    private long readVarint(int at) {
        long value = 0;
        for (int i = 0; ; i++) {
            byte next = operations[at + i];
            value |= (next & 0x7FL) << (7 * i);
            if (next >= 0) {
                return value;
            }
        }
    }

    private static int varintLength(long value) {
        return Varint.length(value);
    }
}
