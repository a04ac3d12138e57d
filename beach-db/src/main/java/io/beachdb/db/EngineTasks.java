package io.beachdb.db;

import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The engine's work on threads of its own: counted, so that a close can wait for its end. */
final class EngineTasks {
    private final Scheduler scheduler;
    private final Signal ended;
    private final AtomicInteger running = new AtomicInteger();

    EngineTasks(Scheduler scheduler) {
        this.scheduler = scheduler;
        this.ended = scheduler.newSignal("tasks", 0);
    }

    /** Runs a task on an engine thread. */
    void submit(String name, Runnable task) {
        running.incrementAndGet();
        try {
            scheduler.execute(name, () -> {
                try {
                    task.run();
                } finally {
                    left();
                }
            });
        } catch (RuntimeException | Error e) {
            left(); // no thread to be had
            throw e;
        }
    }

    private void left() {
        running.decrementAndGet();
        ended.wake();
    }

    /** Runs {@code task} on an engine thread and waits for its result: for calls of users that change files. */
    <T> T call(String name, Supplier<T> task) {
        Call<T> call = new Call<>(task);
        submit(name, call);
        scheduler.await(ended, () -> call.done);
        return call.result();
    }

    /**
     * Runs {@code task} on an engine thread and waits for its end; on this thread if no other is to be had: for a close,
     * which must not leave files and memory behind.
     */
    void run(String name, Runnable task) {
        Call<Boolean> call = new Call<>(() -> {
            task.run();
            return true;
        });
        try {
            submit(name, call);
        } catch (RuntimeException | Error e) {
            boolean interrupted = Thread.interrupted(); // it would close the channels that the task uses
            try {
                call.run();
            } finally {
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }
        scheduler.await(ended, () -> call.done);
        call.result();
    }

    /** Waits until no task is running. Nobody may submit any more. */
    void awaitNone() {
        scheduler.await(ended, () -> running.get() == 0);
    }

    private static final class Call<T> implements Runnable {
        private final Supplier<T> task;
        private @Nullable T result;
        private @Nullable Throwable failure;
        private volatile boolean done;

        Call(Supplier<T> task) {
            this.task = task;
        }

        @Override
        public void run() {
            try {
                result = task.get();
            } catch (RuntimeException | Error e) {
                failure = e;
            } finally {
                done = true;
            }
        }

        @SuppressWarnings("NullAway") // null only where T allows it
        T result() {
            switch (failure) {
                case null -> {
                    return result;
                }
                case RuntimeException e -> {
                    e.addSuppressed(new Caller());
                    throw e;
                }
                case Error e -> throw e;
                default -> throw new AssertionError(failure);
            }
        }
    }

    /** Where the caller stood, added to what an engine thread threw for it. */
    private static final class Caller extends Exception {
        private static final long serialVersionUID = 1L;

        Caller() {
            super("called from here");
        }
    }
}
