package io.beachdb.manifest;

import io.beachdb.base.format.FileName;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The set of live tables, by level, with the numbers that go with it. Immutable: {@link #apply} makes the next one, which
 * shares every level that the edit does not touch.
 *
 * <p>Level 0 holds flushed tables, newest first; each level below is one sorted run. Looking for a table by key allocates
 * nothing and takes the key from native memory.
 */
public final class Version {
    /*
     * V1  A table number occurs once.
     * V2  Level 0: ranges of sequences are disjoint; the tables stand newest first.
     * V3  Levels 1 and below: ranges of user keys are disjoint (so all entries of one user key are in one table); the
     *     tables stand in the order of their keys.
     * V4  Every table's number, and that of the oldest log where it exists, is below nextFileNumber; every table's
     *     largest sequence is not above lastSequence.
     * V5  oldestLog, nextFileNumber and lastSequence never go back.
     * V6  An edit drops and moves only tables that are where it says, and names a table once.
     * The builder checks them all.
     */

    /** How many levels there are: 0 and the sorted runs below it. */
    public static final int LEVELS = 7;

    private static final Version EMPTY;

    static {
        Level[] none = new Level[LEVELS];
        Arrays.fill(none, Level.empty());
        EMPTY = new Version(none, 0, false, 1, 0);
    }

    private final Level[] levels;
    private final long oldestLog;
    private final boolean oldestLogExists;
    private final long nextFileNumber;
    private final long lastSequence;

    Version(Level[] levels, long oldestLog, boolean oldestLogExists, long nextFileNumber, long lastSequence) {
        this.levels = levels;
        this.oldestLog = oldestLog;
        this.oldestLogExists = oldestLogExists;
        this.nextFileNumber = nextFileNumber;
        this.lastSequence = lastSequence;
    }

    /** Returns the version of a database that has just been made. */
    public static Version empty() {
        return EMPTY;
    }

    /** Returns how many tables a level has. */
    public int tableCount(int level) {
        return levels[level].count();
    }

    /** Returns how many tables there are. */
    public int tableCount() {
        int sum = 0;
        for (Level level : levels) {
            sum += level.count();
        }
        return sum;
    }

    /** Returns a level's table by its place, see {@link #tables}. */
    public LiveTable table(int level, int index) {
        return levels[level].table(index);
    }

    /** Returns a level's tables: newest first in level 0, by key elsewhere. */
    public List<LiveTable> tables(int level) {
        return levels[level].tables();
    }

    /** Returns the bytes of a level's files. */
    public long bytes(int level) {
        return levels[level].bytes();
    }

    /** Returns the names of all tables' files. */
    public Set<String> tableNames() {
        Set<String> names = HashSet.newHashSet(tableCount());
        for (Level level : levels) {
            for (int i = 0; i < level.count(); i++) {
                names.add(FileName.table(level.table(i).number()));
            }
        }
        return names;
    }

    /** Returns the number below which no log is needed. */
    public long oldestLog() {
        return oldestLog;
    }

    /** Returns whether the log {@link #oldestLog} was on disk when this was recorded, so that its absence is damage. */
    public boolean oldestLogExists() {
        return oldestLogExists;
    }

    /** Returns a number above all that had been given to files when the last edit was written. */
    public long nextFileNumber() {
        return nextFileNumber;
    }

    /** Returns a sequence that none in any table is above. */
    public long lastSequence() {
        return lastSequence;
    }

    // ---- Finding a table: user keys in native memory, nothing allocated.

    /**
     * Returns the place of the next level-0 table whose key range holds the user key.
     *
     * @param from where to begin: 0, or one behind the last place returned
     * @return -1 if there is none
     */
    public int findInLevel0(int from, MemorySegment key, long offset, int length) {
        return levels[0].nextHolding(from, key, offset, length);
    }

    /**
     * Returns the place of the one table of a level whose key range holds the user key.
     *
     * @param level 1 and more
     * @return -1 if there is none
     */
    public int findTable(int level, MemorySegment key, long offset, int length) {
        return levels[level].holding(key, offset, length);
    }

    /**
     * Returns the place of the first table of a level that has user keys at or behind the given one: where a forward scan
     * from that key begins.
     *
     * @param level 1 and more
     * @return the count of the level's tables if there is none
     */
    public int firstTableAtOrAfter(int level, MemorySegment key, long offset, int length) {
        return levels[level].firstEndingAtOrAfter(key, offset, length);
    }

    /**
     * Returns the place of the last table of a level that has user keys at or before the given one: where a backward scan
     * from that key begins.
     *
     * @param level 1 and more
     * @return -1 if there is none
     */
    public int lastTableAtOrBefore(int level, MemorySegment key, long offset, int length) {
        return levels[level].lastBeginningAtOrBefore(key, offset, length);
    }

    /**
     * Returns the tables of a level whose user keys overlap a range, in the level's order. For planning; it allocates.
     *
     * @param smallest first user key of the range; null: from the beginning
     * @param largest last user key of the range, inclusive; null: to the end
     */
    public List<LiveTable> overlapping(int level, @Nullable InternalKey smallest, @Nullable InternalKey largest) {
        List<LiveTable> found = new ArrayList<>();
        Level searched = levels[level];
        for (int i = level == 0 || smallest == null ? 0 : firstEndingAtOrAfter(searched, smallest);
                i < searched.count();
                i++) {
            TableEntry entry = searched.table(i).entry();
            boolean ends = largest != null && entry.smallest().compareUserKey(largest) > 0;
            if (ends && level > 0) {
                break;
            }
            if (!ends && (smallest == null || entry.largest().compareUserKey(smallest) >= 0)) {
                found.add(searched.table(i));
            }
        }
        return found;
    }

    private static int firstEndingAtOrAfter(Level level, InternalKey key) {
        int from = 0;
        int to = level.count();
        while (from < to) {
            int middle = (from + to) >>> 1;
            if (level.table(middle).entry().largest().compareUserKey(key) < 0) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        return from;
    }

    // ---- The next version.

    /**
     * Returns the version after an edit. Tables that stay, or move, keep their {@link LiveTable}.
     *
     * @throws AssertionError naming the invariant, if the edit does not fit this version
     */
    public Version apply(VersionEdit edit) {
        VersionBuilder next = new VersionBuilder(this);
        try {
            next.take(edit.fields());
            return next.build();
        } catch (BrokenInvariant e) {
            throw new AssertionError(e.text(), e);
        }
    }

    Level level(int level) {
        return levels[level];
    }
}
