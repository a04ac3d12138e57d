package io.beachdb.sstable;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.Scheduler;
import io.beachdb.base.memory.Epochs;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.LongAdder;

/**
 * Blocks of tables, decompressed, off the heap, found by file number and offset.
 *
 * <p>A block is named by a <em>handle</em>. Who finds one inside an epoch may read it until the epoch ends; who pins it,
 * until {@link #unpin}. A block is never changed after {@link #publish}. Finding takes no lock, allocates nothing, and
 * writes to shared memory only while a block is new to being used.
 *
 * <p>It grows with what is put into it, up to its bound and as the budget has room, and shrinks when others need the
 * memory. It is scan-resistant: a block must be used again to stay (see {@link BlockCacheSpace}).
 *
 * <p>Safe for many threads. Handles are not checked: one that was never given, or is held no longer, reads unspecified
 * bytes of the cache's own memory.
 */
public final class BlockCache implements AutoCloseable {

    /** How long a block is worth keeping. */
    public enum Priority {
        /** Entries of a table. */
        DATA,
        /** Index and filter partitions: kept longer, since each leads to many data blocks. */
        METADATA
    }

    /** Longest block that is cached. */
    public static final int MAX_BLOCK_BYTES = 512 << 10;

    private static final long SMALL_BYTES = 16L << 20;
    private static final long MIDDLE_BYTES = 256L << 20;

    private final BlockCacheSpace space;
    private final BlockCacheTable[] tables;
    private final Scheduler.Cancellable reclaimer;
    private final LongAdder hits = new LongAdder();
    private final LongAdder misses = new LongAdder();
    private final LongAdder pinnedBytes = new LongAdder();
    private volatile boolean closed;

    /**
     * @param account charged with all memory of the cache
     * @param epochs entered by whoever calls {@link #find}
     * @param maxBytes bound of its memory, 0 and more; with 0 each block goes when nobody holds it
     */
    public BlockCache(MemoryAccount account, Epochs<?> epochs, long maxBytes) {
        if (maxBytes < 0) {
            throw new IllegalArgumentException("block cache is " + maxBytes + " bytes, allowed 0 and more");
        }
        space = new BlockCacheSpace(account, epochs, maxBytes);
        tables = new BlockCacheTable[maxBytes < SMALL_BYTES ? 1 : maxBytes < MIDDLE_BYTES ? 4 : 16];
        for (int i = 0; i < tables.length; i++) {
            tables[i] = new BlockCacheTable(space, account);
        }
        space.setTables(tables);
        reclaimer = account.budget().addReclaimer(space::reclaim);
    }

    /**
     * Finds a block and marks it used. The caller is inside an epoch: the block stays readable until it leaves.
     *
     * @return the handle, or 0 if the block is not here
     */
    public long find(long file, long offset) {
        checkOpen();
        long hash = BlockCacheSpace.hash(file, offset);
        long handle = space.table(hash).find(hash, file, offset);
        if (handle == 0) {
            misses.increment();
            return 0;
        }
        CacheBlocks.touch(space.memory(handle), space.header(handle));
        hits.increment();
        return handle;
    }

    /** Keeps a block until {@link #unpin}. It was found in the epoch in which the caller still is, or is pinned already. */
    public void pin(long handle) {
        CacheBlocks.addPins(space.memory(handle), space.header(handle), 1);
        pinnedBytes.add(length(handle));
    }

    /** Takes back one pin. Outside an epoch the memory must not be touched afterwards. */
    public void unpin(long handle) {
        pinnedBytes.add(-length(handle));
        int before = CacheBlocks.addPins(space.memory(handle), space.header(handle), -1);
        if (before <= 0) {
            throw new AssertionError("C2: a block was unpinned that was not pinned");
        }
    }

    /**
     * Takes room for a block, which the caller owns (pinned once) and nobody finds. Does not fail for lack of memory:
     * what is beyond the cache's share is charged as pinned and goes as soon as nobody holds it.
     *
     * @param length 0 to {@value #MAX_BLOCK_BYTES}
     */
    public long allocate(int length) {
        if (length < 0 || length > MAX_BLOCK_BYTES) {
            throw new IllegalArgumentException("block is " + length + " bytes, allowed 0 to " + MAX_BLOCK_BYTES);
        }
        checkOpen();
        long handle = space.allocate(length);
        pinnedBytes.add(length);
        return handle;
    }

    /**
     * Makes an owned block findable. Its bytes are complete and do not change any more.
     *
     * @return the handle to use: the given one, or that of the same block which another thread published first. The
     *     caller has one pin on it; the given block is gone if it is not the one returned.
     */
    public long publish(long handle, long file, long offset, Priority priority) {
        checkOpen();
        long hash = BlockCacheSpace.hash(file, offset);
        long published = space.table(hash).publish(hash, handle, file, offset, priority);
        if (published != handle) {
            pinnedBytes.add(length(published));
            discard(handle);
        }
        return published;
    }

    /** Gives back an owned block that was not published. */
    public void discard(long handle) {
        CacheBlocks.setState(space.memory(handle), space.header(handle), CacheBlocks.DEAD);
        unpin(handle);
    }

    /** Returns the memory that holds the block, from {@link #offset} for {@link #length} bytes. */
    public MemorySegment memory(long handle) {
        return space.memory(handle);
    }

    /** Returns where in its {@link #memory} the block begins. */
    public long offset(long handle) {
        return BlockCacheSpace.offset(handle);
    }

    /** Returns the length of the block. */
    public int length(long handle) {
        return CacheBlocks.length(space.memory(handle), space.header(handle));
    }

    /** Lets the blocks of an obsolete table go. Walks the whole table: for a thread that has time. */
    public void drop(long file) {
        checkOpen();
        BlockCacheSpace.DeadBytes dead = new BlockCacheSpace.DeadBytes();
        for (BlockCacheTable table : tables) {
            table.drop(file, dead);
        }
        space.sweepFirst(dead);
    }

    /** Returns what the cache did and holds. */
    public CacheStats stats() {
        long[] sums = new long[3 + Priority.values().length];
        for (BlockCacheTable table : tables) {
            table.addTo(sums);
        }
        return new CacheStats(
                hits.sum(),
                misses.sum(),
                sums[0],
                sums[1],
                sums[2],
                sums[3],
                sums[4],
                pinnedBytes.sum(),
                space.heldBytes(),
                space.transientBytes());
    }

    private void checkOpen() {
        if (closed) {
            throw BlockCacheSpace.closedException();
        }
    }

    /**
     * Gives all memory back to the account. The caller has made sure that nobody is inside an epoch or holds a pin, or will
     * again; calls that come later are refused.
     */
    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        reclaimer.cancel();
        space.close();
        for (BlockCacheTable table : tables) {
            table.close();
        }
    }
}
