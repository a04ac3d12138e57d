package io.beachdb.db;

import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Idle write requests: a writer takes one, mostly the one it had last, and gives it back. No lock, no allocation. */
final class RequestPool {
    /*
     * R1  A writer takes its request before it asks whether the database is closing; a close says that it is before it
     *     waits for the requests. So at least one of the two sees the other, and no request is in use once the memory goes.
     */
    private static final int SLOTS = 32;
    private static final int STRIDE = 16; // references to a cache line or two
    private static final long POLL_NANOS = 1_000_000;

    private final AtomicReferenceArray<@Nullable WriteRequest> idle = new AtomicReferenceArray<>(SLOTS * STRIDE);
    private final Queue<WriteRequest> abandoned = new ConcurrentLinkedQueue<>();
    private final AtomicInteger made = new AtomicInteger(); // and neither freed nor abandoned
    private final Supplier<WriteRequest> factory;

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
        WriteRequest fresh = factory.get();
        made.incrementAndGet();
        return fresh;
    }

    void giveBack(WriteRequest request) {
        if (request.abandoned) {
            abandoned.add(request); // other writers still touch it: not to be used again, and kept while there are any
            made.decrementAndGet();
            return;
        }
        request.trim();
        int start = (int) Thread.currentThread().threadId();
        for (int i = 0; i < SLOTS; i++) {
            int at = (start + i & SLOTS - 1) * STRIDE;
            if (idle.getPlain(at) == null && idle.compareAndSet(at, null, request)) {
                return;
            }
        }
        free(request);
    }

    private void free(WriteRequest request) {
        request.free();
        made.decrementAndGet();
    }

    /** For a close: frees all requests, those in use once their writers have given them back. */
    void close(Scheduler scheduler, Signal progress) {
        while (!freeIdle()) {
            scheduler.await(progress, this::freeIdle, POLL_NANOS);
        }
        abandoned.forEach(WriteRequest::free);
    }

    /** Frees what is idle; returns whether nothing else is left. */
    private boolean freeIdle() {
        for (int i = 0; i < SLOTS; i++) {
            WriteRequest found = idle.getAndSet(i * STRIDE, null);
            if (found != null) {
                free(found);
            }
        }
        return made.get() == 0;
    }
}
