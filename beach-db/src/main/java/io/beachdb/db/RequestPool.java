package io.beachdb.db;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Idle write requests: a writer takes one, mostly the one it had last, and gives it back. No lock, no allocation. */
final class RequestPool {
    private static final int SLOTS = 32;
    private static final int STRIDE = 16; // references to a cache line or two

    private final AtomicReferenceArray<@Nullable WriteRequest> idle = new AtomicReferenceArray<>(SLOTS * STRIDE);
    private final Supplier<WriteRequest> factory;
    private volatile boolean closed;

    RequestPool(Supplier<WriteRequest> factory) {
        this.factory = factory;
    }

    WriteRequest take() {
        int start = (int) Thread.currentThread().threadId();
        for (int i = 0; i < SLOTS; i++) {
            int at = (start + i & SLOTS - 1) * STRIDE;
            if (idle.getPlain(at) != null) {
                WriteRequest found = idle.getAndSet(at, null);
                if (found != null) {
                    return found;
                }
            }
        }
        return factory.get();
    }

    void giveBack(WriteRequest request) {
        request.trim();
        if (closed) {
            request.free();
            return;
        }
        int start = (int) Thread.currentThread().threadId();
        for (int i = 0; i < SLOTS; i++) {
            int at = (start + i & SLOTS - 1) * STRIDE;
            if (idle.getPlain(at) == null && idle.compareAndSet(at, null, request)) {
                return;
            }
        }
        request.free();
    }

    /** Frees what is idle, now and from now on. */
    void free() {
        closed = true;
        for (int i = 0; i < SLOTS; i++) {
            WriteRequest found = idle.getAndSet(i * STRIDE, null);
            if (found != null) {
                found.free();
            }
        }
    }
}
