package io.beachdb.base.format;

import java.lang.foreign.MemorySegment;

/**
 * The engine's cursor: walks entries (internal key and value) in internal order, in both directions. Memtables and
 * tables offer it, merging combines it, the table writer consumes it. One task uses it at a time.
 *
 * <p>A fresh cursor is not valid until positioned. Key and value are given as native memory, offset and length, and stay
 * as they are until the next positioning call; no positioning call or accessor allocates, but for reading blocks that
 * are not in memory. Errors: {@link io.beachdb.base.CorruptionException} and {@link io.beachdb.base.StorageException};
 * the cursor is then not valid.
 */
public interface EntryCursor extends AutoCloseable {

    /** Goes to the first entry. */
    void first();

    /** Goes to the last entry. */
    void last();

    /**
     * Goes to the first entry at or after the given internal key.
     *
     * @param key native memory that holds the user key; read during the call only
     */
    void seek(MemorySegment key, long offset, int length, long trailer);

    /** Goes to the last entry before the given internal key. */
    void seekBefore(MemorySegment key, long offset, int length, long trailer);

    /** Goes on to the entry after the current one. The cursor must be valid. */
    void next();

    /** Goes back to the entry before the current one. The cursor must be valid. */
    void previous();

    /** Returns whether the cursor stands on an entry. Only then may the accessors below be called. */
    boolean valid();

    MemorySegment keyMemory();

    long keyOffset();

    /** Returns the length of the user key. */
    int keyLength();

    /** Returns sequence and kind, see {@link InternalKeys}. */
    long trailer();

    /** Returns the length of the value; 0 for a tombstone. */
    long valueLength();

    /** Returns memory that holds the whole value. A value with blocks of its own is read into memory first. */
    MemorySegment valueMemory();

    long valueOffset();

    /** Copies a part of the value; a value with blocks of its own is read and checked piece by piece. */
    void copyValue(long from, MemorySegment destination, long at, long length);

    /** Lets go of memory and files. Closing twice is harmless. */
    @Override
    void close();
}
