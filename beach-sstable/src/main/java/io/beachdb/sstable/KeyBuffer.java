package io.beachdb.sstable;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;

/** A copy of one internal key, for a walk that compares neighbours. */
final class KeyBuffer implements AutoCloseable {
    private static final int FIRST_BYTES = 4 << 10;

    private final MemoryAccount account;
    private NativeBlock block;
    private int length;
    private long trailer;
    private boolean set;
    private boolean closed;

    KeyBuffer(MemoryAccount account) {
        this.account = account;
        this.block = account.acquire(MemoryUse.SCRATCH, FIRST_BYTES);
    }

    void set(BlockView view, int index) {
        length = view.keyLength(index);
        reserve(length + TableFormat.HEAD_BYTES);
        view.copyKey(index, block.memory(), 0);
        trailer = view.trailer(index);
        set = true;
    }

    void set(KeyBuffer other) {
        reserve(other.length);
        MemorySegment.copy(other.memory(), 0, memory(), 0, other.length);
        length = other.length;
        trailer = other.trailer;
        set = other.set;
    }

    private void reserve(int bytes) {
        if (bytes > block.bytes()) {
            NativeBlock larger = account.acquire(MemoryUse.SCRATCH, bytes);
            account.release(MemoryUse.SCRATCH, block);
            block = larger;
        }
    }

    /** Forgets the key: nothing is before or after it. */
    void clear() {
        set = false;
    }

    /** Returns whether this key is before the other in internal order; true if one of them is not set. */
    boolean isBefore(KeyBuffer other) {
        return !set || !other.set || compareTo(other) < 0;
    }

    /** Returns whether this key is behind the other in internal order; false if one of them is not set. */
    boolean isBehind(KeyBuffer other) {
        return set && other.set && compareTo(other) > 0;
    }

    int compareTo(KeyBuffer other) {
        return InternalKeys.compare(memory(), 0, length, trailer, other.memory(), 0, other.length, other.trailer);
    }

    MemorySegment memory() {
        return block.memory();
    }

    int length() {
        return length;
    }

    long trailer() {
        return trailer;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            account.release(MemoryUse.SCRATCH, block);
        }
    }
}
