package io.beachdb.durability;

import io.beachdb.base.StorageException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A log file whose name, size and header are on disk. It grows by {@link #write} or {@link #put}; {@link #sync} yields the
 * receipt that alone acknowledges what was appended. After any failure (of a write, a store or a sync) the log takes
 * nothing more, for good: what is on disk behind the last receipt is unknown.
 */
public final class DurableLog implements AutoCloseable {
    private static final long PAGE_BYTES = 4096;

    private final DurableDirectory directory;
    private final String name;
    private final Path path;
    private final VfsFile file;
    private final long allocatedBytes;
    private final @Nullable VfsMapping mapping;
    private volatile boolean used; // something was appended, or tried to be
    private volatile @Nullable StorageException failure;

    DurableLog(
            DurableDirectory directory, String name, VfsFile file, long allocatedBytes, @Nullable VfsMapping mapping) {
        this.directory = directory;
        this.name = name;
        this.path = directory.path().resolve(name);
        this.file = file;
        this.allocatedBytes = allocatedBytes;
        this.mapping = mapping;
    }

    public String name() {
        return name;
    }

    /** Returns up to where the file's blocks are allocated; 0 for a log that grows by its writes. */
    public long allocatedBytes() {
        return allocatedBytes;
    }

    /** Returns whether {@link #put} may be used: the file is allocated, and the system maps it. */
    public boolean isMapped() {
        return mapping != null;
    }

    /**
     * Returns up to how many bytes {@link #write} may have, and {@link #sync} be called, on a thread that others may
     * interrupt; 0: both on engine threads only.
     */
    public int interruptSafeBytes() {
        return file.interruptSafeBytes();
    }

    /** Writes by a system call, on an engine thread if it is longer than {@link #interruptSafeBytes}. */
    public void write(long position, MemorySegment source, long at, long length) {
        beforeAppend();
        try {
            file.write(position, source, at, length);
        } catch (IOException e) {
            throw fail("writing", e);
        }
    }

    /** Stores through the mapping, on any thread; within {@link #allocatedBytes}. */
    public void put(long position, MemorySegment source, long at, long length) {
        VfsMapping target = mapping;
        if (target == null) {
            throw new IllegalStateException(name + " is not mapped");
        }
        beforeAppend();
        try {
            target.put(position, source, at, length);
        } catch (IOException e) {
            throw fail("storing to", e);
        }
    }

    /**
     * Syncs everything written or stored before the call.
     *
     * @param upTo how many bytes from the start of the log that is
     */
    public SyncedTo sync(long upTo, SyncSite site) {
        checkWhole();
        try {
            directory.syncFile(file, name, false, site);
        } catch (IOException e) {
            throw fail("syncing", e);
        }
        SyncedTo receipt = new SyncedTo(this, upTo);
        directory.vfs().relyOn(path, upTo, "sync of a log", site);
        return receipt;
    }

    /**
     * Says that from here on whoever waited for what is in this log, up to {@code end}, counts on it: after its sync, just before
     * they are let go.
     */
    public void acknowledged(long end, SyncSite site) {
        directory.vfs().relyOn(path, end, "acknowledgement", site);
    }

    /** Returns the first failure, after which the log takes nothing more; null while all is well. */
    public @Nullable StorageException failure() {
        return failure;
    }

    Path path() {
        return path;
    }

    private void beforeAppend() {
        checkWhole();
        if (!used) {
            used = true;
        }
    }

    private void checkWhole() {
        StorageException first = failure;
        if (first != null) {
            throw new StorageException(
                    path + " takes nothing more since a failure: " + first.getMessage()
                            + " Resume or reopen the database.",
                    first,
                    first.diskFull());
        }
    }

    private StorageException fail(String operation, IOException e) {
        StorageException failed = Failures.storage(
                operation, path, e, "Nobody knows what of its end is on disk; nothing more is written to it.");
        synchronized (this) {
            if (failure == null) {
                failure = failed;
            }
        }
        return failed;
    }

    /**
     * Closes the log and deletes it: it was made ahead of need, and nothing was ever appended, so nothing on disk needs it. If
     * the deletion is lost, an empty log stays behind.
     *
     * @throws IllegalStateException if something was appended: then only a {@link DeletionProof} lets go of it
     */
    public void abandon() {
        if (used) {
            throw new IllegalStateException(name + " was written to, so it takes a proof to delete it");
        }
        close();
        directory.deleteUnused(name);
    }

    /**
     * Closes the log and gives back what was allocated behind {@code end}. Not synced: if it is lost, the rest stays behind,
     * as it would without.
     *
     * @param end where the log ends for good, all of it synced. The page that holds it stays whole: what is on disk is not
     *     written again
     */
    public void closeAt(long end) {
        long kept = (end + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
        if (mapping != null) {
            mapping.close();
        }
        try (this) {
            if (kept < allocatedBytes) {
                file.truncate(kept);
            }
        } catch (IOException e) {
            throw fail("cutting", e);
        }
    }

    /** Lets go of file and mapping. Not a sync. No write, store or sync may run at the same time. */
    @Override
    public void close() {
        if (mapping != null) {
            mapping.close();
        }
        try {
            file.close();
        } catch (IOException e) {
            throw fail("closing", e);
        }
    }
}
