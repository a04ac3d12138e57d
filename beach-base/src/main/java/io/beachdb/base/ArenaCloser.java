package io.beachdb.base;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Closes what the pools of this JVM have no use for, one after the other, on one thread in the background: each close of a shared
 * arena stops every thread for a moment, and many at once would hold up each other.
 */
final class ArenaCloser implements Executor {
    static final ArenaCloser INSTANCE = new ArenaCloser();

    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean running = new AtomicBoolean();

    private ArenaCloser() {}

    @Override
    public void execute(Runnable task) {
        tasks.add(task);
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
            for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
                task.run();
            }
        } finally {
            running.set(false);
        }
        if (!tasks.isEmpty()) {
            start(); // it came between our last look and the end
        }
    }
}
