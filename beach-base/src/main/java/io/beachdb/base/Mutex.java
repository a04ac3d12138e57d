package io.beachdb.base;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.BooleanSupplier;

/**
 * Mutual exclusion whose waiting goes through the {@link Scheduler}, so that it may be held across file operations and
 * waits, and a simulated run sees it. Not reentrant, not fair. For sections without either, {@code synchronized} is
 * cheaper.
 */
public final class Mutex {
    private static final VarHandle HELD;

    static {
        try {
            HELD = MethodHandles.lookup().findVarHandle(Mutex.class, "held", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Scheduler scheduler;
    private final Signal released;
    private final BooleanSupplier tryLock = this::tryLock;

    @SuppressWarnings("UnusedVariable") // through HELD
    private volatile boolean held;

    public Mutex(Scheduler scheduler, String name) {
        this.scheduler = scheduler;
        this.released = scheduler.newSignal(name, 2_000);
    }

    /** Waits until the mutex is free and takes it. */
    public void lock() {
        if (!tryLock()) {
            scheduler.await(released, tryLock);
        }
    }

    /** Takes the mutex if it is free at this moment. */
    public boolean tryLock() {
        return !held && HELD.compareAndSet(this, false, true);
    }

    /** Lets go. Only the holder may call it. */
    public void unlock() {
        if (!held) {
            throw new AssertionError("mutex released while free");
        }
        held = false;
        released.wake();
    }

    /** Returns whether somebody holds it; for assertions. */
    public boolean isHeld() {
        return held;
    }
}
