package io.beachdb.wal;

import io.beachdb.base.StorageException;

/** Is told how far the log is on disk. Must be brief and must not wait. */
public interface WalListener {

    /** Every record up to and including {@code sequence} is on disk. Called on the thread that synced, one at a time; grows from call to call. */
    void synced(long sequence);

    /**
     * A write, store or sync failed. The writer takes nothing more, and nothing more will be synced. Called once, on the
     * thread that met the failure: an engine thread, or a leader's.
     */
    void failed(StorageException failure);
}
