package io.beachdb.base.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** A piece of native memory taken from a {@link NativePool}, owned by its taker until {@link #release}. */
public final class NativeBlock {
    private final NativePool pool;
    private final MemorySegment memory;
    private final @Nullable Arena ownArena;
    private @Nullable ByteBuffer view;
    private boolean inUse;

    NativeBlock(NativePool pool, MemorySegment memory, @Nullable Arena ownArena) {
        this.pool = pool;
        this.memory = memory;
        this.ownArena = ownArena;
    }

    static NativeBlock takenFrom(NativePool pool, MemorySegment memory, Arena ownArena) {
        NativeBlock block = new NativeBlock(pool, memory, ownArena);
        block.taken();
        return block;
    }

    void taken() {
        if (inUse) {
            throw new AssertionError("a native block was handed out twice");
        }
        inUse = true;
    }

    /** Returns the whole memory of the block. */
    public MemorySegment memory() {
        return memory;
    }

    /** Returns the size of the block. */
    public long bytes() {
        return memory.byteSize();
    }

    /**
     * Returns a buffer over the whole block, for the JDK calls that take only buffers: always the same one, so that no
     * call allocates. Its position and limit belong to the block's owner. At most 2 GiB - 1.
     */
    public ByteBuffer view() {
        ByteBuffer buffer = view;
        if (buffer == null) {
            buffer = memory.asByteBuffer();
            view = buffer;
        }
        return buffer;
    }

    @Nullable
    Arena ownArena() {
        return ownArena;
    }

    /** Gives the memory back. Exactly once, by the owner; the memory must not be touched afterwards. */
    public void release() {
        if (!inUse) {
            throw new AssertionError("a native block was released twice");
        }
        inUse = false;
        pool.giveBack(this);
    }
}
