package io.beachdb.base.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Native memory in blocks, reused rather than freed: sizes up to {@link #CHUNK_BYTES} are rounded up to a power of two
 * and cut from slabs that live as long as the pool; larger ones get an arena of their own, closed in the background
 * when they are released, because closing a shared arena stalls every busy thread.
 *
 * <p>The pool does not account: whoever takes a block charges it to a memory account. Since freed blocks are used again
 * before new ones are made, the pool's size follows the peak of what was charged.
 *
 * <p>Blocks are zero when fresh and hold old bytes when reused. After {@link #close} a touch of any block's memory is an
 * {@link IllegalStateException}, never a crash.
 */
public final class NativePool implements AutoCloseable {
    /** Largest size that is pooled; also the unit in which memtables and the block cache grow. */
    public static final int CHUNK_BYTES = 1 << 20;

    private static final int SMALLEST_SHIFT = 12;
    private static final int CHUNK_SHIFT = 20;
    private static final int SLAB_BYTES = 4 * CHUNK_BYTES;
    private static final int HUGE_PAGE_BYTES = 2 << 20;

    // Set once.
    private final Consumer<Arena> closer;

    // Guarded by this.
    private final List<ArrayDeque<NativeBlock>> free = new ArrayList<>();
    private final List<Arena> slabs = new ArrayList<>();
    private final Set<Arena> large = Collections.newSetFromMap(new IdentityHashMap<>());
    private long slabBytes;
    private long largeBytes;
    private boolean closed;

    /** @param closer closes arenas, not on the thread that releases, and when no system call holds them any more */
    public NativePool(Consumer<Arena> closer) {
        this.closer = closer;
        for (int shift = SMALLEST_SHIFT; shift <= CHUNK_SHIFT; shift++) {
            free.add(new ArrayDeque<>());
        }
    }

    /** Returns the size of the block that {@code acquire(bytes)} gives: what its taker charges. */
    public static long roundUp(long bytes) {
        if (bytes > CHUNK_BYTES) {
            return bytes;
        }
        return bytes <= 1 << SMALLEST_SHIFT ? 1 << SMALLEST_SHIFT : Long.highestOneBit(bytes - 1) << 1;
    }

    /**
     * Takes a block of at least {@code bytes}, aligned to 64 bytes or better.
     *
     * @throws IllegalStateException if the pool is closed
     */
    public NativeBlock acquire(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("bytes is " + bytes + ", allowed 0 and more");
        }
        if (bytes > CHUNK_BYTES) {
            return acquireLarge(bytes);
        }
        int shift = 63 - Long.numberOfLeadingZeros(roundUp(bytes));
        synchronized (this) {
            checkOpen();
            return take(shift);
        }
    }

    private NativeBlock take(int shift) {
        NativeBlock block = free.get(shift - SMALLEST_SHIFT).pollFirst();
        if (block != null) {
            block.taken();
            return block;
        }
        if (shift == CHUNK_SHIFT) {
            addSlab();
            return take(shift);
        }
        // Split a chunk into blocks of this size; the parts are never joined again.
        NativeBlock chunk = take(CHUNK_SHIFT);
        int bytes = 1 << shift;
        for (long offset = 0; offset < CHUNK_BYTES; offset += bytes) {
            free.get(shift - SMALLEST_SHIFT)
                    .addLast(new NativeBlock(this, chunk.memory().asSlice(offset, bytes), null));
        }
        return take(shift);
    }

    private void addSlab() {
        Arena arena = Arena.ofShared();
        MemorySegment slab;
        try {
            slab = arena.allocate(SLAB_BYTES, HUGE_PAGE_BYTES);
        } catch (Throwable refused) {
            arena.close();
            throw refused;
        }
        slabs.add(arena);
        slabBytes += SLAB_BYTES;
        for (long offset = 0; offset < SLAB_BYTES; offset += CHUNK_BYTES) {
            free.get(CHUNK_SHIFT - SMALLEST_SHIFT)
                    .addLast(new NativeBlock(this, slab.asSlice(offset, CHUNK_BYTES), null));
        }
    }

    private NativeBlock acquireLarge(long bytes) {
        synchronized (this) {
            checkOpen();
        }
        Arena arena = Arena.ofShared();
        MemorySegment memory;
        try {
            memory = arena.allocate(bytes, 64);
        } catch (Throwable refused) {
            arena.close();
            throw refused;
        }
        synchronized (this) {
            if (!closed) {
                largeBytes += bytes;
                large.add(arena);
                return NativeBlock.takenFrom(this, memory, arena);
            }
        }
        arena.close();
        throw closedException();
    }

    void giveBack(NativeBlock block) {
        Arena own = block.ownArena();
        if (own != null) {
            synchronized (this) {
                if (!large.remove(own)) {
                    return; // closed with the pool
                }
                largeBytes -= block.bytes();
            }
            closer.accept(own);
            return;
        }
        synchronized (this) {
            if (!closed) {
                int shift = 63 - Long.numberOfLeadingZeros(block.bytes());
                free.get(shift - SMALLEST_SHIFT).addFirst(block);
            }
        }
    }

    /** Returns the bytes of native memory this pool holds from the system, in use or idle. */
    public synchronized long heldBytes() {
        return slabBytes + largeBytes;
    }

    private void checkOpen() {
        if (closed) {
            throw closedException();
        }
    }

    private static IllegalStateException closedException() {
        return new IllegalStateException("the memory pool is closed");
    }

    /** Frees everything, in the background. Blocks still in use become inaccessible. */
    @Override
    public void close() {
        List<Arena> arenas;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            arenas = new ArrayList<>(slabs);
            arenas.addAll(large);
            slabs.clear();
            large.clear();
            slabBytes = 0;
            largeBytes = 0;
            free.forEach(ArrayDeque::clear);
        }
        arenas.forEach(closer);
    }
}
