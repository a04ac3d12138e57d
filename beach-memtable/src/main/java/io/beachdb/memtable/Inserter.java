package io.beachdb.memtable;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Remembers where its last entry went in, so that an entry that belongs nearby is placed without a search: keys added in
 * order take constant time. Owned by its caller, used by one thread at a time, with any memtable, for ever.
 */
public final class Inserter {
    /*
     * For every level: before[level] < last entry's key < after[level], where the entry itself may stand for before (it
     * does on the levels that it has). NONE is the end of the list. More entries may have come in between since.
     * The level above the highest holds the whole list: head and end.
     */
    final int[] before = new int[Memtable.MAX_HEIGHT + 1];
    final int[] after = new int[Memtable.MAX_HEIGHT + 1];

    /** Which counters of {@link Tally} to use: neighbours differ. */
    final int stripe = MADE.getAndIncrement();

    private static final AtomicInteger MADE = new AtomicInteger();

    private @Nullable Memtable memtable;

    /** Makes an inserter that knows no memtable yet. */
    public Inserter() {}

    /** Begins an add, and forgets what is known if it is about another memtable or the last add failed midway. */
    void begin(Memtable target) {
        if (memtable != target) {
            Arrays.fill(before, Memtable.HEAD);
            Arrays.fill(after, EntryArena.NONE);
        }
        memtable = null;
    }

    /** Ends an add: the pairs enclose its key on every level. */
    void end(Memtable target) {
        memtable = target;
    }
}
