package io.beachdb.db;

import io.beachdb.Cursor;
import io.beachdb.Range;
import io.beachdb.base.Scheduler;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.sstable.ReadOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

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
            cursor = new DbCursor(engine, input(view), view, stripe, sequence, range);
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

    private static EntryCursor input(View view) {
        List<EntryCursor> runs = new ArrayList<>();
        addMemtable(runs, view.active);
        for (MemtableSlot slot : view.immutables) {
            addMemtable(runs, slot);
        }
        for (TableHandle table : view.tables.level0) {
            runs.add(table.reader.cursor(ReadOptions.CURSOR));
        }
        for (TableHandle[] run : view.tables.runs) {
            runs.add(new LevelCursor(run, ReadOptions.CURSOR));
        }
        return runs.size() == 1 ? runs.getFirst() : new MergingCursor(runs.toArray(new EntryCursor[0]));
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
