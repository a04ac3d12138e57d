package io.beachdb.memtable;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.KeyHash;
import io.beachdb.base.format.Keys;
import io.beachdb.base.memory.NativePool;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A sorted buffer of entries in native memory. Any number of threads add, find and walk at once, without locks; nothing
 * is allocated on the Java heap per entry or step.
 *
 * <p>A skiplist (Pugh, "Skip lists: a probabilistic alternative to balanced trees", 1990) whose nodes are pieces of 1-MiB
 * chunks, charged to a {@link MemoryAccount}. Entries are named by references: positive longs, valid until
 * {@link #close}; 0 is no entry. Whoever reads must be sure that nobody closes the memtable meanwhile (the engine's
 * epochs and counted views see to it); a touch after that is a {@link io.beachdb.base.ClosedException} or, in a race with the
 * close itself, an unspecified result; never a crash.
 */
public final class Memtable implements AutoCloseable {
    /*
     * M1  An entry never changes once linked; a newer value is a new entry. Only links change, each only to a node nearer
     *     by: nothing is ever unlinked.
     * M2  Each level is strictly ascending in internal order. So entries of one user key are adjacent, newest first.
     * M3  A node is linked from level 0 upwards, each level by one compare-and-set. So who meets a node on some level
     *     finds it on all below; and a bound met on one level is met again on the next, before the end of the list.
     * M4  Links are stored with release (the compare-and-set) and loaded with acquire: who sees a link sees the entry
     *     behind it, key, value and lower links (M1).
     * M5  height only grows. Tolerated race: a reader may use an old one. It then starts lower: slower, still correct.
     * M6  A key is in the filter before its entry is linked: whoever must see the entry is let through to it.
     * M7  A node's height follows from seed and sequence alone: no shared random state, and the same shape every time.
     */

    /**
     * Most bytes that an entry takes beside its key and value, on average over heights: the node, its further links (5 and a
     * third, see {@link #heightOf}), and up to 7 behind key and value each.
     */
    public static final int ENTRY_OVERHEAD_BYTES = 44;

    /** Levels, at most: enough for some hundred million entries, as each level has half of the one below. */
    static final int MAX_HEIGHT = 26;

    /** The list's head: a node without key that holds links only, the first piece of the first chunk. */
    static final int HEAD = EntryArena.plus(EntryArena.NONE, Node.towerBytes(MAX_HEIGHT));

    private static final int MAX_VALUE_BYTES = 1 << 30;
    private static final long MIN_FILTER_BYTES = 4096;
    private static final long MAX_FILTER_BYTES = 1 << 30;
    // A copy is one uninterrupted run to the virtual machine: a long one would hold up every thread's safepoint.
    private static final long COPY_BYTES = 4 * NativePool.CHUNK_BYTES;

    private static final VarHandle HEIGHT;

    static {
        try {
            HEIGHT = MethodHandles.lookup().findVarHandle(Memtable.class, "height", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    // Set once.
    private final EntryArena arena;
    private final MemorySegment headMemory;
    private final long seed;
    private final @Nullable KeyFilter filter;
    private final Tally tally = new Tally();
    // Raised by compare-and-set, read by anyone: see M5.
    private volatile int height = 1;

    /**
     * Makes an empty memtable without a filter, which takes its first chunk at once.
     *
     * @param account charged under {@link io.beachdb.base.MemoryUse#MEMTABLE}, beyond its budget if need be: whoever adds
     *     has made sure that there is room
     * @param seed for the shape of the list
     */
    public Memtable(MemoryAccount account, long seed) {
        this(account, seed, 0);
    }

    /**
     * Makes an empty memtable with a filter, which spares {@link #find} the search for most absent keys.
     *
     * @param account charged under {@link io.beachdb.base.MemoryUse#MEMTABLE}, beyond its budget if need be: whoever adds
     *     has made sure that there is room
     * @param seed for the shape of the list
     * @param filterBytes rounded up to a power of two of at least 4096, charged too; 0 for no filter, at most 1 GiB. Two
     *     bytes for each entry expected keep 199 of 200 absent keys from being searched for: for entries of some 100 bytes
     *     that is a sixty-fourth of the memtable's size
     */
    public Memtable(MemoryAccount account, long seed, long filterBytes) {
        if (filterBytes < 0 || filterBytes > MAX_FILTER_BYTES) {
            throw new IllegalArgumentException("filter of " + filterBytes + " bytes, allowed 0 to " + MAX_FILTER_BYTES);
        }
        this.arena = new EntryArena(account);
        this.seed = seed;
        try {
            filter = filterBytes == 0
                    ? null
                    : new KeyFilter(arena.memory(arena.allocateOwn(roundUpFilter(filterBytes))));
            arena.allocate(Node.bytes(MAX_HEIGHT, 0), 0);
        } catch (Throwable e) {
            arena.close(); // the caller will never have a memtable to close
            throw e;
        }
        headMemory = arena.memory(HEAD);
        for (int level = 0; level < MAX_HEIGHT; level++) {
            Node.initLink(headMemory, EntryArena.offset(HEAD), level, EntryArena.NONE);
        }
    }

    private static long roundUpFilter(long bytes) {
        return bytes <= MIN_FILTER_BYTES ? MIN_FILTER_BYTES : Long.highestOneBit(bytes - 1) << 1;
    }

    /** Makes a place to remember where entries go in; see {@link Inserter}. */
    public Inserter newInserter() {
        return new Inserter();
    }

    /**
     * Adds an entry. Visible to every thread when this returns, to some before; always whole. If it throws, nothing was
     * added.
     *
     * @param inserter the calling thread's own; may come from another memtable
     * @param key native memory, read during the call only
     * @param keyLength 0 to {@link Keys#MAX_KEY_BYTES}
     * @param trailer sequence and kind; no other entry of this user key has the same
     * @param valueLength 0 to 1 GiB
     * @throws IllegalArgumentException if a length is out of bounds or the internal key is there already
     * @throws io.beachdb.base.ClosedException if the memtable is closed
     */
    public void add(
            Inserter inserter,
            MemorySegment key,
            long keyOffset,
            int keyLength,
            long trailer,
            MemorySegment value,
            long valueOffset,
            long valueLength) {
        checkLengths(keyLength, valueLength);
        long keyHash = filter == null ? 0 : KeyHash.hash(key, keyOffset, keyLength);
        add(inserter, key, keyOffset, keyLength, keyHash, trailer, value, valueOffset, valueLength);
    }

    /**
     * Adds an entry as {@link #add(Inserter, MemorySegment, long, int, long, MemorySegment, long, long)} does.
     *
     * @param keyHash the key's {@link KeyHash}, which the caller has at hand
     */
    public void add(
            Inserter inserter,
            MemorySegment key,
            long keyOffset,
            int keyLength,
            long keyHash,
            long trailer,
            MemorySegment value,
            long valueOffset,
            long valueLength) {
        checkLengths(keyLength, valueLength);
        arena.checkOpen();
        inserter.begin(this);
        bracket(inserter, key, keyOffset, keyLength, trailer);

        int nodeHeight = heightOf(InternalKeys.sequence(trailer));
        long pair = arena.allocate(Node.bytes(nodeHeight, keyLength), valueLength);
        int node = EntryArena.plus(EntryArena.nodeOf(pair), Node.towerBytes(nodeHeight));
        int valueAt = EntryArena.valueOf(pair);
        MemorySegment memory = arena.memory(node);
        long at = EntryArena.offset(node);
        Node.write(memory, at, key, keyOffset, keyLength, trailer, valueAt, (int) valueLength);
        copy(value, valueOffset, arena.memory(valueAt), EntryArena.offset(valueAt), valueLength);

        if (filter != null) {
            filter.add(keyHash);
        }
        for (int level = 0; level < nodeHeight; level++) {
            link(inserter, level, node, memory, at, key, keyOffset, keyLength, trailer);
        }
        if (nodeHeight > height) {
            raiseHeight(nodeHeight);
        }
        inserter.end(this);
        tally.add(inserter.stripe, trailer);
    }

    private static void checkLengths(int keyLength, long valueLength) {
        if (keyLength < 0 || keyLength > Keys.MAX_KEY_BYTES) {
            throw new IllegalArgumentException("key of " + keyLength + " bytes, allowed 0 to " + Keys.MAX_KEY_BYTES);
        }
        if (valueLength < 0 || valueLength > MAX_VALUE_BYTES) {
            throw new IllegalArgumentException("value of " + valueLength + " bytes, allowed 0 to " + MAX_VALUE_BYTES);
        }
    }

    private static void copy(MemorySegment from, long fromOffset, MemorySegment to, long toOffset, long length) {
        for (long done = 0; done < length; done += COPY_BYTES) {
            MemorySegment.copy(from, fromOffset + done, to, toOffset + done, Math.min(COPY_BYTES, length - done));
        }
    }

    private void raiseHeight(int wanted) {
        int seen = height;
        while (seen < wanted && !HEIGHT.compareAndSet(this, seen, wanted)) {
            seen = height;
        }
    }

    /** Returns the levels of the node with this sequence: 1, and each further one with probability one half. */
    int heightOf(long sequence) {
        // One half, not the usual quarter: a search then meets a fifth fewer nodes, and fetching them from memory is
        // what it costs (measured: 13 % off a get). The price is 3 bytes of links per entry.
        // The finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
        long mixed = seed + sequence * 0x9E3779B97F4A7C15L;
        mixed = (mixed ^ mixed >>> 30) * 0xBF58476D1CE4E5B9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94D049BB133111EBL;
        mixed ^= mixed >>> 31;
        return 1 + Long.numberOfTrailingZeros(mixed | 1L << (MAX_HEIGHT - 1));
    }

    /**
     * Makes the inserter's before and after enclose the given key on every level, starting from what it remembers.
     *
     * <p>A remembered pair may be used if nothing came between the two (after is still the link of before) and the key
     * belongs between. Then the pairs above enclose the key too: their nodes are on this level as well (M3), so none of
     * them lies between the two. The levels are tried in growing steps: a key far away is soon known to be so.
     */
    private void bracket(Inserter inserter, MemorySegment key, long keyOffset, int keyLength, long trailer) {
        int top = height;
        int level = 0;
        while (level < top && !encloses(inserter, level, key, keyOffset, keyLength, trailer)) {
            level = 2 * level + 3;
        }
        if (level >= top) {
            level = top;
            inserter.before[top] = HEAD;
            inserter.after[top] = EntryArena.NONE;
        }
        int before = inserter.before[level];
        int after = inserter.after[level];
        while (--level >= 0) {
            seekLevel(inserter, level, before, after, key, keyOffset, keyLength, trailer);
            before = inserter.before[level];
            after = inserter.after[level];
        }
    }

    private boolean encloses(
            Inserter inserter, int level, MemorySegment key, long keyOffset, int keyLength, long trailer) {
        int before = inserter.before[level];
        int after = inserter.after[level];
        return Node.link(arena.memory(before), EntryArena.offset(before), level) == after
                && (before == HEAD || compare(before, key, keyOffset, keyLength, trailer) < 0)
                && (after == EntryArena.NONE || compare(after, key, keyOffset, keyLength, trailer) > 0);
    }

    /** Walks one level from {@code before} on, up to the key; {@code bound} is a later node known not to be before it. */
    private void seekLevel(
            Inserter inserter,
            int level,
            int before,
            int bound,
            MemorySegment key,
            long keyOffset,
            int keyLength,
            long trailer) {
        int at = before;
        while (true) {
            int next = Node.link(arena.memory(at), EntryArena.offset(at), level);
            if (next != bound) {
                int order = compare(next, key, keyOffset, keyLength, trailer);
                if (order < 0) {
                    at = next;
                    continue;
                }
                if (order == 0) {
                    throw new IllegalArgumentException("sequence " + InternalKeys.sequence(trailer)
                            + " is in the memtable already, with the same user key and kind");
                }
            }
            inserter.before[level] = at;
            inserter.after[level] = next;
            return;
        }
    }

    private void link(
            Inserter inserter,
            int level,
            int node,
            MemorySegment memory,
            long at,
            MemorySegment key,
            long keyOffset,
            int keyLength,
            long trailer) {
        while (true) {
            int before = inserter.before[level];
            int after = inserter.after[level];
            Node.initLink(memory, at, level, after);
            if (Node.casLink(arena.memory(before), EntryArena.offset(before), level, after, node)) {
                inserter.before[level] = node;
                return;
            }
            // Another thread's entry came between. It is after `before`, so go on from there.
            seekLevel(inserter, level, before, EntryArena.NONE, key, keyOffset, keyLength, trailer);
        }
    }

    private int compare(int node, MemorySegment key, long keyOffset, int keyLength, long trailer) {
        return Node.compare(arena.memory(node), EntryArena.offset(node), key, keyOffset, keyLength, trailer);
    }

    /**
     * Finds the newest entry of exactly this user key that is not newer than {@code seekTrailer}.
     *
     * @param key native memory, read during the call only
     * @param seekTrailer see {@link InternalKeys#seekTrailer}
     * @return the entry, or 0
     */
    public long find(MemorySegment key, long keyOffset, int keyLength, long seekTrailer) {
        return filter == null
                ? search(key, keyOffset, keyLength, seekTrailer)
                : find(key, keyOffset, keyLength, KeyHash.hash(key, keyOffset, keyLength), seekTrailer);
    }

    /**
     * Finds an entry as {@link #find(MemorySegment, long, int, long)} does.
     *
     * @param keyHash the key's {@link KeyHash}, which the caller has at hand
     */
    public long find(MemorySegment key, long keyOffset, int keyLength, long keyHash, long seekTrailer) {
        if (filter != null) {
            arena.checkOpen();
            if (!filter.mayContain(keyHash)) {
                return 0;
            }
        }
        return search(key, keyOffset, keyLength, seekTrailer);
    }

    private long search(MemorySegment key, long keyOffset, int keyLength, long seekTrailer) {
        int node = findAtOrAfter(key, keyOffset, keyLength, seekTrailer);
        if (node == EntryArena.NONE
                || !Node.hasKey(arena.memory(node), EntryArena.offset(node), key, keyOffset, keyLength)) {
            return 0;
        }
        return Integer.toUnsignedLong(node);
    }

    /** Returns the first node at or after an internal key, or NONE. */
    int findAtOrAfter(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        arena.checkOpen();
        MemorySegment memory = headMemory;
        long at = EntryArena.offset(HEAD);
        int bound = EntryArena.NONE;
        for (int level = height - 1; level >= 0; level--) {
            int next = Node.link(memory, at, level);
            while (next != bound) {
                MemorySegment nextMemory = arena.memory(next);
                long nextAt = EntryArena.offset(next);
                if (Node.compare(nextMemory, nextAt, key, keyOffset, keyLength, trailer) >= 0) {
                    bound = next;
                    break;
                }
                memory = nextMemory;
                at = nextAt;
                next = Node.link(memory, at, level);
            }
        }
        return bound;
    }

    /** Returns the last node before an internal key among those on a level, or the head. */
    int findBefore(MemorySegment key, long keyOffset, int keyLength, long trailer, int lowest) {
        arena.checkOpen();
        int node = HEAD;
        int bound = EntryArena.NONE;
        for (int level = height - 1; level >= lowest; level--) {
            int next = Node.link(arena.memory(node), EntryArena.offset(node), level);
            while (next != bound) {
                if (compare(next, key, keyOffset, keyLength, trailer) >= 0) {
                    bound = next;
                    break;
                }
                node = next;
                next = Node.link(arena.memory(node), EntryArena.offset(node), level);
            }
        }
        return node;
    }

    /** Returns the first node, or NONE. */
    int findFirst() {
        arena.checkOpen();
        return Node.link(headMemory, EntryArena.offset(HEAD), 0);
    }

    /** Returns the last node, or the head. */
    int findLast() {
        arena.checkOpen();
        int node = HEAD;
        for (int level = height - 1; level >= 0; level--) {
            int next = Node.link(arena.memory(node), EntryArena.offset(node), level);
            while (next != EntryArena.NONE) {
                node = next;
                next = Node.link(arena.memory(node), EntryArena.offset(node), level);
            }
        }
        return node;
    }

    /** Returns the memory that holds an entry's user key. */
    public MemorySegment keyMemory(long entry) {
        return arena.memory((int) entry);
    }

    /** Returns where the user key begins in {@link #keyMemory}. */
    public long keyOffset(long entry) {
        return Node.keyOffset(EntryArena.offset((int) entry));
    }

    /** Returns the length of an entry's user key. */
    public int keyLength(long entry) {
        return Node.keyLength(arena.memory((int) entry), EntryArena.offset((int) entry));
    }

    /** Returns an entry's sequence and kind, see {@link InternalKeys}. */
    public long trailer(long entry) {
        return Node.trailer(arena.memory((int) entry), EntryArena.offset((int) entry));
    }

    /** Returns the memory that holds an entry's value. */
    public MemorySegment valueMemory(long entry) {
        return arena.memory(value((int) entry));
    }

    /** Returns where the value begins in {@link #valueMemory}. */
    public long valueOffset(long entry) {
        return EntryArena.offset(value((int) entry));
    }

    /** Returns the length of an entry's value. */
    public long valueLength(long entry) {
        return Node.valueLength(arena.memory((int) entry), EntryArena.offset((int) entry));
    }

    private int value(int node) {
        return Node.value(arena.memory(node), EntryArena.offset(node));
    }

    /** Returns the levels that searches go down by. */
    int height() {
        return height;
    }

    MemorySegment memory(int node) {
        return arena.memory(node);
    }

    /**
     * Makes a cursor over all entries. It sees those that were there when it was positioned; those added later, or not,
     * each whole.
     */
    public EntryCursor cursor() {
        return new MemtableCursor(this);
    }

    /** Returns whether no entry is linked. */
    public boolean isEmpty() {
        return findFirst() == EntryArena.NONE;
    }

    /** Returns the entries whose {@link #add} has returned, tombstones included. */
    public long entries() {
        return tally.entries();
    }

    /** Returns the tombstones among {@link #entries}. */
    public long tombstones() {
        return tally.tombstones();
    }

    /** Returns the smallest sequence among {@link #entries}, {@link InternalKeys#MAX_SEQUENCE} if there are none. */
    public long smallestSequence() {
        return tally.smallestSequence();
    }

    /** Returns the largest sequence among {@link #entries}, 0 if there are none. */
    public long largestSequence() {
        return tally.largestSequence();
    }

    /** Returns the bytes that entries and the filter take: what decides when to rotate. 0 once closed. */
    public long usedBytes() {
        return arena.usedBytes();
    }

    /** Returns the bytes charged to the account: {@link #usedBytes} and what is left in chunks. 0 once closed. */
    public long chargedBytes() {
        return arena.chargedBytes();
    }

    /** Gives the memory back. Nobody may be reading or adding. Closing twice is harmless. */
    @Override
    public void close() {
        arena.close();
    }
}
