package io.beachdb.base;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The real scheduler: platform daemon threads that come with work and leave after ten idle seconds, and waiting by
 * spin, then park. The one class of the libraries in which a thread is made or waits.
 */
final class SystemScheduler implements Scheduler {
    static final SystemScheduler SHARED = new SystemScheduler();

    private static final long IDLE_SECONDS = 10;

    private final ThreadPoolExecutor pool = new ThreadPoolExecutor(
            0, Integer.MAX_VALUE, IDLE_SECONDS, TimeUnit.SECONDS, new SynchronousQueue<>(), threads("beach-engine"));
    private final ScheduledThreadPoolExecutor timers = timers();

    private static ScheduledThreadPoolExecutor timers() {
        ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1, threads("beach-timer"));
        executor.setKeepAliveTime(IDLE_SECONDS, TimeUnit.SECONDS);
        executor.allowCoreThreadTimeOut(true);
        executor.setRemoveOnCancelPolicy(true);
        return executor;
    }

    private static ThreadFactory threads(String name) {
        return Thread.ofPlatform().daemon().name(name + "-", 0).factory();
    }

    @Override
    public void execute(String name, Runnable task) {
        pool.execute(() -> {
            Thread thread = Thread.currentThread();
            String idleName = thread.getName();
            thread.setName("beach-" + name);
            try {
                task.run();
            } finally {
                thread.setName(idleName);
            }
        });
    }

    @Override
    public Cancellable after(long delayNanos, String name, Runnable task) {
        ScheduledFuture<?> timer = timers.schedule(() -> execute(name, task), delayNanos, TimeUnit.NANOSECONDS);
        return () -> timer.cancel(false);
    }

    @Override
    public Signal newSignal(String name, long spinNanos) {
        return new ParkingSignal(name, spinNanos);
    }

    @Override
    public void await(Signal signal, BooleanSupplier condition) {
        awaitUntil((ParkingSignal) signal, condition, 0, false);
    }

    @Override
    public boolean await(Signal signal, BooleanSupplier condition, long timeoutNanos) {
        return awaitUntil((ParkingSignal) signal, condition, System.nanoTime() + timeoutNanos, true);
    }

    private static boolean awaitUntil(ParkingSignal signal, BooleanSupplier condition, long deadline, boolean timed) {
        if (condition.getAsBoolean() || spin(signal.spinNanos, condition)) {
            return true;
        }
        boolean interrupted = false;
        try {
            while (true) {
                // Registered before the last look at the condition: a wake after our look finds us in the list.
                Waiter waiter = signal.register();
                while (!waiter.woken) {
                    if (condition.getAsBoolean()) {
                        waiter.thread = null;
                        return true;
                    }
                    if (!timed) {
                        LockSupport.park(signal);
                    } else {
                        long left = deadline - System.nanoTime();
                        if (left <= 0) {
                            waiter.thread = null;
                            return condition.getAsBoolean();
                        }
                        LockSupport.parkNanos(signal, left);
                    }
                    interrupted |= Thread.interrupted();
                }
                if (condition.getAsBoolean()) {
                    return true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static boolean spin(long spinNanos, BooleanSupplier condition) {
        if (spinNanos <= 0) {
            return false;
        }
        long end = System.nanoTime() + spinNanos;
        do {
            for (int i = 0; i < 32; i++) {
                if (condition.getAsBoolean()) {
                    return true;
                }
                Thread.onSpinWait();
            }
        } while (System.nanoTime() < end);
        return false;
    }

    @Override
    public void reach(String point) {
        // Nothing: real threads interleave by themselves.
    }

    @Override
    public Clock clock() {
        return Clock.system();
    }

    /** One thread in one wait. */
    private static final class Waiter {
        volatile @Nullable Thread thread;
        volatile boolean woken;

        @Nullable
        Waiter next; // set before it is published in the stack, or by the waker that took the stack

        Waiter(Thread thread) {
            this.thread = thread;
        }
    }

    /** A stack of parked threads; a wake takes it whole. */
    private static final class ParkingSignal implements Signal {
        private static final VarHandle WAITERS;

        static {
            try {
                WAITERS = MethodHandles.lookup().findVarHandle(ParkingSignal.class, "waiters", Waiter.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        private final String name;
        private final long spinNanos;
        private volatile @Nullable Waiter waiters;

        ParkingSignal(String name, long spinNanos) {
            this.name = name;
            this.spinNanos = spinNanos;
        }

        Waiter register() {
            Waiter waiter = new Waiter(Thread.currentThread());
            while (true) {
                Waiter head = waiters;
                if (head != null && head.thread == null) {
                    // Left by timeout or by luck. Waiters are never reused, so this pop cannot meet its own past.
                    WAITERS.compareAndSet(this, head, head.next);
                    continue;
                }
                waiter.next = head;
                if (WAITERS.compareAndSet(this, head, waiter)) {
                    return waiter;
                }
                Thread.onSpinWait();
            }
        }

        @Override
        public void wake() {
            VarHandle.fullFence(); // our caller's change before our look at the waiters
            if (waiters == null) {
                return;
            }
            Waiter waiter = (Waiter) WAITERS.getAndSet(this, null);
            while (waiter != null) {
                Waiter next = waiter.next;
                Thread thread = waiter.thread;
                waiter.woken = true;
                if (thread != null) {
                    LockSupport.unpark(thread);
                }
                waiter = next;
            }
        }

        @Override
        public String toString() {
            return "signal " + name;
        }
    }
}
