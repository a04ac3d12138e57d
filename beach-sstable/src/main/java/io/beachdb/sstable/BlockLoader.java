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
        int room = kind == BlockKind.FILTER ? length + TableFormat.FILTER_LINE_BYTES - 1 : length;
        if (room > BlockCache.MAX_BLOCK_BYTES) {
            return 0;
        }
        long fresh = cache.allocate(room);
        long at = kind == BlockKind.FILTER ? filterOffset(cache, fresh) : cache.offset(fresh);
        MemorySegment.copy(fetcher.memory(), fetcher.offset(), cache.memory(fresh), at, length);
        BlockCache.Priority priority = kind == BlockKind.DATA ? BlockCache.Priority.DATA : BlockCache.Priority.METADATA;
        return cache.publish(fresh, file.number(), BlockHandle.cacheKey(handle, kind), priority);
    }

    /**
     * Returns where in its memory a cached filter begins: at the first whole line, so that a probe touches one. Its length
     * there is the cached one without what is less than a line.
     */
    static long filterOffset(BlockCache cache, long cached) {
        long line = TableFormat.FILTER_LINE_BYTES;
        return cache.offset(cached) + line - 1 & -line;
    }
}
