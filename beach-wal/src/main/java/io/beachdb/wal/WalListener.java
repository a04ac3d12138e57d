package io.beachdb.wal;

import io.beachdb.base.StorageException;

/** Is told how far the log is on disk. Called on an engine thread; must be brief and must not wait. */
public interface WalListener {

    /** Every record up to and including {@code sequence} is on disk. Grows from call to call. */
    void synced(long sequence);

    /** A write or sync failed. The writer takes nothing more, and nothing more will be synced. Called once. */
    void failed(StorageException failure);
}
