package io.beachdb.sstable;

import io.beachdb.base.CorruptionException;

/** Hears how the check of a table goes. */
public interface TableCheckListener {

    /** So many bytes from the start of the file have been looked at; told often. */
    default void progress(long bytes) {}

    /** Something is not as it was written; the check goes on behind it where it can. */
    void damage(CorruptionException problem);
}
