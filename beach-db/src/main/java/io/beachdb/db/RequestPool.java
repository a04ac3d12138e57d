package io.beachdb.db;

import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.BooleanSupplier;
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
    private static final long GIVE_UP_NANOS = 10_000_000_000L;

    private final AtomicReferenceArray<@Nullable WriteRequest> idle = new AtomicReferenceArray<>(SLOTS * STRIDE);
    private final AtomicReference<@Nullable WriteRequest> abandoned = new AtomicReference<>(); // newest first
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
            keepAbandoned(request);
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

    /** Other writers still touch it: it is not used again, and kept while there are any. Allocates nothing. */
    private void keepAbandoned(WriteRequest request) {
        WriteRequest head;
        do {
            head = abandoned.get();
            request.nextAbandoned = head;
        } while (!abandoned.compareAndSet(head, request));
        made.decrementAndGet();
    }

    private void free(WriteRequest request) {
        request.free();
        made.decrementAndGet();
    }

    /**
     * For a close: frees all requests, those in use once their writers have given them back.
     *
     * @param brokenOff whether no writer waits for anything any more: then those that are not back soon were lost to errors
     *     of the virtual machine, and so is their memory
     */
    void close(Scheduler scheduler, Signal progress, BooleanSupplier brokenOff) {
        long giveUpAt = scheduler.clock().nanoTime() + GIVE_UP_NANOS;
        while (!freeIdle()) {
            if (brokenOff.getAsBoolean() && scheduler.clock().nanoTime() > giveUpAt) {
                return;
            }
            scheduler.await(progress, this::freeIdle, POLL_NANOS);
        }
        for (WriteRequest left = abandoned.get(); left != null; left = left.nextAbandoned) {
            left.free();
        }
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
