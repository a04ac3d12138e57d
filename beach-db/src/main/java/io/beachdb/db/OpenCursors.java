package io.beachdb.db;

import io.beachdb.Cursor;
import io.beachdb.Range;
import io.beachdb.base.Scheduler;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.manifest.InternalKey;
import io.beachdb.sstable.ReadOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The cursors that users have not closed: a close of the database closes them. */
final class OpenCursors {
    private static final String CLOSE_OF_DATABASE = "the close of the database";
    private static final long POLL_NANOS = 1_000_000;

    private final Engine engine;
    private final Set<DbCursor> cursors = ConcurrentHashMap.newKeySet();

    OpenCursors(Engine engine) {
        this.engine = engine;
    }

    /** Opens a cursor over a view; called inside the epoch in which the view was loaded. */
    Cursor open(View view, long sequence, Range range) {
        int stripe = view.pin();
        DbCursor cursor;
        boolean done = false;
        try {
            cursor = new DbCursor(engine, input(view, range), view, stripe, sequence, range);
            cursors.add(cursor);
            done = true;
        } finally {
            if (!done) {
                view.unpin(stripe);
            }
        }
        if (engine.isClosing()) {
            close(cursor, CLOSE_OF_DATABASE);
        }
        return cursor;
    }

    /** Over what may hold keys of the range: no table beside it is opened, so that none costs anything, or is met damaged. */
    private static EntryCursor input(View view, Range range) {
        List<EntryCursor> runs = new ArrayList<>();
        addMemtable(runs, view.active);
        for (MemtableSlot slot : view.immutables) {
            addMemtable(runs, slot);
        }
        byte[] lower = range.lowerBound();
        byte[] upper = range.upperBound();
        InternalKey from = lower == null ? null : Engine.boundary(lower);
        InternalKey to = upper == null ? null : Engine.boundary(upper);
        for (TableHandle table : view.tables.level0) {
            if (!endsBefore(table, from) && !beginsAtOrAfter(table, to)) {
                runs.add(table.reader.cursor(ReadOptions.CURSOR));
            }
        }
        for (TableHandle[] run : view.tables.runs) {
            int first = firstThat(run, table -> !endsBefore(table, from));
            int end = firstThat(run, table -> beginsAtOrAfter(table, to));
            if (first < end) {
                runs.add(new LevelCursor(
                        first == 0 && end == run.length ? run : Arrays.copyOfRange(run, first, end),
                        ReadOptions.CURSOR));
            }
        }
        return runs.size() == 1 ? runs.getFirst() : new MergingCursor(runs.toArray(new EntryCursor[0]));
    }

    private static boolean endsBefore(TableHandle table, @Nullable InternalKey from) {
        return from != null && table.entry().largest().compareUserKey(from) < 0;
    }

    private static boolean beginsAtOrAfter(TableHandle table, @Nullable InternalKey to) {
        return to != null && table.entry().smallest().compareUserKey(to) >= 0;
    }

    /** Returns the index of the first table of a run from which on all pass; their count if none does. */
    private static int firstThat(TableHandle[] run, Predicate<TableHandle> passes) {
        int low = 0;
        int high = run.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (passes.test(run[middle])) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    private static void addMemtable(List<EntryCursor> runs, MemtableSlot slot) {
        if (!slot.memtable.isEmpty()) {
            runs.add(slot.memtable.cursor());
        }
    }

    void close(DbCursor cursor, String by) {
        if (cursor.markClosed(by)) {
            Scheduler scheduler = engine.scheduler();
            while (cursor.isBusy()) { // a step in another thread, which looks at nothing of ours to wake us
                scheduler.await(engine.progress(), () -> !cursor.isBusy(), POLL_NANOS);
            }
            cursors.remove(cursor);
            cursor.free();
        }
    }

    void closeAll() {
        for (DbCursor cursor : cursors) {
            close(cursor, CLOSE_OF_DATABASE);
        }
    }
}
