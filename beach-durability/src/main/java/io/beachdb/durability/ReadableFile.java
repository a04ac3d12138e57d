package io.beachdb.durability;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** A file of a {@link DurableDirectory}, open for reading. Any thread may read, interrupted or not. */
public final class ReadableFile implements AutoCloseable {
    private final Path path;
    private final VfsFile file;

    ReadableFile(Path path, VfsFile file) {
        this.path = path;
        this.file = file;
    }

    /** Returns its name in the directory. */
    public String name() {
        return String.valueOf(path.getFileName());
    }

    /** Returns where it is, for messages. */
    public String path() {
        return path.toString();
    }

    /** Returns the file's size now. */
    public long size() {
        try {
            return file.size();
        } catch (IOException e) {
            throw Failures.storage("asking the size of", path, e, "Nothing was changed.");
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
                    path,
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
            throw Failures.storage("closing", path, e, "Nothing was changed.");
        }
    }
}
