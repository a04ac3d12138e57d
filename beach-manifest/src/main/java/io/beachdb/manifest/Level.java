package io.beachdb.manifest;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** The tables of one level, in order, with what finds one by key. Immutable. */
final class Level {
    /*
     * A search runs over numbers: what all boundary keys of the level begin with (most data sets have such a thing) is
     * compared once, the eight bytes behind it stand as one long for each key. Only where these are equal are keys
     * themselves looked at. Zeros stand for the bytes behind a key's end, so equal heads do not mean equal keys, but
     * different heads are in the order of their keys.
     */
    private static final Level EMPTY = new Level(0, new LiveTable[0]);

    private static final Comparator<LiveTable> NEWEST_FIRST = Comparator.comparingLong(
                    (LiveTable table) -> table.entry().largestSequence())
            .reversed();
    private static final Comparator<LiveTable> BY_KEY =
            Comparator.comparing(table -> table.entry().smallest());

    private final LiveTable[] tables;
    private final byte[] prefix;
    private final long[] smallestHeads;
    private final long[] largestHeads;
    private final long bytes;

    private Level(int level, LiveTable[] sorted) {
        tables = sorted;
        prefix = commonPrefix(level, sorted);
        smallestHeads = new long[sorted.length];
        largestHeads = new long[sorted.length];
        long sum = 0;
        for (int i = 0; i < sorted.length; i++) {
            TableEntry entry = sorted[i].entry();
            smallestHeads[i] = entry.smallest().head(prefix.length);
            largestHeads[i] = entry.largest().head(prefix.length);
            sum += entry.fileBytes();
        }
        bytes = sum;
    }

    static Level empty() {
        return EMPTY;
    }

    /**
     * Sorts and checks.
     *
     * @throws BrokenInvariant if the tables do not make a level
     */
    static Level of(int level, List<LiveTable> tables) {
        if (tables.isEmpty()) {
            return EMPTY;
        }
        LiveTable[] sorted = tables.toArray(LiveTable[]::new);
        Arrays.sort(sorted, level == 0 ? NEWEST_FIRST : BY_KEY);
        for (int i = 1; i < sorted.length; i++) {
            if (level == 0) {
                checkSequences(sorted[i - 1], sorted[i]);
            } else {
                checkKeys(level, sorted[i - 1], sorted[i]);
            }
        }
        return new Level(level, sorted);
    }

    private static void checkSequences(LiveTable newer, LiveTable older) {
        if (newer.entry().smallestSequence() <= older.entry().largestSequence()) {
            throw new BrokenInvariant("V2: level 0 has tables " + newer.number() + " (sequences "
                    + newer.entry().smallestSequence() + " to " + newer.entry().largestSequence() + ") and "
                    + older.number() + " (" + older.entry().smallestSequence() + " to "
                    + older.entry().largestSequence() + "), whose sequences overlap");
        }
    }

    private static void checkKeys(int level, LiveTable left, LiveTable right) {
        if (left.entry().largest().compareUserKey(right.entry().smallest()) >= 0) {
            throw new BrokenInvariant("V3: level " + level + " has " + left + " and " + right + ", whose keys overlap");
        }
    }

    /** All boundary keys lie between the smallest and the largest, so what those two share, all share. */
    private static byte[] commonPrefix(int level, LiveTable[] sorted) {
        if (sorted.length == 0) {
            return new byte[0];
        }
        InternalKey smallest = sorted[0].entry().smallest();
        InternalKey largest = sorted[sorted.length - 1].entry().largest();
        if (level == 0) {
            for (LiveTable table : sorted) {
                smallest = table.entry().smallest().compareUserKey(smallest) < 0
                        ? table.entry().smallest()
                        : smallest;
                largest = table.entry().largest().compareUserKey(largest) > 0
                        ? table.entry().largest()
                        : largest;
            }
        }
        int mismatch = Arrays.mismatch(smallest.bytes(), largest.bytes());
        return Arrays.copyOf(smallest.bytes(), mismatch < 0 ? smallest.length() : mismatch);
    }

    int count() {
        return tables.length;
    }

    long bytes() {
        return bytes;
    }

    LiveTable table(int index) {
        return tables[index];
    }

    List<LiveTable> tables() {
        return List.of(tables);
    }

    /** Returns the first table at or behind {@code from}, in the level's order, whose range holds the user key; or -1. */
    int nextHolding(int from, MemorySegment key, long offset, int length) {
        if (side(key, offset, length) != 0) {
            return -1;
        }
        long head = InternalKey.head(key, offset, length, prefix.length);
        for (int i = from; i < tables.length; i++) {
            if (smallestHeads[i] <= head && largestHeads[i] >= head && holds(i, head, key, offset, length)) {
                return i;
            }
        }
        return -1;
    }

    /** Returns the one table whose range holds the user key, or -1. Not for level 0. */
    int holding(MemorySegment key, long offset, int length) {
        if (side(key, offset, length) != 0) {
            return -1;
        }
        long head = InternalKey.head(key, offset, length, prefix.length);
        int at = firstEndingAtOrAfter(head, key, offset, length);
        return at < tables.length && smallestHeads[at] <= head && holds(at, head, key, offset, length) ? at : -1;
    }

    /** Decides what the heads leave open. */
    private boolean holds(int index, long head, MemorySegment key, long offset, int length) {
        TableEntry entry = tables[index].entry();
        return (smallestHeads[index] != head || entry.smallest().compareUserKey(key, offset, length) <= 0)
                && (largestHeads[index] != head || entry.largest().compareUserKey(key, offset, length) >= 0);
    }

    /** Returns the first table whose largest user key is not before the given one; the count if none. Not for level 0. */
    int firstEndingAtOrAfter(MemorySegment key, long offset, int length) {
        int side = side(key, offset, length);
        if (side != 0) {
            return side < 0 ? 0 : tables.length;
        }
        return firstEndingAtOrAfter(InternalKey.head(key, offset, length, prefix.length), key, offset, length);
    }

    private int firstEndingAtOrAfter(long head, MemorySegment key, long offset, int length) {
        int from = lowerBound(largestHeads, head);
        int to = from < tables.length && largestHeads[from] == head ? upperBound(largestHeads, head, from) : from;
        while (from < to) {
            int middle = (from + to) >>> 1;
            if (tables[middle].entry().largest().compareUserKey(key, offset, length) < 0) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        return from;
    }

    /** Returns the last table whose smallest user key is not behind the given one; -1 if none. Not for level 0. */
    int lastBeginningAtOrBefore(MemorySegment key, long offset, int length) {
        int side = side(key, offset, length);
        if (side != 0) {
            return side < 0 ? -1 : tables.length - 1;
        }
        long head = InternalKey.head(key, offset, length, prefix.length);
        int from = lowerBound(smallestHeads, head);
        int to = from < tables.length && smallestHeads[from] == head ? upperBound(smallestHeads, head, from) : from;
        while (from < to) {
            int middle = (from + to) >>> 1;
            if (tables[middle].entry().smallest().compareUserKey(key, offset, length) <= 0) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        return from - 1;
    }

    /** Returns whether the key lies before (negative), among or behind (positive) all that begin with the prefix. */
    private int side(MemorySegment key, long offset, int length) {
        return prefix.length == 0 ? 0 : InternalKey.compare(key, offset, Math.min(length, prefix.length), prefix);
    }

    /** Returns the first place whose head is not below {@code head}. */
    private static int lowerBound(long[] heads, long head) {
        int at = 0;
        int rest = heads.length;
        while (rest > 0) {
            int half = rest >>> 1;
            boolean below = heads[at + half] < head;
            at = below ? at + half + 1 : at;
            rest = below ? rest - half - 1 : half;
        }
        return at;
    }

    /** Returns the first place from {@code from} on whose head is above {@code head}. */
    private static int upperBound(long[] heads, long head, int from) {
        int at = from;
        int rest = heads.length - from;
        while (rest > 0) {
            int half = rest >>> 1;
            boolean notAbove = heads[at + half] <= head;
            at = notAbove ? at + half + 1 : at;
            rest = notAbove ? rest - half - 1 : half;
        }
        return at;
    }
}
