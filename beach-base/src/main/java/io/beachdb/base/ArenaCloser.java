package io.beachdb.base;

import java.lang.foreign.Arena;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * Closes what the pools of this JVM have no use for, one after the other, on one thread in the background: each close of a shared
 * arena stops every thread for a moment, and many at once would hold up each other.
 */
final class ArenaCloser implements Consumer<Arena> {
    static final ArenaCloser INSTANCE = new ArenaCloser();

    private static final long BUSY_NANOS = 1_000_000;

    private final Queue<Arena> arenas = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean running = new AtomicBoolean();

    private ArenaCloser() {}

    @Override
    public void accept(Arena arena) {
        arenas.add(arena);
        start();
    }

    private void start() {
        if (running.compareAndSet(false, true)) {
            boolean started = false;
            try {
                // The machine's own scheduler also under simulation: freeing memory has no effect that a simulated run
                // could see.
                Scheduler.system().execute("arena-close", this::run);
                started = true;
            } finally {
                if (!started) {
                    running.set(false); // no thread to be had: the next close takes this one's along
                }
            }
        }
    }

    private void run() {
        try {
            for (Arena arena = arenas.poll(); arena != null; arena = arenas.poll()) {
                close(arena);
            }
        } finally {
            running.set(false);
        }
        if (!arenas.isEmpty()) {
            start(); // it came between our last look and the end
        }
    }

    private void close(Arena arena) {
        try {
            arena.close();
        } catch (IllegalStateException busy) {
            // A system call holds it, for as long as it likes if it blocks: the others do not wait for that.
            Scheduler.system().after(BUSY_NANOS, "arena-close", () -> accept(arena));
        }
    }
}
