package io.beachdb.sstable;

import io.beachdb.base.format.InternalKeys;
import org.jspecify.annotations.Nullable;

/** Counts what a walk meets, to be held against the properties. */
final class TableTally {
    private @Nullable TableProperties expected;
    private long entries;
    private long tombstones;
    private long dataBlocks;
    private long rawBytes;
    private long storedBytes;
    private long smallestSequence = Long.MAX_VALUE;
    private long largestSequence;

    /** Hears of a property that does not count right. */
    @FunctionalInterface
    interface Difference {
        void found(String name, long counted, long said);
    }

    void expect(TableProperties properties) {
        expected = properties;
    }

    void add(BlockView block, int index, KeyBuffer key) {
        long sequence = InternalKeys.sequence(key.trailer());
        smallestSequence = Math.min(smallestSequence, sequence);
        largestSequence = Math.max(largestSequence, sequence);
        entries++;
        if (InternalKeys.kind(key.trailer()) == InternalKeys.KIND_DELETE) {
            tombstones++;
        }
        rawBytes += key.length() + Long.BYTES;
        if (!block.hasLargeValue()) {
            rawBytes += block.entryOffset(index + 1) - block.valueOffset(index);
        }
    }

    /** Counts a value in extents: its bytes, and those of the file. */
    void addExtents(long valueLength, long bytes) {
        rawBytes += valueLength;
        storedBytes += bytes;
    }

    void addBlock(long bytes) {
        dataBlocks++;
        storedBytes += bytes;
    }

    /** Tells which properties differ. */
    void check(Difference difference) {
        TableProperties said = expected;
        if (said == null) {
            return;
        }
        compare(difference, "entries", entries, said.entries());
        compare(difference, "tombstones", tombstones, said.tombstones());
        compare(difference, "data-blocks", dataBlocks, said.dataBlocks());
        compare(difference, "raw-bytes", rawBytes, said.rawBytes());
        compare(difference, "stored-bytes", storedBytes, said.storedBytes());
        compare(difference, "smallest-sequence", smallestSequence, said.smallestSequence());
        compare(difference, "largest-sequence", largestSequence, said.largestSequence());
    }

    private static void compare(Difference difference, String name, long counted, long said) {
        if (counted != said) {
            difference.found(name, counted, said);
        }
    }
}
