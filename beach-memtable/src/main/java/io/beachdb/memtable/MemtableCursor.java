package io.beachdb.memtable;

import io.beachdb.base.ClosedException;
import io.beachdb.base.format.EntryCursor;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** Walks a {@link Memtable}. Its memory stays the memtable's: a cursor must be done with before that is closed. */
final class MemtableCursor implements EntryCursor {
    /** One in {@code 2^RUN_LEVEL} nodes begins a run that a step backwards remembers. */
    private static final int RUN_LEVEL = 4;

    private static final int RUN_CAPACITY = 64; // a power of two

    private final Memtable memtable;
    private boolean closed;

    // Where it stands. The rest is unspecified while node is NONE.
    private int node = EntryArena.NONE;
    private MemorySegment memory = MemorySegment.NULL;
    private long at;
    private int keyLength;

    // The nodes before the current one as far as remembered, the nearest last: a ring of which runLength are left, up
    // to
    // runEnd. Entries added in between since are passed by, as the contract allows.
    private final int[] run = new int[RUN_CAPACITY];
    private int runEnd;
    private int runLength;

    MemtableCursor(Memtable memtable) {
        this.memtable = memtable;
    }

    @Override
    public void first() {
        checkOpen();
        standAfresh(memtable.findFirst());
    }

    @Override
    public void last() {
        checkOpen();
        standAfresh(memtable.findLast());
    }

    @Override
    public void seek(MemorySegment key, long offset, int length, long trailer) {
        checkOpen();
        standAfresh(memtable.findAtOrAfter(key, offset, length, trailer));
    }

    @Override
    public void seekBefore(MemorySegment key, long offset, int length, long trailer) {
        checkOpen();
        standAfresh(memtable.findBefore(key, offset, length, trailer, 0));
    }

    @Override
    public void next() {
        checkValid();
        standAfresh(Node.link(memory, at, 0));
    }

    @Override
    public void previous() {
        checkValid();
        if (runLength == 0) {
            remember();
        }
        if (runLength == 0) {
            node = EntryArena.NONE;
            return;
        }
        runLength--;
        runEnd--;
        stand(run[runEnd & RUN_CAPACITY - 1]);
    }

    /**
     * Links lead forwards only, so a step back is a search. This one ends some levels up and walks the rest, and keeps what
     * it passes for the next steps: about {@code 2^RUN_LEVEL} of them then cost no search.
     */
    private void remember() {
        int passed = memtable.findBefore(memory, keyOffset(), keyLength, trailer(), RUN_LEVEL);
        int count = 0;
        if (passed == Memtable.HEAD) {
            passed = memtable.findFirst();
        }
        // The current node is on level 0 and never leaves it, so the walk arrives there.
        while (passed != node) {
            run[count++ & RUN_CAPACITY - 1] = passed;
            passed = Node.link(memtable.memory(passed), EntryArena.offset(passed), 0);
        }
        runEnd = count;
        runLength = Math.min(count, RUN_CAPACITY);
    }

    private void standAfresh(int found) {
        runLength = 0;
        stand(found);
    }

    private void stand(int found) {
        if (found == EntryArena.NONE || found == Memtable.HEAD) {
            node = EntryArena.NONE;
            return;
        }
        node = found;
        memory = memtable.memory(found);
        at = EntryArena.offset(found);
        keyLength = Node.keyLength(memory, at);
    }

    private void checkOpen() {
        if (closed) {
            throw new ClosedException("the memtable cursor was closed by its own close");
        }
    }

    private void checkValid() {
        if (node == EntryArena.NONE) {
            checkOpen();
            throw new IllegalStateException("the memtable cursor stands on no entry: position it first");
        }
    }

    @Override
    public boolean valid() {
        return node != EntryArena.NONE;
    }

    @Override
    public MemorySegment keyMemory() {
        return memory;
    }

    @Override
    public long keyOffset() {
        return Node.keyOffset(at);
    }

    @Override
    public int keyLength() {
        return keyLength;
    }

    @Override
    public long trailer() {
        return Node.trailer(memory, at);
    }

    @Override
    public long valueLength() {
        return Node.valueLength(memory, at);
    }

    @Override
    public MemorySegment valueMemory() {
        return memtable.memory(Node.value(memory, at));
    }

    @Override
    public long valueOffset() {
        return EntryArena.offset(Node.value(memory, at));
    }

    @Override
    public void copyValue(long from, MemorySegment destination, long destinationOffset, long length) {
        Objects.checkFromIndexSize(from, length, valueLength());
        MemorySegment.copy(valueMemory(), valueOffset() + from, destination, destinationOffset, length);
    }

    @Override
    public void close() {
        closed = true;
        node = EntryArena.NONE;
    }
}
