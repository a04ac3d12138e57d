package io.beachdb.sstable;

/**
 * What a {@link BlockCache} did and holds. Counters run from its opening; the parts are read one after the other while
 * the cache is in use, so they need not agree to the last block.
 *
 * @param hits finds that found
 * @param misses finds that did not
 * @param inserts blocks made findable
 * @param evictions findable blocks that went to make room
 * @param blocks blocks findable now
 * @param dataBytes bytes of the findable blocks of data
 * @param metadataBytes bytes of the findable blocks of indexes and filters
 * @param pinnedBytes bytes of pinned blocks, counted once for each pin
 * @param heldBytes memory charged as cache: segments and lookup table
 * @param overdraftBytes memory beyond the cache's share, charged as pinned
 */
public record CacheStats(
        long hits,
        long misses,
        long inserts,
        long evictions,
        long blocks,
        long dataBytes,
        long metadataBytes,
        long pinnedBytes,
        long heldBytes,
        long overdraftBytes) {}
