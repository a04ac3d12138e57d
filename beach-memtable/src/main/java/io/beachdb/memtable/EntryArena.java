package io.beachdb.memtable;

import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.base.memory.NativePool;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The native memory of one memtable: hands out pieces to many threads at once, addressed by 4-byte references, and gives
 * everything back at once when it is closed.
 */
final class EntryArena {
    /*
     * A1  A reference is the index of a chunk (15 bits) above the offset in it divided by eight (17 bits). Pieces start at
     *     multiples of eight; reference 0, the first bytes of the first chunk, is never handed out.
     * A2  A piece is never moved, and never freed but with all others.
     * A3  Nodes grow up from the bottom of a chunk, values down from its top, so that nodes lie close together: a search
     *     touches nodes only, and finds several times as many of them in the processor's caches. A chunk is full when
     *     both meet.
     * A4  A piece larger than half a chunk has a block of its own, as one more chunk with offset 0.
     * A5  chunks[i] is stored before any reference into chunk i exists. References travel by release and acquire, and
     *     chunks is loaded after the reference, so whoever holds a reference finds its chunk.
     * The account is charged outside the monitor, since that may call caches to shrink. Two threads that find a chunk full
     * may so both bring the next one; the second gives its own back.
     */
    static final int NONE = 0;

    /** What one chunk of the pool can hold of a single piece. */
    static final int LARGEST_SHARED_BYTES = NativePool.CHUNK_BYTES / 2;

    private static final int INDEX_SHIFT = 17;
    private static final int OFFSET_MASK = (1 << INDEX_SHIFT) - 1;
    private static final int MAX_CHUNKS = 1 << 15;
    private static final int FIRST_CHUNKS = 72; // what a write buffer of the usual 64 MiB takes
    private static final MemorySegment[] NO_CHUNKS = new MemorySegment[0];

    // Set once.
    private final MemoryAccount account;
    // Guarded by this.
    private final List<NativeBlock> blocks = new ArrayList<>(FIRST_CHUNKS);
    // Replaced under this, read by anyone.
    private volatile MemorySegment[] chunks = NO_CHUNKS; // doubled by copy; used slots never change
    private volatile @Nullable Shared current; // null once closed
    private volatile long ownUsedBytes; // in blocks of one piece
    private volatile long usedInFull; // in chunks before the current one; stored before that
    private volatile long chargedBytes;

    /** Takes the first chunk. */
    EntryArena(MemoryAccount account) {
        this.account = account;
        replace(null);
    }

    /** Returns the memory that {@code reference} points into. */
    MemorySegment memory(int reference) {
        MemorySegment[] table = chunks;
        int index = reference >>> INDEX_SHIFT;
        if (index >= table.length) {
            throw closed(); // by A5 only then
        }
        return table[index];
    }

    /** Returns where in {@link #memory} the piece begins. */
    static long offset(int reference) {
        return (long) (reference & OFFSET_MASK) << 3;
    }

    /** Returns the reference of {@code bytes} (a multiple of eight) after {@code reference}, in the same piece. */
    static int plus(int reference, int bytes) {
        return reference + (bytes >>> 3);
    }

    /** Returns the node's reference of what {@link #allocate} returned. */
    static int nodeOf(long pair) {
        return (int) (pair >>> 32);
    }

    /** Returns the value's reference of what {@link #allocate} returned. */
    static int valueOf(long pair) {
        return (int) pair;
    }

    /**
     * Hands out a piece for a node and, unless {@code valueBytes} is 0, one for its value. What they hold is left over from
     * earlier uses.
     *
     * @return both references, see {@link #nodeOf} and {@link #valueOf}; a reference is {@link #NONE} for an empty value
     * @throws ClosedException if the arena is closed
     */
    long allocate(int nodeBytes, long valueBytes) {
        int node = nodeBytes > LARGEST_SHARED_BYTES ? allocateOwn(nodeBytes) : NONE;
        int value = valueBytes > LARGEST_SHARED_BYTES ? allocateOwn(valueBytes) : NONE;
        int sharedNodeBytes = node == NONE ? roundUp(nodeBytes) : 0;
        int sharedValueBytes = value == NONE ? roundUp((int) valueBytes) : 0;
        if ((sharedNodeBytes | sharedValueBytes) != 0) {
            while (true) {
                Shared chunk = current();
                long before = chunk.reserve(sharedNodeBytes, sharedValueBytes);
                if (before != Shared.FULL) {
                    node = sharedNodeBytes == 0 ? node : chunk.reference(Shared.nodeEnd(before));
                    value = sharedValueBytes == 0
                            ? value
                            : chunk.reference(Shared.valueStart(before) - sharedValueBytes);
                    break;
                }
                replace(chunk);
            }
        }
        return (long) node << 32 | Integer.toUnsignedLong(value);
    }

    private static int roundUp(int bytes) {
        return (bytes + 7) & ~7;
    }

    /** Hands out a piece with a block of its own. */
    int allocateOwn(long bytes) {
        NativeBlock block = account.acquire(MemoryUse.MEMTABLE, bytes);
        int index;
        synchronized (this) {
            index = installLocked(block);
            if (index >= 0) {
                ownUsedBytes += bytes;
            }
        }
        if (index < 0) {
            account.release(MemoryUse.MEMTABLE, block);
            throw refused(index);
        }
        return index << INDEX_SHIFT;
    }

    /** Makes a fresh chunk current, unless another thread did already; {@code full} is the one it is to follow. */
    private void replace(@Nullable Shared full) {
        NativeBlock block = account.acquire(MemoryUse.MEMTABLE, NativePool.CHUNK_BYTES);
        int index = 0;
        boolean late;
        synchronized (this) {
            late = current != full;
            if (!late) {
                index = installLocked(block);
                if (index >= 0) {
                    long before = usedInFull;
                    usedInFull = before + (full == null ? 0 : full.seal());
                    current = new Shared(index);
                }
            }
        }
        if (late || index < 0) {
            account.release(MemoryUse.MEMTABLE, block);
        }
        if (index < 0) {
            throw refused(index);
        }
    }

    private static final int CLOSED = -1;
    private static final int TOO_MANY = -2;

    private int installLocked(NativeBlock block) {
        int index = blocks.size();
        if (index > 0 && current == null) {
            return CLOSED;
        }
        if (index == MAX_CHUNKS) {
            return TOO_MANY;
        }
        MemorySegment[] table = chunks;
        if (index == table.length) {
            table = Arrays.copyOf(table, Math.max(FIRST_CHUNKS, index * 2));
        }
        table[index] = block.memory();
        chunks = table;
        blocks.add(block);
        long charged = chargedBytes;
        chargedBytes = charged + block.bytes();
        return index;
    }

    private static RuntimeException refused(int why) {
        return why == CLOSED
                ? closed()
                : new IllegalStateException(
                        "a memtable has " + MAX_CHUNKS + " blocks of memory, which is all it can address");
    }

    private Shared current() {
        Shared chunk = current;
        if (chunk == null) {
            throw closed();
        }
        return chunk;
    }

    /** Throws {@link ClosedException} if the arena is closed. */
    void checkOpen() {
        if (current == null) {
            throw closed();
        }
    }

    static ClosedException closed() {
        return new ClosedException("the memtable was closed: Memtable.close gave its memory back");
    }

    /** Returns the bytes handed out; never less than what is in entries that are linked. */
    long usedBytes() {
        Shared chunk = current; // first: a chunk that fills up meanwhile counts twice for a moment, never not at all
        return chunk == null ? 0 : chunk.usedBytes() + usedInFull + ownUsedBytes;
    }

    /** Returns the bytes charged to the account. */
    long chargedBytes() {
        return chargedBytes;
    }

    /** Gives all memory back. Closing twice is harmless. */
    void close() {
        List<NativeBlock> released;
        synchronized (this) {
            if (current == null) {
                return;
            }
            current = null;
            chunks = NO_CHUNKS;
            ownUsedBytes = 0;
            chargedBytes = 0;
            released = List.copyOf(blocks);
            // The list itself stays filled: it marks, for installLocked, an arena that had a chunk and has none now.
        }
        for (NativeBlock block : released) {
            account.release(MemoryUse.MEMTABLE, block);
        }
    }

    /** A chunk that many pieces share. */
    private static final class Shared {
        static final long FULL = -1;

        /** Nodes end, and values start, at 0: there is no room for anything. */
        private static final long SEALED = 0;

        private static final VarHandle STATE;

        static {
            try {
                STATE = MethodHandles.lookup().findVarHandle(Shared.class, "state", long.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        private final int index;

        // Where the lowest value starts, above where the last node ends.
        private volatile long state;

        Shared(int index) {
            this.index = index;
            this.state = (long) NativePool.CHUNK_BYTES << 32;
        }

        static int nodeEnd(long state) {
            return (int) state;
        }

        static int valueStart(long state) {
            return (int) (state >>> 32);
        }

        /** Reserves both; returns the state before, or {@link #FULL}. A refusal leaves no trace, so usedBytes is exact. */
        long reserve(int nodeBytes, int valueBytes) {
            while (true) {
                long before = state;
                int nodeEnd = nodeEnd(before) + nodeBytes;
                int valueStart = valueStart(before) - valueBytes;
                if (nodeEnd > valueStart) {
                    return FULL;
                }
                if (STATE.compareAndSet(this, before, (long) valueStart << 32 | nodeEnd)) {
                    return before;
                }
            }
        }

        /** Hands out nothing more, also not to a thread that took this for the current chunk; returns the bytes handed out. */
        long seal() {
            return usedBytes((long) STATE.getAndSet(this, SEALED));
        }

        int reference(int offset) {
            return index << INDEX_SHIFT | offset >>> 3;
        }

        /** Returns the bytes handed out; the whole chunk once it is sealed. */
        long usedBytes() {
            return usedBytes(state);
        }

        private static long usedBytes(long state) {
            return (long) nodeEnd(state) + NativePool.CHUNK_BYTES - valueStart(state);
        }
    }
}
