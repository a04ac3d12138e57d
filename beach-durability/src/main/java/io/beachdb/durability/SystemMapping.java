package io.beachdb.durability;

import io.beachdb.base.Scheduler;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/** A real mapping. Unmapped in the background: closing a shared arena stalls every busy thread. */
final class SystemMapping implements VfsMapping {
    private final Arena arena;
    private final MemorySegment mapped;
    private final AtomicBoolean closed = new AtomicBoolean();

    SystemMapping(Arena arena, MemorySegment mapped) {
        this.arena = arena;
        this.mapped = mapped;
    }

    @Override
    public void put(long position, MemorySegment source, long at, long length) throws IOException {
        try {
            MemorySegment.copy(source, at, mapped, position, length);
        } catch (InternalError fault) {
            // The JVM's form of a bus error: the page could not be brought in or given a block.
            throw new IOException("a store to the mapped file faulted", fault);
        }
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            Scheduler.system().execute("unmap", arena::close);
        }
    }
}
