package io.beachdb.db;

import io.beachdb.base.BeachException;
import io.beachdb.base.Scheduler;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Predicate;

/** Futures that wait for a sequence to be on disk. Told on a thread with no other work: executors are foreign code. */
final class DurableWaiters {
    private record Waiter(long sequence, CompletableFuture<Long> future, Executor executor) {}

    private final Scheduler scheduler;
    private final Callbacks callbacks;

    // Guarded by this.
    private final List<Waiter> waiters = new ArrayList<>();

    DurableWaiters(Scheduler scheduler, Callbacks callbacks) {
        this.scheduler = scheduler;
        this.callbacks = callbacks;
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
        if (isEmpty()) {
            return; // most often: asked once a group
        }
        for (Waiter waiter : take(waiter -> waiter.sequence <= durable)) {
            tell(waiter, () -> waiter.future.complete(durable));
        }
    }

    /** Nothing more will be on disk by itself. */
    void failed(BeachException failure) {
        fail(take(waiter -> true), failure);
    }

    /** What this one waits for was refused; others may wait for less. */
    @SuppressWarnings("ReferenceEquality") // this very future
    void failed(CompletableFuture<Long> future, BeachException failure) {
        fail(take(waiter -> waiter.future == future), failure);
    }

    private void fail(List<Waiter> taken, BeachException failure) {
        for (Waiter waiter : taken) {
            tell(waiter, () -> waiter.future.completeExceptionally(failure));
        }
    }

    private synchronized boolean isEmpty() {
        return waiters.isEmpty();
    }

    private synchronized List<Waiter> take(Predicate<Waiter> which) {
        List<Waiter> taken = new ArrayList<>();
        for (Iterator<Waiter> i = waiters.iterator(); i.hasNext(); ) {
            Waiter waiter = i.next();
            if (which.test(waiter)) {
                i.remove();
                taken.add(waiter);
            }
        }
        return taken;
    }

    private void tell(Waiter waiter, Runnable completion) {
        try {
            scheduler.execute("durable-future", () -> complete(waiter, completion));
        } catch (RuntimeException | Error e) {
            // No thread to be had: told here, as foreign code that may not wait for the engine.
            callbacks.enter();
            try {
                complete(waiter, completion);
            } finally {
                callbacks.exit();
            }
        }
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
