package io.beachdb.sstable;

/**
 * How a cursor reads blocks that are not in memory.
 *
 * @param fillCache whether blocks come from the cache and go into it; if not, the cursor has buffers of its own
 * @param firstReadBytes how much is read at the first block; 0 for the block alone. Reads grow from there as long as the
 *     cursor goes on in one direction
 * @param maxReadBytes how far reads grow, up to {@value #MAX_READ_BYTES}
 */
public record ReadOptions(boolean fillCache, int firstReadBytes, int maxReadBytes) {
    public static final int MAX_READ_BYTES = 1 << 20;

    /** For users' cursors: by way of the cache, reading ahead once a scan shows. */
    public static final ReadOptions CURSOR = new ReadOptions(true, 0, 256 << 10);

    /** For compactions: past the cache, in large reads from the start. */
    public static final ReadOptions COMPACTION = new ReadOptions(false, 256 << 10, 256 << 10);

    public ReadOptions {
        if (maxReadBytes < 0 || maxReadBytes > MAX_READ_BYTES || firstReadBytes < 0 || firstReadBytes > maxReadBytes) {
            throw new IllegalArgumentException("reads from " + firstReadBytes + " to " + maxReadBytes
                    + " bytes, allowed 0 to " + MAX_READ_BYTES + ", the first not above the last");
        }
    }
}
