package io.beachdb.db;

import java.util.concurrent.atomic.AtomicInteger;

/** Knows whether the calling thread is inside foreign code that the engine called, where it must not wait for the engine. */
final class Callbacks {
    private final AtomicInteger running = new AtomicInteger();
    private final ThreadLocal<int[]> depth = ThreadLocal.withInitial(() -> new int[1]);

    void enter() {
        running.incrementAndGet();
        depth.get()[0]++;
    }

    void exit() {
        if (--depth.get()[0] == 0) {
            depth.remove();
        }
        running.decrementAndGet();
    }

    /** Returns whether no foreign code is running. */
    boolean isNone() {
        return running.get() == 0;
    }

    /** Refuses an operation that may wait. The common case, no callback anywhere, is one load. */
    void checkOutside(String operation) {
        if (running.get() == 0) {
            return;
        }
        boolean inside = depth.get()[0] > 0;
        if (!inside) {
            depth.remove();
            return;
        }
        throw new IllegalStateException(operation
                + " may wait and was called inside a view or listener callback. Call it after the callback returned.");
    }
}
