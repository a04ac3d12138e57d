package io.beachdb;

import java.lang.foreign.MemorySegment;

/**
 * Walks the entries of one instant in key order, forwards and backwards. Opens before the first entry, not valid: position
 * it first. One thread at a time; close it, since it holds memory and files of its instant.
 *
 * <p>Everything but {@link #key()}, {@link #value()} and the opening allocates nothing. A segment kept past its step reads
 * unspecified bytes of the database's own memory: never a crash, never writable; with the option {@code checkLifetimes} it
 * is an exception.
 */
public interface Cursor extends AutoCloseable {

    /** Goes to the first entry of the range. */
    void first();

    /** Goes to the last entry of the range. */
    void last();

    /** Goes to the first entry at or after {@code key} within the range. */
    void seek(byte[] key);

    /** As {@link #seek(byte[])}. */
    void seek(MemorySegment key);

    /** Goes to the last entry at or before {@code key} within the range. */
    void seekAtOrBefore(byte[] key);

    /** As {@link #seekAtOrBefore(byte[])}. */
    void seekAtOrBefore(MemorySegment key);

    /** Goes to the next entry; the cursor must be valid. */
    void next();

    /** Goes to the previous entry; the cursor must be valid. */
    void previous();

    /**
     * Returns whether the cursor stands on an entry. Only then may the calls below be used.
     *
     * @throws io.beachdb.base.ClosedException after a close, also of the database: a scan that it cuts short must not look whole
     */
    boolean valid();

    /** Returns a read-only segment over the key, valid until the next step. */
    MemorySegment key();

    /** Returns a read-only segment over the value, valid until the next step. */
    MemorySegment value();

    int keyLength();

    long valueLength();

    /** Copies the key to {@code destination} at {@code at}; it must fit. */
    void copyKey(MemorySegment destination, long at);

    /** Copies the value to {@code destination} at {@code at}; it must fit. */
    void copyValue(MemorySegment destination, long at);

    /** Compares the current key with {@code key} by the database's order; negative, zero or positive. */
    int compareKey(MemorySegment key);

    /** Returns long-lived read-only memory that holds the key at {@link #keyOffset()}, until the next step. */
    MemorySegment keyMemory();

    long keyOffset();

    /** Returns long-lived read-only memory that holds the value at {@link #valueOffset()}, until the next step. */
    MemorySegment valueMemory();

    long valueOffset();

    /** Returns the sequence of the write that made the entry. 0 for old entries, which need none any more. */
    long sequence();

    /** Lets go. Closing twice is harmless; closing the database closes it too. */
    @Override
    void close();
}
