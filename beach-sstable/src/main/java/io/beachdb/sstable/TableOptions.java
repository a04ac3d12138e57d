package io.beachdb.sstable;

/**
 * How a table is written. Each table says in itself how it was, so tables of different options live side by side.
 *
 * @param blockBytes raw size that a data block does not exceed unless one entry does, {@value #MIN_BLOCK_BYTES} to
 *     {@value #MAX_BLOCK_BYTES}
 * @param partitionBytes size at which an index or filter partition is full, 1 to {@value #MAX_BLOCK_BYTES}
 * @param filterBitsPerKey bits of filter for each user key, 0 (no filter) to {@value #MAX_FILTER_BITS}; 10 lets about one
 *     absent key in a hundred through
 * @param compression of data blocks; a block that it shrinks by less than an eighth is stored as it is
 */
public record TableOptions(int blockBytes, int partitionBytes, int filterBitsPerKey, Compression compression) {
    public static final int MIN_BLOCK_BYTES = 1;
    public static final int MAX_BLOCK_BYTES = 256 << 10;
    public static final int MAX_FILTER_BITS = 20;

    /** Blocks of 4 KiB, partitions of 16 KiB, 10 bits per key, LZ4. */
    public static final TableOptions DEFAULT = new TableOptions(4 << 10, 16 << 10, 10, Compression.LZ4);

    public TableOptions {
        check("blockBytes", blockBytes, MIN_BLOCK_BYTES, MAX_BLOCK_BYTES);
        check("partitionBytes", partitionBytes, 1, MAX_BLOCK_BYTES);
        check("filterBitsPerKey", filterBitsPerKey, 0, MAX_FILTER_BITS);
    }

    private static void check(String name, int value, int smallest, int largest) {
        if (value < smallest || value > largest) {
            throw new IllegalArgumentException(name + " is " + value + ", allowed " + smallest + " to " + largest);
        }
    }

    public TableOptions withBlockBytes(int bytes) {
        return new TableOptions(bytes, partitionBytes, filterBitsPerKey, compression);
    }

    public TableOptions withPartitionBytes(int bytes) {
        return new TableOptions(blockBytes, bytes, filterBitsPerKey, compression);
    }

    public TableOptions withFilterBitsPerKey(int bits) {
        return new TableOptions(blockBytes, partitionBytes, bits, compression);
    }

    public TableOptions withCompression(Compression other) {
        return new TableOptions(blockBytes, partitionBytes, filterBitsPerKey, other);
    }
}
