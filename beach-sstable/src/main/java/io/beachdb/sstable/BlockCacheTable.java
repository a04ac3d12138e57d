package io.beachdb.sstable;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.base.memory.Parts;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * One stripe of the block cache's lookup table: finds without locks, changes under its own lock. Beside it the
 * <em>ghosts</em>: fingerprints of blocks that were evicted on probation, so that one that comes back is known.
 */
final class BlockCacheTable {
    /*
     * Open addressing over native longs: 0 is empty, 1 is removed, anything else is the upper 20 bits of the hash above
     * the 44 bits of the handle.
     *
     * T1  An entry in the table names a LIVE block; both change under the lock of this object.
     * T2  A reader (inside an epoch) sees the header and the bytes of whatever block an entry names: the entry is stored
     *     with release after them, and the block is freed only when the reader is gone.
     * T3  Entries are never moved within an array; growing copies them into another and publishes that whole. Who still
     *     reads the old array may miss a newer block, never see a wrong one. The old array is retired like a block.
     */
    private static final long EMPTY = 0;
    private static final long REMOVED = 1;
    private static final int HANDLE_BITS = BlockCacheSpace.HANDLE_BITS;
    private static final long HANDLE_MASK = (1L << HANDLE_BITS) - 1;
    private static final int MIN_CAPACITY = 512;

    private static final VarHandle ENTRY = ValueLayout.JAVA_LONG.varHandle().withInvokeExactBehavior();

    /** An array of entries and the ghosts of its generation. */
    private record Entries(
            NativeBlock block, NativeBlock ghostBlock, MemorySegment memory, MemorySegment ghosts, long mask) {
        long load(long at) {
            return (long) ENTRY.getAcquire(memory, at << 3);
        }

        void store(long at, long entry) {
            ENTRY.setRelease(memory, at << 3, entry);
        }

        long capacity() {
            return mask + 1;
        }
    }

    private final BlockCacheSpace space;
    private final MemoryAccount account;
    private volatile Entries entries; // replaced under this

    // Guarded by this.
    private long occupied; // entries that are not empty
    private boolean rebuilding; // a thread is about to replace the entries
    private long live;
    private long inserts;
    private long evictions;
    private final long[] bytes = new long[BlockCache.Priority.values().length];

    BlockCacheTable(BlockCacheSpace space, MemoryAccount account) {
        this.space = space;
        this.account = account;
        this.entries = newEntries(MIN_CAPACITY);
    }

    private Entries newEntries(long capacity) {
        try (Parts parts = new Parts()) {
            NativeBlock block = parts.add(
                    account.acquire(MemoryUse.CACHE, capacity * Long.BYTES), b -> account.release(MemoryUse.CACHE, b));
            NativeBlock ghostBlock = parts.add(
                    account.acquire(MemoryUse.CACHE, capacity * Integer.BYTES),
                    b -> account.release(MemoryUse.CACHE, b));
            block.memory().fill((byte) 0);
            ghostBlock.memory().fill((byte) 0);
            Entries made = new Entries(block, ghostBlock, block.memory(), ghostBlock.memory(), capacity - 1);
            space.addTableBytes(block.bytes() + ghostBlock.bytes());
            parts.complete();
            return made;
        }
    }

    /** Returns the handle of a block or 0. The caller is inside an epoch. */
    long find(long hash, long file, long offset) {
        Entries all = entries;
        long at = hash & all.mask;
        while (true) {
            long entry = all.load(at);
            if (entry == EMPTY) {
                return 0;
            }
            if ((entry ^ hash) >>> HANDLE_BITS == 0) {
                long handle = entry & HANDLE_MASK;
                if (space.isKey(handle, file, offset)) {
                    return handle;
                }
            }
            at = at + 1 & all.mask;
        }
    }

    /**
     * Makes {@code handle} findable, unless the key is there already.
     *
     * @return {@code handle}, or that of the block that is there: pinned for the caller
     */
    long publish(long hash, long handle, long file, long offset, BlockCache.Priority priority) {
        boolean full;
        synchronized (this) {
            long at = locate(hash, file, offset);
            if (at >= 0) {
                long first = entries.load(at) & HANDLE_MASK;
                CacheBlocks.addPins(space.memory(first), space.header(first), 1);
                return first;
            }
            MemorySegment memory = space.memory(handle);
            long header = space.header(handle);
            if (occupied > entries.capacity() * 15 / 16) {
                // Whoever makes a larger array is not done: a block that nobody finds is better than a table without
                // end.
                CacheBlocks.setState(memory, header, CacheBlocks.DEAD);
                return handle;
            }
            int frequency = priority == BlockCache.Priority.METADATA
                    ? CacheBlocks.MAX_FREQUENCY
                    : takeGhost(hash) ? BlockCacheSpace.PROMOTE_FREQUENCY : 0;
            CacheBlocks.setKey(memory, header, file, offset, priority.ordinal(), frequency);
            CacheBlocks.setState(memory, header, CacheBlocks.LIVE);
            add(entries, hash, handle);
            live++;
            inserts++;
            bytes[priority.ordinal()] += CacheBlocks.length(memory, header);
            full = isFull() && !rebuilding;
            rebuilding |= full;
        }
        if (full) {
            rebuild();
        }
        return handle;
    }

    private boolean isFull() {
        return occupied > entries.capacity() * 3 / 4;
    }

    /** Returns where the key is; negative if it is not there. */
    private long locate(long hash, long file, long offset) {
        Entries all = entries;
        long at = hash & all.mask;
        while (true) {
            long entry = all.load(at);
            if (entry == EMPTY) {
                return -1;
            }
            if ((entry ^ hash) >>> HANDLE_BITS == 0 && space.isKey(entry & HANDLE_MASK, file, offset)) {
                return at;
            }
            at = at + 1 & all.mask;
        }
    }

    private long locate(long hash, long handle) {
        Entries all = entries;
        long sought = entry(hash, handle);
        long at = hash & all.mask;
        while (true) {
            long entry = all.load(at);
            if (entry == sought) {
                return at;
            }
            if (entry == EMPTY) {
                throw new AssertionError("T1: a live block is not in the table");
            }
            at = at + 1 & all.mask;
        }
    }

    private void add(Entries all, long hash, long handle) {
        long at = hash & all.mask;
        while (true) {
            long entry = all.load(at);
            if (entry == EMPTY || entry == REMOVED) {
                occupied += entry == EMPTY ? 1 : 0;
                all.store(at, entry(hash, handle));
                return;
            }
            at = at + 1 & all.mask;
        }
    }

    private static long entry(long hash, long handle) {
        return hash >>> HANDLE_BITS << HANDLE_BITS | handle;
    }

    /**
     * Takes a block out of the table if it is LIVE and not pinned.
     *
     * @param state the state it goes to
     * @param ghost whether to remember it
     * @return whether it was LIVE and not pinned
     */
    synchronized boolean evict(long hash, long handle, int state, boolean ghost) {
        MemorySegment memory = space.memory(handle);
        long header = space.header(handle);
        if (CacheBlocks.state(memory, header) != CacheBlocks.LIVE || CacheBlocks.pins(memory, header) != 0) {
            return false;
        }
        remove(locate(hash, handle), memory, header, state);
        evictions++;
        if (ghost) {
            entries.ghosts.setAtIndex(ValueLayout.JAVA_INT, ghostAt(hash), fingerprint(hash));
        }
        return true;
    }

    /** Takes an entry out. Where nothing follows, no search goes on from here, and no mark needs to stay. */
    private void clear(Entries all, long at) {
        all.store(at, REMOVED);
        if (all.load(at + 1 & all.mask) == EMPTY) {
            for (long last = at; all.load(last) == REMOVED; last = last - 1 & all.mask) {
                all.store(last, EMPTY);
                occupied--;
            }
        }
    }

    private void remove(long at, MemorySegment memory, long header, int state) {
        clear(entries, at);
        CacheBlocks.setState(memory, header, state);
        live--;
        bytes[CacheBlocks.priority(memory, header)] -= CacheBlocks.length(memory, header);
    }

    /**
     * Lets the table name {@code copy} in place of {@code original}, which becomes CONDEMNED.
     *
     * @return whether the original was LIVE and not pinned
     */
    synchronized boolean replace(long hash, long original, long copy) {
        MemorySegment memory = space.memory(original);
        long header = space.header(original);
        if (CacheBlocks.state(memory, header) != CacheBlocks.LIVE || CacheBlocks.pins(memory, header) != 0) {
            return false;
        }
        CacheBlocks.setState(space.memory(copy), space.header(copy), CacheBlocks.LIVE);
        entries.store(locate(hash, original), entry(hash, copy));
        CacheBlocks.setState(memory, header, CacheBlocks.CONDEMNED);
        return true;
    }

    /** Makes the blocks of an obsolete file DEAD; adds the room they took to {@code deadBytes}, by segment. */
    @SuppressWarnings("ReferenceEquality") // is it still the array that we walk
    void drop(long file, BlockCacheSpace.DeadBytes deadBytes) {
        Entries all = entries;
        // A part at a time, so that nobody waits long for the lock. Blocks that a growing table moves are met again
        // in the next round; the file is obsolete, so no new ones come.
        for (long from = 0; from < all.capacity(); from += MIN_CAPACITY) {
            synchronized (this) {
                if (entries != all) {
                    all = entries;
                    from = -MIN_CAPACITY;
                    continue;
                }
                for (long at = from; at < from + MIN_CAPACITY; at++) {
                    long entry = all.load(at);
                    if (entry != EMPTY && entry != REMOVED) {
                        dropIfOf(file, at, entry & HANDLE_MASK, deadBytes);
                    }
                }
            }
        }
    }

    private void dropIfOf(long file, long at, long handle, BlockCacheSpace.DeadBytes deadBytes) {
        MemorySegment memory = space.memory(handle);
        long header = space.header(handle);
        if (CacheBlocks.file(memory, header) == file) {
            deadBytes.add(handle, CacheBlocks.roomFor(CacheBlocks.length(memory, header)));
            remove(at, memory, header, CacheBlocks.DEAD);
        }
    }

    /** Copies the entries into an array of the right size; what is no longer needed is retired. */
    private void rebuild() {
        long capacity;
        synchronized (this) {
            capacity = capacityFor(live);
        }
        // Not under the lock: taking memory may ask caches, this one too, to give memory back; and the lock of the
        // space
        // comes before ours.
        Entries fresh = newEntries(capacity);
        Entries outgrown = swap(fresh);
        space.retireMemory(outgrown.block);
        space.retireMemory(outgrown.ghostBlock);
    }

    /** Returns the outgrown array. */
    private synchronized Entries swap(Entries fresh) {
        Entries old = entries;
        occupied = 0;
        for (long at = 0; at < old.capacity(); at++) {
            long entry = old.load(at);
            if (entry != EMPTY && entry != REMOVED) {
                long handle = entry & HANDLE_MASK;
                add(fresh, space.hashOf(handle), handle);
            }
        }
        if (fresh.mask == old.mask) {
            fresh.ghosts.copyFrom(old.ghosts); // their places go by the mask: after growing they begin anew
        }
        entries = fresh;
        rebuilding = false;
        return old;
    }

    /** At most three fifths full, so that the next time is some way off. */
    private static long capacityFor(long live) {
        return Math.max(MIN_CAPACITY, Long.highestOneBit(live * 5 / 3) << 1);
    }

    private boolean takeGhost(long hash) {
        Entries all = entries;
        long at = ghostAt(hash);
        if (all.ghosts.getAtIndex(ValueLayout.JAVA_INT, at) != fingerprint(hash)) {
            return false;
        }
        all.ghosts.setAtIndex(ValueLayout.JAVA_INT, at, 0);
        return true;
    }

    private long ghostAt(long hash) {
        return hash & entries.mask;
    }

    private static int fingerprint(long hash) {
        return (int) (hash >>> 32) | 1;
    }

    /** Adds this stripe's share to {@code sums}: inserts, evictions, blocks, then the bytes by priority. */
    synchronized void addTo(long[] sums) {
        sums[0] += inserts;
        sums[1] += evictions;
        sums[2] += live;
        for (int i = 0; i < bytes.length; i++) {
            sums[3 + i] += bytes[i];
        }
    }

    void close() {
        account.release(MemoryUse.CACHE, entries.block);
        account.release(MemoryUse.CACHE, entries.ghostBlock);
    }
}
