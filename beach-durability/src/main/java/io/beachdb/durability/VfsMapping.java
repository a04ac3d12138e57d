package io.beachdb.durability;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** A file mapped for stores: a store is an unsynced write. Never interrupted, no system call. */
public interface VfsMapping extends AutoCloseable {

    /**
     * Stores bytes at {@code position} of the file.
     *
     * @throws IOException if the machine could not take them (a fault on the page): treat it as a failed sync of the file
     */
    void put(long position, MemorySegment source, long at, long length) throws IOException;

    /** Unmaps, maybe in the background. Closing twice is harmless; no put may run at the same time. */
    @Override
    void close();
}
