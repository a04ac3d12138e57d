package io.beachdb.db;

import io.beachdb.base.Clock;
import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import java.util.function.BooleanSupplier;

/** Waits as the real scheduler does, by parking, and has no background work: nothing runs but the operations of a test. */
final class StressScheduler implements Scheduler {
    private final Scheduler system = Scheduler.system();

    @Override
    public void execute(String name, Runnable task) {
        throw new AssertionError("no background work here: " + name);
    }

    @Override
    public Cancellable after(long delayNanos, String name, Runnable task) {
        return () -> {};
    }

    @Override
    public Signal newSignal(String name, long spinNanos) {
        return system.newSignal(name, 0);
    }

    @Override
    public void await(Signal signal, BooleanSupplier condition) {
        system.await(signal, condition);
    }

    @Override
    public boolean await(Signal signal, BooleanSupplier condition, long timeoutNanos) {
        system.await(signal, condition);
        return true;
    }

    @Override
    public void reach(String point) {
        // Nothing: whoever runs the operations chooses who goes on.
    }

    @Override
    public Clock clock() {
        return system.clock();
    }
}
