package io.beachdb.db;

import io.beachdb.base.format.EntryCursor;
import io.beachdb.sstable.ReadOptions;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The tables of one sorted run, one after another; at most one of them is open. */
final class LevelCursor implements EntryCursor {
    private final TableHandle[] tables;
    private final ReadOptions options;
    private int index = -1;
    private @Nullable EntryCursor current;

    /** @param tables sorted by key, disjoint; held by the caller while the cursor lives */
    LevelCursor(TableHandle[] tables, ReadOptions options) {
        this.tables = tables;
        this.options = options;
    }

    private EntryCursor open(int at) {
        EntryCursor cursor = current;
        if (cursor != null && index == at) {
            return cursor;
        }
        if (cursor != null) {
            current = null;
            cursor.close();
        }
        index = at;
        EntryCursor opened = tables[at].reader.cursor(options);
        current = opened;
        return opened;
    }

    private void leave() {
        EntryCursor cursor = current;
        current = null;
        index = -1;
        if (cursor != null) {
            cursor.close();
        }
    }

    @Override
    public void first() {
        if (tables.length > 0) {
            open(0).first();
        }
    }

    @Override
    public void last() {
        if (tables.length > 0) {
            open(tables.length - 1).last();
        }
    }

    @Override
    public void seek(MemorySegment key, long offset, int length, long trailer) {
        int at = firstEndingAtOrAfter(key, offset, length);
        if (at == tables.length) {
            leave();
            return;
        }
        open(at).seek(key, offset, length, trailer);
        skipForwards();
    }

    @Override
    public void seekBefore(MemorySegment key, long offset, int length, long trailer) {
        int at = firstEndingAtOrAfter(key, offset, length);
        if (at == tables.length) {
            last();
            return;
        }
        open(at).seekBefore(key, offset, length, trailer);
        skipBackwards();
    }

    /** Index of the first table whose largest user key is not before {@code key}; their count when there is none. */
    private int firstEndingAtOrAfter(MemorySegment key, long offset, int length) {
        int low = 0;
        int high = tables.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (tables[middle].entry().largest().compareUserKey(key, offset, length) < 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private void skipForwards() {
        while (current != null && !current.valid()) {
            if (index + 1 == tables.length) {
                leave();
            } else {
                open(index + 1).first();
            }
        }
    }

    private void skipBackwards() {
        while (current != null && !current.valid()) {
            if (index == 0) {
                leave();
            } else {
                open(index - 1).last();
            }
        }
    }

    @Override
    public void next() {
        EntryCursor cursor = at();
        cursor.next();
        if (!cursor.valid()) {
            skipForwards();
        }
    }

    @Override
    public void previous() {
        EntryCursor cursor = at();
        cursor.previous();
        if (!cursor.valid()) {
            skipBackwards();
        }
    }

    private EntryCursor at() {
        EntryCursor cursor = current;
        if (cursor == null) {
            throw new IllegalStateException("the cursor does not stand on an entry");
        }
        return cursor;
    }

    @Override
    public boolean valid() {
        EntryCursor cursor = current;
        return cursor != null && cursor.valid();
    }

    @Override
    public MemorySegment keyMemory() {
        return at().keyMemory();
    }

    @Override
    public long keyOffset() {
        return at().keyOffset();
    }

    @Override
    public int keyLength() {
        return at().keyLength();
    }

    @Override
    public long trailer() {
        return at().trailer();
    }

    @Override
    public long valueLength() {
        return at().valueLength();
    }

    @Override
    public MemorySegment valueMemory() {
        return at().valueMemory();
    }

    @Override
    public long valueOffset() {
        return at().valueOffset();
    }

    @Override
    public void copyValue(long from, MemorySegment destination, long at, long length) {
        at().copyValue(from, destination, at, length);
    }

    @Override
    public void close() {
        leave();
    }
}
