package io.beachdb.db;

import io.beachdb.manifest.LiveTable;
import io.beachdb.manifest.Version;
import io.beachdb.sstable.PointResult;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** The tables of one version as reads use them: arrays of handles, each held while the set is. */
final class TableSet {
    final Version version;
    /** Level 0, newest first. */
    final TableHandle[] level0;
    /** Levels 1 and deeper that have tables, from the top, each sorted by key. */
    final TableHandle[][] runs;
    /** The level of each run. */
    final int[] runLevels;

    private final AtomicInteger views = new AtomicInteger();

    TableSet(Version version) {
        this.version = version;
        this.level0 = handles(version, 0);
        List<TableHandle[]> deeper = new ArrayList<>();
        List<Integer> levels = new ArrayList<>();
        for (int level = 1; level < Version.LEVELS; level++) {
            if (!version.tables(level).isEmpty()) {
                deeper.add(handles(version, level));
                levels.add(level);
            }
        }
        this.runs = deeper.toArray(new TableHandle[0][]);
        this.runLevels = levels.stream().mapToInt(Integer::intValue).toArray();
        for (TableHandle handle : level0) {
            handle.retain();
        }
        for (TableHandle[] run : runs) {
            for (TableHandle handle : run) {
                handle.retain();
            }
        }
    }

    private static TableHandle[] handles(Version version, int level) {
        List<LiveTable> tables = version.tables(level);
        TableHandle[] handles = new TableHandle[tables.size()];
        for (int i = 0; i < handles.length; i++) {
            handles[i] = TableHandle.of(tables.get(i));
        }
        return handles;
    }

    void retain() {
        views.incrementAndGet();
    }

    void release() {
        if (views.decrementAndGet() == 0) {
            for (TableHandle handle : level0) {
                handle.release();
            }
            for (TableHandle[] run : runs) {
                for (TableHandle handle : run) {
                    handle.release();
                }
            }
        }
    }

    /**
     * Looks for the newest entry of a user key at or behind {@code trailer}; inside an epoch.
     *
     * @return whether there is one; {@code result} holds it then
     */
    boolean find(MemorySegment key, int length, long hash, long trailer, PointResult result) {
        // Level-0 tables have disjoint sequence ranges: the first hit, from the newest, is the newest entry.
        for (TableHandle table : level0) {
            if (covers(table, key, length) && find(table, key, length, hash, trailer, result)) {
                return true;
            }
        }
        for (int i = 0; i < runs.length; i++) {
            int index = version.findTable(runLevels[i], key, 0, length);
            if (index >= 0 && find(runs[i][index], key, length, hash, trailer, result)) {
                return true;
            }
        }
        return false;
    }

    private static boolean find(
            TableHandle table, MemorySegment key, int length, long hash, long trailer, PointResult result) {
        table.reader.get(key, 0, length, hash, trailer, result);
        return result.state() != PointResult.State.ABSENT;
    }

    private static boolean covers(TableHandle table, MemorySegment key, int length) {
        return table.entry().smallest().compareUserKey(key, 0, length) <= 0
                && table.entry().largest().compareUserKey(key, 0, length) >= 0;
    }
}
