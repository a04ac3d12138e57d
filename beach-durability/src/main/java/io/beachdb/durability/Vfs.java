package io.beachdb.durability;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The file seam: everything BeachDB does to a file system. A service provider interface; the engine reaches it only
 * through {@link DurableDirectory}. Implementations: {@link #system()} and the simulated disk of the test kit.
 *
 * <p>The model is the POSIX minimum: a change of a directory (create, rename, link, delete, mkdir) is not on disk before
 * a sync of that directory that began after it; bytes are not on disk before a sync of the file; a sync of a file saves
 * no name. Implementations are safe for many threads.
 */
public interface Vfs {

    /** Returns the machine's own file system. */
    static Vfs system() {
        return SystemVfs.INSTANCE;
    }

    /** Makes a file that must not exist, open for reading and writing. */
    VfsFile create(Path path) throws IOException;

    /** Opens an existing file for reading and writing. */
    VfsFile openForWrite(Path path) throws IOException;

    /** Opens an existing file for reading. Reads survive interrupts: a channel closed by one is reopened. */
    VfsFile openForRead(Path path) throws IOException;

    /** Renames within one file system, atomically replacing a file of the new name. */
    void rename(Path from, Path to) throws IOException;

    /** Makes a second name for a file. */
    void link(Path existing, Path link) throws IOException;

    /** Removes the name of a file, or an empty directory. */
    void delete(Path path) throws IOException;

    /** Makes one directory, whose parent must exist. */
    void makeDirectory(Path path) throws IOException;

    /**
     * Opens a directory for syncing.
     *
     * @throws NotSyncableException if directories cannot be synced here, or this one may not be opened
     */
    VfsDirectory openDirectory(Path path) throws IOException;

    /** Returns the plain names in a directory, sorted. */
    List<String> list(Path directory) throws IOException;

    /** Returns what a path leads to. */
    PathKind kind(Path path) throws IOException;

    /** Returns the absolute path with links resolved, as far as the path exists. */
    Path resolve(Path path) throws IOException;

    /**
     * Tries to lock a file against other processes; the file exists. The lock ends with {@link VfsLock#close}.
     *
     * @param shared whether other shared holders may be let in beside
     * @return null if another process holds it
     */
    @Nullable
    VfsLock tryLock(Path path, boolean shared) throws IOException;

    /**
     * Says that from here on somebody counts on the name of {@code file} and its first {@code bytes} being on disk: a
     * receipt is minted, a write acknowledged. A test implementation that knows what is on disk checks it; others ignore it.
     *
     * @param what the receipt or acknowledgement, for the checker's message
     * @param site the place in the engine, by the syncs that are made there; null outside of it
     */
    default void relyOn(Path file, long bytes, String what, @Nullable SyncSite site) {}

    /** The same, of code that is not the engine's. */
    default void relyOn(Path file, long bytes, String what) {
        relyOn(file, bytes, what, null);
    }

    /** As {@link #relyOn}, of a file or directory that is deleted, and must not come back. */
    default void relyOnAbsence(Path path, String what, @Nullable SyncSite site) {}

    /** The same, of code that is not the engine's. */
    default void relyOnAbsence(Path path, String what) {
        relyOnAbsence(path, what, null);
    }

    /** What a path leads to. */
    enum PathKind {
        ABSENT,
        FILE,
        DIRECTORY,
        OTHER
    }

    /** A lock on a file, held. */
    interface VfsLock extends AutoCloseable {
        @Override
        void close() throws IOException;
    }
}
