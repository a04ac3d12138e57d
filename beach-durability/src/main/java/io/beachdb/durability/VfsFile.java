package io.beachdb.durability;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** An open file of a {@link Vfs}. Positions and lengths in bytes. Safe for many threads as far as the bytes are apart. */
public interface VfsFile extends AutoCloseable {

    /**
     * Reads up to {@code length} bytes at {@code position}.
     *
     * @param destination native memory
     * @return how many bytes were read, fewer only at the end of the file; 0 at or behind it
     */
    int read(long position, MemorySegment destination, long at, int length) throws IOException;

    /** Writes all the bytes at {@code position}; the file grows as needed. */
    void write(long position, MemorySegment source, long at, long length) throws IOException;

    long size() throws IOException;

    /** Cuts the file to {@code size} or, when it is shorter, extends it by zeros. */
    void truncate(long size) throws IOException;

    /**
     * Makes the file at least {@code size} bytes long, with blocks allocated behind its present end that read as zeros: later
     * writes within it cannot meet a full disk, and change no metadata that a sync would have to wait for.
     */
    void allocate(long size) throws IOException;

    /**
     * Syncs: all bytes written before the call are on disk when it returns, and the size with them.
     *
     * @param metadata whether times and the like are to be synced too: needed after allocation, not after overwriting
     */
    void sync(boolean metadata) throws IOException;

    /** Syncs as {@link #sync(boolean)} does, and says why: for tests that count or leave out the syncs of one site. */
    default void sync(boolean metadata, SyncSite site) throws IOException {
        sync(metadata);
    }

    /**
     * Returns up to how many bytes {@link #write} may be called on a thread that others may interrupt, and whether
     * {@code sync(false)} may be: 0 if neither. An interrupted thread closes a channel under all its users; not every way
     * into a file is a channel.
     */
    default int interruptSafeBytes() {
        return 0;
    }

    /** Maps the first {@code length} bytes, all of them allocated, for stores. */
    VfsMapping map(long length) throws IOException;

    /** Lets go of the file. Not a sync. Closing twice is harmless. */
    @Override
    void close() throws IOException;
}
