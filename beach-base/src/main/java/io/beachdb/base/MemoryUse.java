package io.beachdb.base;

/** What native memory is used for: the lines of the account that {@code memory()} shows. */
public enum MemoryUse {
    /** Memtables, active and immutable. */
    MEMTABLE,
    /** Log write buffers. */
    LOG,
    /** Encoded writes that wait for their commit group. */
    QUEUED,
    /** Cached blocks of tables: data, index and filter partitions. */
    CACHE,
    /** Top indexes of open tables. */
    TABLE,
    /** Memory that cursors and views hold beyond what the cache owns. */
    PINNED,
    /** Buffers of flushes and compactions. */
    COMPACTION,
    /** Short-lived buffers of reads and encoding. */
    SCRATCH
}
