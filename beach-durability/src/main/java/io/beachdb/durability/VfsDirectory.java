package io.beachdb.durability;

import java.io.IOException;

/** A directory opened for syncing. */
public interface VfsDirectory extends AutoCloseable {

    /** Syncs the directory: all changes of names in it made before the call are on disk when it returns. */
    void sync() throws IOException;

    /** Syncs as {@link #sync()} does, and says why: for tests that count or leave out the syncs of one site. */
    default void sync(SyncSite site) throws IOException {
        sync();
    }

    @Override
    void close() throws IOException;
}
