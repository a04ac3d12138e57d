package io.beachdb.wal;

import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.BooleanSupplier;

/** A loop on an engine thread that is there while there is work, stays a while, and comes back when it is woken. */
final class OnDemandTask {
    private static final VarHandle RUNNING;

    static {
        try {
            RUNNING = MethodHandles.lookup().findVarHandle(OnDemandTask.class, "running", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Scheduler scheduler;
    private final String name;
    private final BooleanSupplier hasWork;
    private final BooleanSupplier hasWorkOrStops = this::hasWorkOrStops;
    private final Runnable work;
    private final long idleNanos;
    private final Signal woken;
    private final Signal left;
    private final BooleanSupplier isAway = this::isAway;

    private volatile boolean running;
    private volatile boolean stopping;

    /**
     * @param hasWork looked at after each wake
     * @param work does some of it; must not throw
     * @param spinNanos how long the idle loop looks for work before it parks
     * @param idleNanos how long it stays without work
     */
    OnDemandTask(
            Scheduler scheduler, String name, BooleanSupplier hasWork, Runnable work, long spinNanos, long idleNanos) {
        this.scheduler = scheduler;
        this.name = name;
        this.hasWork = hasWork;
        this.work = work;
        this.idleNanos = idleNanos;
        this.woken = scheduler.newSignal(name, spinNanos);
        this.left = scheduler.newSignal(name + "-left", 0);
    }

    /** Makes the loop look for work. To be called after the work can be seen. */
    void wake() {
        if (!running && !stopping && RUNNING.compareAndSet(this, false, true)) {
            try {
                scheduler.execute(name, this::run);
            } catch (RuntimeException | Error e) {
                running = false; // no thread to be had: the next wake tries again
                throw e;
            }
        } else {
            woken.wake();
        }
    }

    private void run() {
        try {
            do {
                try {
                    while (scheduler.await(woken, hasWorkOrStops, idleNanos) && !stopping) {
                        work.run();
                    }
                } finally {
                    running = false;
                }
                // Work that came while we were on our way out may have found us still running.
            } while (!stopping && hasWork.getAsBoolean() && RUNNING.compareAndSet(this, false, true));
        } finally {
            left.wake();
        }
    }

    private boolean hasWorkOrStops() {
        return stopping || hasWork.getAsBoolean();
    }

    private boolean isAway() {
        return !running;
    }

    /** Ends the loop, whether there is work or not, and waits until it has left. It does not come back. */
    void stop() {
        stopping = true;
        woken.wake();
        scheduler.await(left, isAway);
    }
}
