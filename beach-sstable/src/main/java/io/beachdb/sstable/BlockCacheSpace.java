package io.beachdb.sstable;

import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.memory.Epochs;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.base.memory.NativePool;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The memory of the block cache and the choice of what stays in it.
 *
 * <p>Blocks lie one behind the other in segments, and segments stand in three queues. New blocks come <em>on
 * probation</em>; the tenth of the memory that is for them is swept in order of arrival, and only blocks that were used
 * again go on to <em>main</em> (S3-FIFO: Yang and others, "FIFO queues are all you need for cache eviction", 2023). So a
 * scan passes through probation alone. Main is swept in turn: what was used since the last sweep goes to its end. Index and
 * filter blocks have a queue of their own, swept a quarter as often, unless it takes more than its share.
 *
 * <p>Why segments are swept and used blocks copied, as a copying collector does, rather than kept in size classes: decision
 * 0011.
 */
final class BlockCacheSpace {
    /*
     * Handle: index of the segment above 20 bits of offset of the block's bytes in it. Never 0, since a header is before them.
     *
     * C1  A reader inside an epoch may read what it found: memory is reused only after a sweep condemned it, a stamp was
     *     retired after that, and the stamp is quiet. Blocks that died after the stamp wait for the next sweep.
     * C2  Memory of a pinned block is not reused. A pin is set inside the epoch in which the block was found (or on a
     *     block that is already pinned, or under the lock of its stripe while it is in the table): so once the stamp is
     *     quiet, every pin there will ever be is there.
     * C3  Each segment is in one place: open, in a queue, free, partial, retired, among the transient ones, or leaving.
     * C4  Order of locks: this, then a table's stripe. The account is called with no lock held: it may call any cache's
     *     reclaim, and listeners.
     * C5  Segments of use CACHE and the tables stay within maxBytes (a table that grew is over it until the next segment
     *     is free); beyond it there are only segments of one block of use PINNED (transient), which go as soon as nobody
     *     holds the block.
     */
    static final int OFFSET_BITS = 20;
    static final int HANDLE_BITS = 44;
    static final int PROMOTE_FREQUENCY = 1;

    private static final int OFFSET_MASK = (1 << OFFSET_BITS) - 1;
    private static final int MIN_SEGMENT_BYTES = 64 << 10;
    private static final int SEGMENTS_WANTED = 32;
    private static final int SWEEPS_AT_ONCE = 40;
    private static final int SWEEPS_BEFORE_FORCE = 32;
    private static final int PAUSE_ALLOCATIONS = 64;
    private static final int TRANSIENTS_AT_ONCE = 4;
    private static final int RECLAIMS_AT_ONCE = 48;
    private static final int METADATA_TURN = 4;
    private static final int METADATA_PERCENT = 60;
    private static final int PROBATION_PERCENT = 10;
    private static final int STEAL_TURN = 16;

    /** Where a segment stands. */
    enum Queue {
        PROBATION,
        MAIN,
        METADATA
    }

    // Set once.
    private final MemoryAccount account;
    private final Epochs<?> epochs;
    private final long maxBytes;
    private final int segmentBytes;
    private final Set<Thread> growers = ConcurrentHashMap.newKeySet(); // inside grow

    // Written under this, read by anyone who has a handle.
    private volatile MemorySegment[] memories = new MemorySegment[16];

    private final AtomicLong tableBytes = new AtomicLong();

    // Guarded by this.
    private final List<ArrayDeque<BlockCacheSegment>> queues =
            List.of(new ArrayDeque<>(), new ArrayDeque<>(), new ArrayDeque<>());
    private final @Nullable BlockCacheSegment[] open = new BlockCacheSegment[Queue.values().length];
    private final ArrayDeque<BlockCacheSegment> free = new ArrayDeque<>(); // wholly free
    private final ArrayDeque<BlockCacheSegment> partial = new ArrayDeque<>(); // with free room worth filling
    private final ArrayDeque<BlockCacheSegment> retired = new ArrayDeque<>(); // swept, in order of their stamps
    private final ArrayDeque<BlockCacheSegment> transients = new ArrayDeque<>();
    private final ArrayDeque<RetiredMemory> retiredMemory = new ArrayDeque<>();
    private final ArrayDeque<Leaving> leaving = new ArrayDeque<>(); // out of the books, not yet released
    private final BitSet indexes = new BitSet();
    private long cacheBytes; // of segments of use CACHE
    private long promisedBytes; // being taken from the account for more of them
    private long transientBytes;
    private long leftBytes; // ever
    private long owedBytes; // asked for by reclaim, not quiet in time
    private long retiredBytes;
    private int mainTurns;
    private int openings;
    private int sweepPause;
    private boolean closed;

    private BlockCacheTable[] tables = {};

    private record RetiredMemory(NativeBlock block, long stamp) {}

    private record Leaving(NativeBlock block, MemoryUse use) {}

    BlockCacheSpace(MemoryAccount account, Epochs<?> epochs, long maxBytes) {
        this.account = account;
        this.epochs = epochs;
        this.maxBytes = maxBytes;
        long wanted = Long.highestOneBit(Math.max(1, maxBytes / SEGMENTS_WANTED));
        this.segmentBytes = Math.clamp(wanted, MIN_SEGMENT_BYTES, NativePool.CHUNK_BYTES);
    }

    void setTables(BlockCacheTable[] made) {
        tables = made;
    }

    /**
     * Returns the hash by which a block is looked up: low bits choose the place, then come those of the stripe, and the
     * tag above {@link #HANDLE_BITS}, which is never 0.
     */
    static long hash(long file, long offset) {
        long mixed = file * 0x9E3779B97F4A7C15L ^ offset * 0xC2B2AE3D27D4EB4FL;
        mixed = (mixed ^ mixed >>> 32) * 0xD6E8FEB86659FD93L;
        mixed = (mixed ^ mixed >>> 32) * 0xD6E8FEB86659FD93L;
        return (mixed ^ mixed >>> 32) | 1L << HANDLE_BITS;
    }

    BlockCacheTable table(long hash) {
        return tables[(int) (hash >>> 40) & tables.length - 1];
    }

    long hashOf(long handle) {
        MemorySegment memory = memory(handle);
        long header = header(handle);
        return hash(CacheBlocks.file(memory, header), CacheBlocks.offset(memory, header));
    }

    MemorySegment memory(long handle) {
        return memories[(int) (handle >>> OFFSET_BITS)];
    }

    static long offset(long handle) {
        return handle & OFFSET_MASK;
    }

    long header(long handle) {
        return (handle & OFFSET_MASK) - CacheBlocks.HEADER_BYTES;
    }

    boolean isKey(long handle, long file, long offset) {
        return CacheBlocks.isKey(memory(handle), header(handle), file, offset);
    }

    private static long handle(BlockCacheSegment segment, int header) {
        return (long) segment.index << OFFSET_BITS | header + CacheBlocks.HEADER_BYTES;
    }

    // ------------------------------------------------------------------------------------------------ allocation

    /** Returns room for a block, owned by the caller, pinned once. */
    long allocate(int length) {
        int room = CacheBlocks.roomFor(length);
        if (room <= segmentBytes / 2) {
            long handle = allocateShared(room, length);
            if (handle != 0) {
                return handle;
            }
        } else if (makeRoom(NativePool.roundUp(room))) {
            BlockCacheSegment segment = acquireSegment(NativePool.roundUp(room));
            if (segment != null) {
                return fillAlone(segment, room, length);
            }
        }
        NativeBlock block = account.acquire(MemoryUse.PINNED, room);
        return fillAlone(addSegment(block, MemoryUse.PINNED), room, length);
    }

    private long allocateShared(int room, int length) {
        while (true) {
            long handle;
            boolean steal;
            synchronized (this) {
                int before = openings;
                sweepTransients();
                handle = take(Queue.PROBATION, room, length, 1);
                boolean opened = openings != before;
                steal = opened && openings % STEAL_TURN == 0;
                if ((opened || handle == 0) && !mayGrow(segmentBytes)) {
                    sweepAhead();
                    handle = handle != 0 ? handle : take(Queue.PROBATION, room, length, 1);
                }
            }
            releaseLeaving();
            if (handle != 0) {
                if (steal) {
                    grow(true);
                }
                return handle;
            }
            if (!grow(false)) {
                return 0;
            }
        }
    }

    /** Returns the handle of room taken in the open segment of a queue, or 0 if no segment has room. */
    private long take(Queue queue, int room, int length, int pins) {
        checkOpen();
        while (true) {
            BlockCacheSegment segment = open[queue.ordinal()];
            if (segment == null) {
                segment = nextToFill(queue);
                if (segment == null) {
                    return 0;
                }
                segment.queue = queue;
                segment.open();
                open[queue.ordinal()] = segment;
                openings++;
            }
            int header = segment.take(room);
            if (header >= 0) {
                CacheBlocks.init(segment.memory, header, CacheBlocks.OWNED, length, pins);
                return handle(segment, header);
            }
            closeOpen(queue);
        }
    }

    private void closeOpen(Queue queue) {
        BlockCacheSegment segment = open[queue.ordinal()];
        if (segment != null) {
            segment.close();
            open[queue.ordinal()] = null;
            queues.get(queue.ordinal()).addLast(segment);
        }
    }

    private @Nullable BlockCacheSegment nextToFill(Queue queue) {
        settleRetired();
        BlockCacheSegment segment = partial.pollFirst();
        if (segment != null) {
            return segment;
        }
        return queue == Queue.PROBATION && !hasSpare() ? null : free.pollFirst();
    }

    /** Returns whether new blocks may take a free segment. The last one is for copies, unless more will come. */
    private boolean hasSpare() {
        return free.size() > 1 || mayGrow(2L * segmentBytes);
    }

    /** Puts a block into a segment of its own. */
    private long fillAlone(BlockCacheSegment segment, int room, int length) {
        synchronized (this) {
            segment.open();
            int header = segment.take(room);
            CacheBlocks.init(segment.memory, header, CacheBlocks.OWNED, length, 1);
            segment.close();
            putBack(segment);
            return handle(segment, header);
        }
    }

    private BlockCacheSegment addSegment(NativeBlock block, MemoryUse use) {
        synchronized (this) {
            if (!closed) {
                int index = indexes.nextClearBit(0);
                indexes.set(index);
                if (index == memories.length) {
                    memories = Arrays.copyOf(memories, index * 2);
                }
                memories[index] = block.memory();
                if (use == MemoryUse.CACHE) {
                    cacheBytes += block.bytes();
                } else {
                    transientBytes += block.bytes();
                }
                return new BlockCacheSegment(block, use, index);
            }
        }
        account.release(use, block);
        throw closedException();
    }

    /** Returns whether {@code bytes} more are within the cache's bound, and within the budget without anybody's shrinking. */
    private boolean mayGrow(long bytes) {
        return fits(bytes)
                && account.budget().usedBytes() + bytes <= account.budget().capacityBytes();
    }

    private boolean fits(long bytes) {
        return cacheBytes + promisedBytes + tableBytes.get() + bytes <= maxBytes;
    }

    /**
     * Adds a free segment if it fits.
     *
     * @param steal whether other caches of the same budget may be asked to shrink for it
     */
    private boolean grow(boolean steal) {
        synchronized (this) {
            if (!steal && !free.isEmpty() && hasSpare()) {
                return true; // another thread was first
            }
            if (steal ? !fits(segmentBytes) : !mayGrow(segmentBytes)) {
                return false;
            }
            promisedBytes += segmentBytes;
        }
        growers.add(Thread.currentThread());
        BlockCacheSegment segment;
        try {
            segment = acquireSegment(segmentBytes);
        } finally {
            growers.remove(Thread.currentThread());
        }
        if (segment == null) {
            return false;
        }
        synchronized (this) {
            free.addLast(segment);
        }
        return true;
    }

    /** Takes a segment of promised bytes from the account; null if the budget refuses. */
    private @Nullable BlockCacheSegment acquireSegment(long bytes) {
        NativeBlock block = null;
        try {
            block = account.tryAcquire(MemoryUse.CACHE, bytes);
        } finally {
            synchronized (this) {
                promisedBytes -= bytes;
            }
        }
        return block == null ? null : addSegment(block, MemoryUse.CACHE);
    }

    /** Gives free segments back until {@code bytes} more fit, and promises them; returns whether they do. */
    private boolean makeRoom(long bytes) {
        boolean fits;
        synchronized (this) {
            checkOpen();
            sweepTransients();
            settleRetired();
            while (!fits(bytes) && !free.isEmpty()) {
                leave(free.removeFirst());
            }
            fits = fits(bytes);
            if (fits) {
                promisedBytes += bytes;
            } else {
                sweepAhead();
            }
        }
        releaseLeaving();
        return fits;
    }

    // ------------------------------------------------------------------------------------------------ sweeping

    /** Sweeps until enough segments are free, or will be when the readers inside have left. Bounded work. */
    private void sweepAhead() {
        if (sweepPause > 0) {
            sweepPause--;
            return;
        }
        long reserve = Math.clamp(cacheBytes / segmentBytes / 16, 2, 4);
        for (int i = 0; i < SWEEPS_AT_ONCE; i++) {
            BlockCacheSegment victim = free.size() + partial.size() + retired.size() < reserve ? nextVictim() : null;
            if (victim == null) {
                return;
            }
            sweep(victim, i >= SWEEPS_BEFORE_FORCE);
        }
        sweepPause = retired.isEmpty() ? PAUSE_ALLOCATIONS : 0; // all is pinned: do not look again at once
    }

    private @Nullable BlockCacheSegment nextVictim() {
        ArrayDeque<BlockCacheSegment> probation = queues.get(Queue.PROBATION.ordinal());
        ArrayDeque<BlockCacheSegment> main = queues.get(Queue.MAIN.ordinal());
        ArrayDeque<BlockCacheSegment> metadata = queues.get(Queue.METADATA.ordinal());
        if (!metadata.isEmpty() && isOver(metadata, METADATA_PERCENT)) {
            return metadata.pollFirst();
        }
        if (!probation.isEmpty() && (isOver(probation, PROBATION_PERCENT) || main.isEmpty())) {
            return probation.pollFirst();
        }
        if (!main.isEmpty()) {
            mainTurns++;
            if (mainTurns % Math.max(SEGMENTS_WANTED, main.size()) == 0) {
                closeOpen(Queue.MAIN); // once a round, so that what lies in it grows old too
            }
            if (mainTurns % METADATA_TURN != 0) {
                return main.pollFirst();
            }
            if (metadata.isEmpty()) {
                closeOpen(Queue.METADATA);
            }
            return (metadata.isEmpty() ? main : metadata).pollFirst();
        }
        return metadata.pollFirst();
    }

    private boolean isOver(ArrayDeque<BlockCacheSegment> queue, int percent) {
        return (long) queue.size() * segmentBytes * 100 > cacheBytes * percent;
    }

    /**
     * Condemns what is not worth its place, copies what is to the end of its queue, and retires the segment.
     *
     * @param force whether nothing is worth its place: used when sweeps alone made no room
     */
    private void sweep(BlockCacheSegment segment, boolean force) {
        if (!force && segment.use == MemoryUse.CACHE && isMostlyWorth(segment)) {
            passOn(segment);
            return;
        }
        boolean condemned = false;
        for (int header = 0; header < segment.bytes; header = segment.behind(header)) {
            condemned |= sweepBlock(segment, header, force);
        }
        if (condemned) {
            segment.stamp = epochs.retire();
            retired.addLast(segment);
            retiredBytes += segment.bytes;
        } else {
            putBack(segment);
        }
    }

    /** Returns whether copying what is worth its place would free nearly nothing. */
    private boolean isMostlyWorth(BlockCacheSegment segment) {
        int worth = 0;
        for (int header = 0; header < segment.bytes; header = segment.behind(header)) {
            if (CacheBlocks.state(segment.memory, header) == CacheBlocks.LIVE && isWorth(segment, header)) {
                worth += segment.behind(header) - header;
            }
        }
        // A block that has a larger segment for itself has nowhere else to go.
        return worth >= (segment.bytes == segmentBytes ? segment.bytes / 8 * 7 : 1);
    }

    private static boolean isWorth(BlockCacheSegment segment, int header) {
        int frequency = CacheBlocks.frequency(segment.memory, header);
        return segment.queue == Queue.PROBATION
                ? frequency >= PROMOTE_FREQUENCY || isMetadata(segment, header)
                : frequency > 0;
    }

    private static boolean isMetadata(BlockCacheSegment segment, int header) {
        return CacheBlocks.priority(segment.memory, header) == BlockCache.Priority.METADATA.ordinal();
    }

    /** Puts a whole segment at the end of the queue to which its blocks would be copied. */
    private void passOn(BlockCacheSegment segment) {
        int metadata = 0;
        for (int header = 0; header < segment.bytes; header = segment.behind(header)) {
            metadata += isMetadata(segment, header) ? segment.behind(header) - header : 0;
            CacheBlocks.setFrequency(segment.memory, header, frequencyLeft(segment, header));
        }
        segment.queue = metadata > segment.bytes / 2 ? Queue.METADATA : Queue.MAIN;
        putBack(segment);
    }

    /** Main and metadata count the hits down from sweep to sweep; probation ends without any. */
    private static int frequencyLeft(BlockCacheSegment segment, int header) {
        int frequency = CacheBlocks.frequency(segment.memory, header);
        if (segment.queue == Queue.PROBATION) {
            return isMetadata(segment, header) ? frequency : 0;
        }
        return Math.max(0, frequency - 1);
    }

    /** Returns whether the block became CONDEMNED. */
    private boolean sweepBlock(BlockCacheSegment segment, int header, boolean force) {
        MemorySegment memory = segment.memory;
        switch (CacheBlocks.state(memory, header)) {
            case CacheBlocks.DEAD:
                if (CacheBlocks.pins(memory, header) != 0) {
                    return false;
                }
                CacheBlocks.setState(memory, header, CacheBlocks.CONDEMNED);
                return true;
            case CacheBlocks.LIVE:
                return CacheBlocks.pins(memory, header) == 0 && sweepLive(segment, header, force);
            default:
                return false;
        }
    }

    private boolean sweepLive(BlockCacheSegment segment, int header, boolean force) {
        long handle = handle(segment, header);
        long hash = hashOf(handle);
        boolean probation = segment.queue == Queue.PROBATION;
        if (!force && isWorth(segment, header)) {
            long copy = copy(segment, header);
            if (copy != 0) {
                if (table(hash).replace(hash, handle, copy)) {
                    return true;
                }
                CacheBlocks.setState(memory(copy), header(copy), CacheBlocks.DEAD);
                return false;
            }
            if (segment.use == MemoryUse.CACHE) {
                return false; // no room to copy it to: it stays for a round
            }
        }
        return table(hash).evict(hash, handle, CacheBlocks.CONDEMNED, probation);
    }

    /** Copies a block to the end of main or metadata; returns 0 if there is no room. */
    private long copy(BlockCacheSegment segment, int header) {
        int length = CacheBlocks.length(segment.memory, header);
        Queue queue = isMetadata(segment, header) ? Queue.METADATA : Queue.MAIN;
        int left = frequencyLeft(segment, header);
        int room = CacheBlocks.roomFor(length);
        long copy = room > segmentBytes ? 0 : take(queue, room, length, 0);
        if (copy == 0) {
            CacheBlocks.setFrequency(segment.memory, header, segment.queue == Queue.PROBATION ? 1 : left);
            return 0;
        }
        MemorySegment memory = memory(copy);
        MemorySegment.copy(segment.memory, header + CacheBlocks.HEADER_BYTES, memory, offset(copy), length);
        CacheBlocks.setKey(
                memory,
                header(copy),
                CacheBlocks.file(segment.memory, header),
                CacheBlocks.offset(segment.memory, header),
                CacheBlocks.priority(segment.memory, header),
                left);
        return copy;
    }

    /** Frees what became quiet. */
    private void settleRetired() {
        if (retired.isEmpty() && retiredMemory.isEmpty()) {
            return;
        }
        long oldest = epochs.oldestReader();
        while (!retired.isEmpty() && retired.getFirst().stamp < oldest) {
            BlockCacheSegment segment = retired.removeFirst();
            retiredBytes -= segment.bytes;
            segment.settle();
            place(segment);
        }
        while (!retiredMemory.isEmpty() && retiredMemory.getFirst().stamp < oldest) {
            NativeBlock block = retiredMemory.removeFirst().block;
            tableBytes.addAndGet(-block.bytes());
            leaving.addLast(new Leaving(block, MemoryUse.CACHE));
        }
    }

    private void place(BlockCacheSegment segment) {
        boolean ordinary = segment.use == MemoryUse.CACHE && segment.bytes == segmentBytes;
        if (segment.isWhollyFree()) {
            if (!ordinary || owedBytes > 0 || !fits(0)) {
                owedBytes = Math.max(0, owedBytes - segment.bytes);
                leave(segment);
            } else {
                free.addLast(segment);
            }
        } else if (ordinary && segment.freeBytes >= segment.bytes / 4) {
            partial.addLast(segment);
        } else {
            putBack(segment);
        }
    }

    private void putBack(BlockCacheSegment segment) {
        (segment.use == MemoryUse.PINNED ? transients : queues.get(segment.queue.ordinal())).addLast(segment);
    }

    /** Lets a few transient blocks go that nobody holds any more. */
    private void sweepTransients() {
        for (int i = Math.min(TRANSIENTS_AT_ONCE, transients.size()); i > 0; i--) {
            sweep(transients.removeFirst(), false);
        }
    }

    /** Puts the segments of which obsolete files took most first in their queues. */
    synchronized void sweepFirst(DeadBytes dead) {
        for (ArrayDeque<BlockCacheSegment> queue : queues) {
            List<BlockCacheSegment> first = new ArrayList<>();
            for (Iterator<BlockCacheSegment> each = queue.iterator(); each.hasNext(); ) {
                BlockCacheSegment segment = each.next();
                if (dead.of(segment.index) > segment.bytes / 2) {
                    first.add(segment);
                    each.remove();
                }
            }
            first.forEach(queue::addFirst);
        }
    }

    /** Bytes that died, by segment. */
    static final class DeadBytes {
        private int[] bytes = new int[64];

        void add(long handle, int room) {
            int index = (int) (handle >>> OFFSET_BITS);
            if (index >= bytes.length) {
                bytes = Arrays.copyOf(bytes, Integer.highestOneBit(index) * 2);
            }
            bytes[index] += room;
        }

        int of(int index) {
            return index < bytes.length ? bytes[index] : 0;
        }
    }

    // ------------------------------------------------------------------------------------------------ giving back

    /** Gives back whole segments; see {@link io.beachdb.base.MemoryBudget.Reclaimer}. */
    long reclaim(long bytes) {
        if (!growers.isEmpty() && growers.contains(Thread.currentThread())) {
            return 0; // our own growing: it takes what others can spare
        }
        long given;
        synchronized (this) {
            if (closed) {
                return 0;
            }
            long before = leftBytes;
            sweepTransients();
            for (int i = 0; ; i++) {
                settleRetired();
                while (leftBytes - before < bytes && !free.isEmpty()) {
                    leave(free.removeFirst());
                }
                BlockCacheSegment victim = null;
                if (i < RECLAIMS_AT_ONCE && leftBytes - before + retiredBytes < bytes) {
                    victim = anyVictim();
                }
                if (victim == null) {
                    break;
                }
                sweep(victim, i >= SWEEPS_BEFORE_FORCE);
            }
            given = leftBytes - before;
            // What readers still look at goes when they have left, at whatever call comes next.
            owedBytes = Math.clamp(bytes - given, 0, retiredBytes);
        }
        releaseLeaving();
        return given;
    }

    private @Nullable BlockCacheSegment anyVictim() {
        BlockCacheSegment victim = partial.pollFirst();
        if (victim == null) {
            victim = nextVictim();
        }
        if (victim == null) {
            for (Queue queue : Queue.values()) {
                closeOpen(queue);
            }
            victim = nextVictim();
        }
        return victim;
    }

    /** Takes a segment out of the books; its memory is released when no lock is held. */
    private void leave(BlockCacheSegment segment) {
        if (segment.use == MemoryUse.CACHE) {
            cacheBytes -= segment.bytes;
        } else {
            transientBytes -= segment.bytes;
        }
        leftBytes += segment.bytes;
        indexes.clear(segment.index);
        leaving.addLast(new Leaving(segment.block, segment.use));
    }

    private void releaseLeaving() {
        while (true) {
            Leaving next;
            synchronized (this) {
                next = leaving.pollFirst();
            }
            if (next == null) {
                return;
            }
            account.release(next.use, next.block);
        }
    }

    void addTableBytes(long bytes) {
        tableBytes.addAndGet(bytes);
    }

    /** Takes memory of a table that no new reader finds; readers inside may still look at it. */
    synchronized void retireMemory(NativeBlock block) {
        retiredMemory.addLast(new RetiredMemory(block, epochs.retire()));
    }

    long heldBytes() {
        synchronized (this) {
            return cacheBytes + tableBytes.get();
        }
    }

    synchronized long transientBytes() {
        return transientBytes;
    }

    private void checkOpen() {
        if (closed) {
            throw closedException();
        }
    }

    static ClosedException closedException() {
        return new ClosedException("the block cache is closed: its database was");
    }

    /** Gives everything back. Nobody is inside an epoch or holds a pin, or will. */
    void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            for (Queue queue : Queue.values()) {
                closeOpen(queue);
                queues.get(queue.ordinal()).forEach(this::leave);
                queues.get(queue.ordinal()).clear();
            }
            for (ArrayDeque<BlockCacheSegment> each : List.of(free, partial, retired, transients)) {
                each.forEach(this::leave);
                each.clear();
            }
            retiredMemory.forEach(memory -> leaving.addLast(new Leaving(memory.block, MemoryUse.CACHE)));
            retiredMemory.clear();
        }
        releaseLeaving();
    }
}
