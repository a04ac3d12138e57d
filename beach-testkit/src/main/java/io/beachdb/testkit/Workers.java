package io.beachdb.testkit;

import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Many like things done by several threads, the caller's included: the cases of a sweep, the moments of an exploration. */
public final class Workers {
    private Workers() {}

    /**
     * Does {@code action} to all items, each by whichever thread is free, and returns when all is done.
     *
     * @param name of the threads
     * @param threads 1: only the caller's
     * @throws IllegalStateException if it failed on another thread; what fails on the caller's is thrown as it is
     */
    public static <T> void forEach(String name, int threads, List<T> items, Consumer<T> action) {
        AtomicInteger next = new AtomicInteger();
        runOnAll(name, threads, () -> {
            for (int i = next.getAndIncrement(); i < items.size(); i = next.getAndIncrement()) {
                action.accept(items.get(i));
            }
        });
    }

    private static void runOnAll(String name, int threads, Runnable worker) {
        Scheduler scheduler = Scheduler.system();
        Signal ended = scheduler.newSignal(name, 0);
        AtomicInteger running = new AtomicInteger(threads - 1);
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        for (int i = 1; i < threads; i++) {
            scheduler.execute(name, () -> {
                try {
                    worker.run();
                } catch (RuntimeException | Error e) {
                    failure.set(e);
                } finally {
                    running.decrementAndGet();
                    ended.wake();
                }
            });
        }
        try {
            worker.run();
        } finally {
            scheduler.await(ended, () -> running.get() == 0);
        }
        if (failure.get() != null) {
            throw new IllegalStateException(name + " met an error of its own", failure.get());
        }
    }
}
