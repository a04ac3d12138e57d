package io.beachdb.manifest;

import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.Keys;

/**
 * What the manifest says of a table.
 *
 * @param number number of the table's file, 1 to {@value FileNumbers#MAX}
 * @param fileBytes size of the file, 1 and more
 * @param smallest smallest internal key
 * @param largest largest internal key, not before {@code smallest}
 * @param smallestSequence smallest sequence of any entry
 * @param largestSequence largest sequence of any entry
 * @param entries how many entries it holds, 1 and more
 * @param tombstones how many of them are tombstones
 * @param rawBytes bytes of keys and values before compression
 * @param createdMillis when it was made, by the wall clock; 0 when that is not known
 * @param shadowedBytes bytes, of those in {@code rawBytes}, of entries behind a newer one of the same user key in this table: kept for
 *     snapshots only, so garbage as soon as every snapshot is newer than the table
 */
public record TableEntry(
        long number,
        long fileBytes,
        InternalKey smallest,
        InternalKey largest,
        long smallestSequence,
        long largestSequence,
        long entries,
        long tombstones,
        long rawBytes,
        long createdMillis,
        long shadowedBytes) {

    public TableEntry {
        checkRange("number", number, 1, FileNumbers.MAX);
        checkRange("fileBytes", fileBytes, 1, Long.MAX_VALUE);
        checkRange("smallest key length", smallest.length(), 0, Keys.MAX_KEY_BYTES);
        checkRange("largest key length", largest.length(), 0, Keys.MAX_KEY_BYTES);
        if (smallest.compareTo(largest) > 0) {
            throw new IllegalArgumentException("smallest key " + smallest + " is behind largest key " + largest);
        }
        checkRange("largestSequence", largestSequence, 0, InternalKeys.MAX_SEQUENCE);
        checkRange("smallestSequence", smallestSequence, 0, largestSequence);
        checkRange(
                "sequence of the smallest key",
                InternalKeys.sequence(smallest.trailer()),
                smallestSequence,
                largestSequence);
        checkRange(
                "sequence of the largest key",
                InternalKeys.sequence(largest.trailer()),
                smallestSequence,
                largestSequence);
        checkRange("entries", entries, 1, Long.MAX_VALUE);
        checkRange("tombstones", tombstones, 0, entries);
        checkRange("rawBytes", rawBytes, 0, Long.MAX_VALUE);
        checkRange("createdMillis", createdMillis, 0, Long.MAX_VALUE);
        checkRange("shadowedBytes", shadowedBytes, 0, rawBytes);
    }

    static void checkRange(String what, long value, long from, long to) {
        if (value < from || value > to) {
            throw new IllegalArgumentException(what + " is " + value + ", allowed " + from + " to " + to);
        }
    }
}
