package io.beachdb.manifest;

import io.beachdb.manifest.EditField.AddedTable;
import io.beachdb.manifest.EditField.DroppedTable;
import io.beachdb.manifest.EditField.KeyOrder;
import io.beachdb.manifest.EditField.LastSequence;
import io.beachdb.manifest.EditField.MovedTable;
import io.beachdb.manifest.EditField.NextFileNumber;
import io.beachdb.manifest.EditField.OldestLog;
import io.beachdb.manifest.EditField.SnapshotEnd;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes a version out of another and any number of edits, one or a whole manifest of them: taking a field costs the same
 * however many tables there are, and only the levels touched are copied. Throws {@link BrokenInvariant}; what it has taken
 * by then is not to be used.
 */
final class VersionBuilder {
    private final Version base;
    private final List<@Nullable Map<Long, LiveTable>> touched = new ArrayList<>(); // by level; null: as in base
    private Set<Long> named = new HashSet<>(); // by the edit being taken
    private long oldestLog;
    private boolean oldestLogExists;
    private long nextFileNumber;
    private long lastSequence;

    VersionBuilder(Version base) {
        this.base = base;
        for (int level = 0; level < Version.LEVELS; level++) {
            touched.add(null);
        }
        oldestLog = base.oldestLog();
        oldestLogExists = base.oldestLogExists();
        nextFileNumber = base.nextFileNumber();
        lastSequence = base.lastSequence();
    }

    /** Takes a whole edit. */
    void take(List<EditField> fields) {
        beginEdit();
        for (EditField field : fields) {
            take(field);
        }
    }

    /** Begins an edit whose fields come one by one. */
    void beginEdit() {
        named = new HashSet<>(); // not cleared: that takes as long as the largest edit before
    }

    void take(EditField field) {
        switch (field) {
            case AddedTable(int level, TableEntry entry) -> add(level, new LiveTable(entry));
            case DroppedTable(int level, long number) -> remove(level, number);
            case MovedTable(int fromLevel, int toLevel, long number) -> {
                LiveTable table = remove(fromLevel, number);
                level(toLevel).put(number, table);
            }
            case OldestLog(long number, boolean exists) -> {
                checkNotBack("oldest log", oldestLog, number);
                oldestLog = number;
                oldestLogExists = exists;
            }
            case NextFileNumber(long number) -> {
                checkNotBack("next file number", nextFileNumber, number);
                nextFileNumber = number;
            }
            case LastSequence(long sequence) -> {
                checkNotBack("last sequence", lastSequence, sequence);
                lastSequence = sequence;
            }
            case KeyOrder f -> throw new BrokenInvariant("the key order is named outside a snapshot");
            case SnapshotEnd f -> throw new BrokenInvariant("a snapshot ends where none is");
        }
    }

    private void add(int level, LiveTable table) {
        checkNamedOnce(table.number());
        if (level(level).putIfAbsent(table.number(), table) != null) {
            throw twice(table.number());
        }
    }

    private LiveTable remove(int level, long number) {
        checkNamedOnce(number);
        LiveTable table = level(level).remove(number);
        if (table == null) {
            throw new BrokenInvariant("V6: table " + number + " is to leave level " + level + " and is not there");
        }
        return table;
    }

    private void checkNamedOnce(long number) {
        if (!named.add(number)) {
            throw new BrokenInvariant("V6: an edit names table " + number + " twice");
        }
    }

    private static void checkNotBack(String what, long before, long after) {
        if (after < before) {
            throw new BrokenInvariant("V5: " + what + " goes back from " + before + " to " + after);
        }
    }

    /** Returns a level's tables to change, in their order: added ones stand behind, which sorting makes cheap use of. */
    private Map<Long, LiveTable> level(int level) {
        Map<Long, LiveTable> tables = touched.get(level);
        if (tables == null) {
            Level old = base.level(level);
            tables = LinkedHashMap.newLinkedHashMap(old.count() + 4);
            for (int i = 0; i < old.count(); i++) {
                tables.put(old.table(i).number(), old.table(i));
            }
            touched.set(level, tables);
        }
        return tables;
    }

    /** Returns how many tables there are now. */
    long tableCount() {
        long sum = 0;
        for (int level = 0; level < Version.LEVELS; level++) {
            Map<Long, LiveTable> tables = touched.get(level);
            sum += tables == null ? base.tableCount(level) : tables.size();
        }
        return sum;
    }

    /** Returns the version, with every invariant checked. */
    Version build() {
        Level[] levels = new Level[Version.LEVELS];
        for (int level = 0; level < Version.LEVELS; level++) {
            Map<Long, LiveTable> tables = touched.get(level);
            levels[level] = tables == null ? base.level(level) : Level.of(level, new ArrayList<>(tables.values()));
        }
        checkNumbers(levels);
        return new Version(levels, oldestLog, oldestLogExists, nextFileNumber, lastSequence);
    }

    private void checkNumbers(Level[] levels) {
        if (oldestLog > nextFileNumber || (oldestLogExists && oldestLog == nextFileNumber)) {
            throw new BrokenInvariant(
                    "V4: the oldest log is " + oldestLog + ", the next file number is " + nextFileNumber);
        }
        Set<Long> numbers = new HashSet<>();
        for (Level level : levels) {
            for (int i = 0; i < level.count(); i++) {
                LiveTable table = level.table(i);
                if (!numbers.add(table.number())) {
                    throw twice(table.number());
                }
                if (table.number() >= nextFileNumber) {
                    throw new BrokenInvariant(
                            "V4: there is table " + table.number() + ", the next file number is " + nextFileNumber);
                }
                if (table.entry().largestSequence() > lastSequence) {
                    throw new BrokenInvariant("V4: table " + table.number() + " has sequence "
                            + table.entry().largestSequence() + ", the last used is " + lastSequence);
                }
            }
        }
    }

    private static BrokenInvariant twice(long number) {
        return new BrokenInvariant("V1: table " + number + " occurs twice");
    }
}
