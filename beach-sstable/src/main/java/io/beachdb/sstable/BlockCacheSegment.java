package io.beachdb.sstable;

import io.beachdb.base.MemoryUse;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;

/**
 * A piece of the block cache's memory, filled front to back with blocks (see {@link CacheBlocks}), later swept, then
 * filled again in what became free. Everything here is guarded by the lock of the {@link BlockCacheSpace}.
 */
final class BlockCacheSegment {
    final NativeBlock block;
    final MemorySegment memory;
    final MemoryUse use;
    final int index;
    final int bytes;

    /** The queue in which the segment stands, stood last, or for which it is open. */
    BlockCacheSpace.Queue queue = BlockCacheSpace.Queue.PROBATION;

    /** Retired with this stamp: what the last sweep condemned is free when no reader is older. */
    long stamp;

    /** Free room found when the last sweep was settled. */
    int freeBytes;

    // The free room that is being filled: gapEnd is the header of what comes behind it.
    private int at;
    private int gapEnd;

    BlockCacheSegment(NativeBlock block, MemoryUse use, int index) {
        this.block = block;
        this.memory = block.memory();
        this.use = use;
        this.index = index;
        this.bytes = (int) block.bytes();
        this.freeBytes = bytes;
        writeFree(0, bytes);
    }

    boolean isWhollyFree() {
        return freeBytes == bytes;
    }

    /** Begins to fill the free room from the front. */
    void open() {
        at = 0;
        gapEnd = 0;
    }

    /** Returns the header of {@code room} bytes for the taker to write, or -1 if there is no such room left. */
    int take(int room) {
        while (gapEnd - at < room) {
            close();
            while (at < bytes && CacheBlocks.state(memory, at) != CacheBlocks.FREE) {
                at = behind(at);
            }
            if (at == bytes) {
                gapEnd = bytes;
                return -1;
            }
            gapEnd = behind(at);
        }
        int header = at;
        at += room;
        return header;
    }

    /** Ends the filling: what is left of the room gets a header, so that the row can be walked again. */
    void close() {
        if (at < gapEnd) {
            writeFree(at, gapEnd);
            at = gapEnd;
        }
    }

    /** Returns the header behind the one at {@code header}. */
    int behind(int header) {
        return header + CacheBlocks.roomFor(CacheBlocks.length(memory, header));
    }

    private void writeFree(int from, int to) {
        CacheBlocks.init(memory, from, CacheBlocks.FREE, to - from - CacheBlocks.HEADER_BYTES, 0);
    }

    /** Frees what the last sweep condemned, now that no reader can see it; what got pinned meanwhile stays. */
    void settle() {
        int gap = -1;
        freeBytes = 0;
        for (int header = 0; header < bytes; ) {
            int behind = behind(header);
            if (becomesFree(header)) {
                gap = gap < 0 ? header : gap;
                freeBytes += behind - header;
            } else if (gap >= 0) {
                writeFree(gap, header);
                gap = -1;
            }
            header = behind;
        }
        if (gap >= 0) {
            writeFree(gap, bytes);
        }
    }

    private boolean becomesFree(int header) {
        int state = CacheBlocks.state(memory, header);
        if (state != CacheBlocks.CONDEMNED) {
            return state == CacheBlocks.FREE;
        }
        if (CacheBlocks.pins(memory, header) == 0) {
            return true;
        }
        CacheBlocks.setState(memory, header, CacheBlocks.DEAD);
        return false;
    }
}
