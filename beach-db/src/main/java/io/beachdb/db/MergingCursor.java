package io.beachdb.db;

import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import java.lang.foreign.MemorySegment;

/**
 * Several sorted runs as one, in internal order, both ways. Internal keys are unique across the runs of one view, so ties
 * do not arise.
 */
final class MergingCursor implements EntryCursor {
    /*
     * G1  heap[0..live) holds the valid children, the least (forwards) or greatest (backwards) on top.
     * G2  Forwards, every valid child stands at or after the current entry; backwards, at or before it. A change of
     *     direction positions all other children anew.
     */
    private final EntryCursor[] children;
    private final EntryCursor[] heap;
    private int live;
    private boolean forwards = true;

    MergingCursor(EntryCursor[] children) {
        this.children = children;
        this.heap = new EntryCursor[children.length];
    }

    @Override
    public void first() {
        for (EntryCursor child : children) {
            child.first();
        }
        build(true);
    }

    @Override
    public void last() {
        for (EntryCursor child : children) {
            child.last();
        }
        build(false);
    }

    @Override
    public void seek(MemorySegment key, long offset, int length, long trailer) {
        for (EntryCursor child : children) {
            child.seek(key, offset, length, trailer);
        }
        build(true);
    }

    @Override
    public void seekBefore(MemorySegment key, long offset, int length, long trailer) {
        for (EntryCursor child : children) {
            child.seekBefore(key, offset, length, trailer);
        }
        build(false);
    }

    private void build(boolean direction) {
        forwards = direction;
        live = 0;
        for (EntryCursor child : children) {
            if (child.valid()) {
                heap[live++] = child;
            }
        }
        for (int i = live / 2 - 1; i >= 0; i--) {
            siftDown(i);
        }
    }

    @Override
    public void next() {
        EntryCursor top = heap[0];
        if (!forwards) {
            turn(top, true);
            top = heap[0];
        }
        top.next();
        settleTop(top);
    }

    @Override
    public void previous() {
        EntryCursor top = heap[0];
        if (forwards) {
            turn(top, false);
            top = heap[0];
        }
        top.previous();
        settleTop(top);
    }

    private void settleTop(EntryCursor top) {
        if (!top.valid()) {
            heap[0] = heap[--live];
            heap[live] = null;
        }
        if (live > 1) {
            siftDown(0);
        }
    }

    /** Positions all other children on the far side of the current entry (G2), which stays on top. */
    @SuppressWarnings("ReferenceEquality") // cursors are told apart by who they are
    private void turn(EntryCursor current, boolean direction) {
        for (EntryCursor child : children) {
            if (child == current) {
                continue;
            }
            if (direction) {
                child.seek(current.keyMemory(), current.keyOffset(), current.keyLength(), current.trailer());
            } else {
                child.seekBefore(current.keyMemory(), current.keyOffset(), current.keyLength(), current.trailer());
            }
        }
        build(direction);
        if (heap[0] != current) {
            throw new AssertionError("G1: the current entry is not on top after a turn");
        }
    }

    private void siftDown(int from) {
        EntryCursor moving = heap[from];
        int hole = from;
        while (true) {
            int child = 2 * hole + 1;
            if (child >= live) {
                break;
            }
            if (child + 1 < live && isBefore(heap[child + 1], heap[child])) {
                child++;
            }
            if (!isBefore(heap[child], moving)) {
                break;
            }
            heap[hole] = heap[child];
            hole = child;
        }
        heap[hole] = moving;
    }

    private boolean isBefore(EntryCursor a, EntryCursor b) {
        int order = InternalKeys.compare(
                a.keyMemory(),
                a.keyOffset(),
                a.keyLength(),
                a.trailer(),
                b.keyMemory(),
                b.keyOffset(),
                b.keyLength(),
                b.trailer());
        return forwards ? order < 0 : order > 0;
    }

    @Override
    public boolean valid() {
        return live > 0;
    }

    @Override
    public MemorySegment keyMemory() {
        return heap[0].keyMemory();
    }

    @Override
    public long keyOffset() {
        return heap[0].keyOffset();
    }

    @Override
    public int keyLength() {
        return heap[0].keyLength();
    }

    @Override
    public long trailer() {
        return heap[0].trailer();
    }

    @Override
    public long valueLength() {
        return heap[0].valueLength();
    }

    @Override
    public MemorySegment valueMemory() {
        return heap[0].valueMemory();
    }

    @Override
    public long valueOffset() {
        return heap[0].valueOffset();
    }

    @Override
    public void copyValue(long from, MemorySegment destination, long at, long length) {
        heap[0].copyValue(from, destination, at, length);
    }

    @Override
    public void close() {
        for (EntryCursor child : children) {
            child.close();
        }
        live = 0;
    }
}
