package io.beachdb.sstable;

/**
 * Where a block lies: its offset in the file (40 bits) above its stored length without trailer (24 bits), in one long.
 * 0 is no block: no block has length 0.
 */
final class BlockHandle {
    static final long MAX_OFFSET = (1L << 40) - 1;
    static final int MAX_LENGTH = (1 << 24) - 1;

    private static final int LENGTH_BITS = 24;

    private BlockHandle() {}

    static long of(long offset, int length) {
        if (offset < 0 || offset > MAX_OFFSET || length <= 0 || length > MAX_LENGTH) {
            throw new IllegalStateException("a table is at most " + MAX_OFFSET + " bytes long and its blocks "
                    + MAX_LENGTH + "; this block would be " + length + " bytes at offset " + offset);
        }
        return offset << LENGTH_BITS | length;
    }

    static long offset(long handle) {
        return handle >>> LENGTH_BITS;
    }

    static int length(long handle) {
        return (int) handle & MAX_LENGTH;
    }

    /** Returns the offset behind the block's trailer. */
    static long end(long handle) {
        return offset(handle) + length(handle) + TableFormat.BLOCK_TRAILER_BYTES;
    }

    /** Returns what the cache knows the block by: no two blocks share it, nor two kinds of reading one block. */
    static long cacheKey(long handle, BlockKind kind) {
        return offset(handle) << 3 | kind.code();
    }

    static String text(long handle) {
        return length(handle) + " bytes at " + offset(handle);
    }
}
