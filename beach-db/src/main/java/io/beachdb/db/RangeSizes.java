package io.beachdb.db;

import io.beachdb.Range;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.manifest.InternalKey;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Estimates how many bytes of tables hold a range. */
final class RangeSizes {
    private RangeSizes() {}

    static long approximateBytes(TableSet tables, Range range, MemoryAccount account) {
        byte[] from = range.lowerBound();
        byte[] to = range.upperBound();
        InternalKey smallest = from == null ? null : Engine.boundary(from);
        InternalKey largest = to == null ? null : Engine.boundary(to);
        int fromLength = from == null ? 0 : from.length;
        NativeBlock keys = account.acquire(MemoryUse.SCRATCH, fromLength + (to == null ? 0L : to.length));
        try {
            if (from != null) {
                BatchFormat.copy(from, 0, keys.memory(), 0, from.length);
            }
            if (to != null) {
                BatchFormat.copy(to, 0, keys.memory(), fromLength, to.length);
            }
            long sum = 0;
            for (TableHandle table : tables.level0) {
                sum += bytes(table, keys.memory(), smallest, largest, fromLength);
            }
            for (TableHandle[] run : tables.runs) {
                for (TableHandle table : run) {
                    sum += bytes(table, keys.memory(), smallest, largest, fromLength);
                }
            }
            return sum;
        } finally {
            account.release(MemoryUse.SCRATCH, keys);
        }
    }

    private static long bytes(
            TableHandle table,
            MemorySegment keys,
            @Nullable InternalKey smallest,
            @Nullable InternalKey largest,
            int fromLength) {
        boolean before = smallest != null && table.entry().largest().compareUserKey(smallest) < 0;
        boolean behind = largest != null && table.entry().smallest().compareUserKey(largest) >= 0;
        if (before || behind) {
            return 0;
        }
        long from = 0;
        if (smallest != null && table.entry().smallest().compareUserKey(smallest) < 0) {
            from = table.reader.approximateOffset(keys, 0, fromLength);
        }
        long to = table.entry().fileBytes();
        if (largest != null && table.entry().largest().compareUserKey(largest) >= 0) {
            to = table.reader.approximateOffset(keys, fromLength, largest.length());
        }
        return Math.max(0, to - from);
    }
}
