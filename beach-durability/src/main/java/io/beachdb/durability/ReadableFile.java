package io.beachdb.durability;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** A file of a {@link DurableDirectory}, open for reading. Any thread may read, interrupted or not. */
public final class ReadableFile implements AutoCloseable {
    private final String name;
    private final VfsFile file;

    ReadableFile(String name, VfsFile file) {
        this.name = name;
        this.file = file;
    }

    public String name() {
        return name;
    }

    /** Returns the file's size now. */
    public long size() {
        try {
            return file.size();
        } catch (IOException e) {
            throw Failures.storage("asking the size of", name, e, "Nothing was changed.");
        }
    }

    /**
     * Reads up to {@code length} bytes.
     *
     * @param destination native memory
     * @return how many were read, fewer only at the end of the file
     */
    public int read(long position, MemorySegment destination, long at, int length) {
        try {
            return file.read(position, destination, at, length);
        } catch (IOException e) {
            throw Failures.storage(
                    "reading " + length + " bytes at offset " + position + " of",
                    name,
                    e,
                    "Nothing was changed; try again.");
        }
    }

    /** Lets go of the file. Closing twice is harmless. */
    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw Failures.storage("closing", name, e, "Nothing was changed.");
        }
    }
}
