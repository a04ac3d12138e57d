package io.beachdb.durability;

import io.beachdb.base.StorageException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * A new file on its way to disk: written once, front to back, by one task at a time. {@link DurableDirectory#commit} turns
 * it into a {@link DurableFile}; until then a crash may leave it whole, in part, empty or absent.
 */
public final class PendingFile {
    private final DurableDirectory directory;
    private final String name;
    private final VfsFile file;
    private final long event;
    private long position;
    private boolean closed;
    private boolean finished;

    PendingFile(DurableDirectory directory, String name, VfsFile file, long event) {
        this.directory = directory;
        this.name = name;
        this.file = file;
        this.event = event;
    }

    public String name() {
        return name;
    }

    /** Returns how many bytes have been written. */
    public long position() {
        return position;
    }

    /** Appends {@code length} bytes. After a failure the file can only be abandoned. */
    public void write(MemorySegment source, long at, long length) {
        checkPending();
        try {
            file.write(position, source, at, length);
        } catch (IOException e) {
            throw Failures.storage(
                    "writing", directory.pathOf(name), e, "The file is not part of the database yet and is dropped.");
        }
        position += length;
    }

    /** Closes and deletes the file: its number may not be used again in this run, its bytes never count. */
    public void abandon() {
        if (!finished) {
            finished = true;
            directory.abandon(this);
        }
    }

    /**
     * As {@link #abandon}, for a caller that has a failure to report already: if the file cannot be dropped it stays behind as
     * an orphan, which the next open deletes.
     */
    public void abandonQuietly() {
        try {
            abandon();
        } catch (StorageException e) {
            directory.orphaned(name, e);
        }
    }

    VfsFile file() {
        return file;
    }

    /** Closes the file itself, once. */
    void close() throws IOException {
        if (!closed) {
            closed = true;
            file.close();
        }
    }

    boolean isClosed() {
        return closed;
    }

    long event() {
        return event;
    }

    void checkPending() {
        if (finished) {
            throw new IllegalStateException(name + " was committed or abandoned already");
        }
    }

    void checkIn(DurableDirectory other) {
        if (directory != other) {
            throw new IllegalArgumentException(name + " belongs to another directory");
        }
    }

    void committed() {
        finished = true;
    }
}
