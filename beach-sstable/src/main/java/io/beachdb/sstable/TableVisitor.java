package io.beachdb.sstable;

import io.beachdb.base.CorruptionException;

/** Hears what a {@link TableWalk} meets. What it is given is valid during the call only. */
interface TableVisitor {

    default void footer(Footer footer, long offset) {}

    default void properties(TableProperties properties) {}

    /** A partition begins; {@code filterHandle} is 0 if it has no filter. */
    default void partition(int number, long indexHandle, BlockView index, long filterHandle, int filterProbes) {}

    /** A data block begins. */
    default void block(long handle, Compression compression, int rawLength, BlockView block) {}

    /** An entry of the block. */
    default void entry(BlockView block, int index, KeyBuffer key) {}

    /** So many bytes from the start of the file have been looked at. */
    default void progress(long bytes) {}

    /** Something is not as it was written; the walk goes on behind it where it can. */
    void damage(CorruptionException problem);
}
