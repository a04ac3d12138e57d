package io.beachdb.db;

import io.beachdb.base.BeachException;
import io.beachdb.base.Scheduler;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/** Futures that wait for a sequence to be on disk. Told on a thread with no other work: executors are foreign code. */
final class DurableWaiters {
    private record Waiter(long sequence, CompletableFuture<Long> future, Executor executor) {}

    private final Scheduler scheduler;

    // Guarded by this.
    private final List<Waiter> waiters = new ArrayList<>();

    DurableWaiters(Scheduler scheduler) {
        this.scheduler = scheduler;
    }

    CompletableFuture<Long> add(long sequence, Executor executor) {
        Waiter waiter = new Waiter(sequence, new CompletableFuture<>(), executor);
        synchronized (this) {
            waiters.add(waiter);
        }
        return waiter.future;
    }

    /** Everything up to {@code durable} is on disk. */
    void durable(long durable) {
        for (Waiter waiter : take(durable)) {
            scheduler.execute("durable-future", () -> complete(waiter, () -> waiter.future.complete(durable)));
        }
    }

    /** Nothing more will be on disk by itself. */
    void failed(BeachException failure) {
        for (Waiter waiter : take(Long.MAX_VALUE)) {
            scheduler.execute(
                    "durable-future", () -> complete(waiter, () -> waiter.future.completeExceptionally(failure)));
        }
    }

    private synchronized List<Waiter> take(long upTo) {
        if (waiters.isEmpty()) {
            return List.of();
        }
        List<Waiter> taken = new ArrayList<>();
        for (Iterator<Waiter> i = waiters.iterator(); i.hasNext(); ) {
            Waiter waiter = i.next();
            if (waiter.sequence <= upTo) {
                i.remove();
                taken.add(waiter);
            }
        }
        return taken;
    }

    private void complete(Waiter waiter, Runnable completion) {
        try {
            waiter.executor.execute(completion);
        } catch (RuntimeException | Error e) {
            // The caller's executor takes nothing more, or is broken; the answer must come all the same.
            completion.run();
        }
    }
}
