package io.beachdb.sstable;

import java.lang.foreign.MemorySegment;

/** Brings blocks from the file to the cache. */
final class BlockLoader {
    private BlockLoader() {}

    /**
     * Fetches a block and puts it into the cache.
     *
     * @return its handle in the cache, pinned; 0 if it is too long for the cache and stays in the fetcher only
     */
    static long load(BlockCache cache, BlockFetcher fetcher, TableFile file, long handle, BlockKind kind) {
        fetcher.fetch(file, handle, kind);
        int length = fetcher.length();
        if (length > BlockCache.MAX_BLOCK_BYTES) {
            return 0;
        }
        long fresh = cache.allocate(length);
        MemorySegment.copy(fetcher.memory(), fetcher.offset(), cache.memory(fresh), cache.offset(fresh), length);
        BlockCache.Priority priority = kind == BlockKind.DATA ? BlockCache.Priority.DATA : BlockCache.Priority.METADATA;
        return cache.publish(fresh, file.number(), BlockHandle.cacheKey(handle, kind), priority);
    }
}
