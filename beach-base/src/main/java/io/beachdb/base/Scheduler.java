package io.beachdb.base;

import java.util.function.BooleanSupplier;

/**
 * All background work, all timers and <em>all waiting</em> of the engine: a seam. In production it is a pool of
 * platform threads; in simulation exactly one task runs at a time and every call here is a point at which the seed
 * chooses who goes on.
 *
 * <p>Rules for callers: nothing waits in any other way, and no monitor or {@code java.util.concurrent} lock is held
 * across a call to this interface or to a file operation. (A {@link Mutex} may be: its waiting happens here.)
 */
public interface Scheduler {

    /** Runs {@code task} soon on a platform thread of the engine's own, which no user code can interrupt. */
    void execute(String name, Runnable task);

    /**
     * Runs {@code task} once on an engine thread, about {@code delayNanos} from now.
     *
     * @return handle to call it off; a call that comes too late does nothing
     */
    Cancellable after(long delayNanos, String name, Runnable task);

    /**
     * Makes a signal.
     *
     * @param name for traces and thread dumps
     * @param spinNanos how long a waiter looks at its condition before it parks; 0 parks at once
     */
    Signal newSignal(String name, long spinNanos);

    /**
     * Waits until {@code condition} holds. Not interruptible: the caller's interrupt status is kept and shows afterwards.
     *
     * @param condition cheap, without side effects other than taking what it tests for; called by the waiting task only
     */
    void await(Signal signal, BooleanSupplier condition);

    /**
     * Waits as {@link #await(Signal, BooleanSupplier)} does, at most {@code timeoutNanos}.
     *
     * @return whether the condition held at last
     */
    boolean await(Signal signal, BooleanSupplier condition, long timeoutNanos);

    /**
     * Marks a publication: state that other tasks act on has just changed. A simulated scheduler may let another task go
     * on here; the real one does nothing.
     */
    void reach(String point);

    /** Returns the clock that timers and timeouts go by. */
    Clock clock();

    /** Returns the scheduler of this machine, shared by all databases of the process. Its threads are daemons. */
    static Scheduler system() {
        return SystemScheduler.SHARED;
    }

    /** A timer that may be called off. */
    interface Cancellable {
        void cancel();
    }
}
