package io.beachdb.sstable;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.memory.Epochs;

/**
 * What the tables of one database share.
 *
 * @param cache their blocks, decompressed
 * @param epochs what readers enter before they look into the cache without pinning
 * @param account charged with everything that is not in the cache
 */
public record TableContext(BlockCache cache, Epochs<?> epochs, MemoryAccount account) {

    /** Finds a block in the cache and pins it; 0 if it is not there. */
    long findPinned(long file, long key) {
        return findPinned(epochs, cache, file, key);
    }

    private static <S extends Epochs.Slot> long findPinned(Epochs<S> epochs, BlockCache cache, long file, long key) {
        S slot = epochs.enter();
        try {
            long handle = cache.find(file, key);
            if (handle != 0) {
                cache.pin(handle);
            }
            return handle;
        } finally {
            epochs.exit(slot);
        }
    }
}
