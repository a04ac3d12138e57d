package io.beachdb.testkit;

import io.beachdb.base.Clock;
import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import java.util.function.BooleanSupplier;

/** Does what another scheduler does: for tests that let some call fail, or do something of their own at a point. */
public class ForwardingScheduler implements Scheduler {
    private final Scheduler scheduler;

    /** @param scheduler does all that is not overridden */
    public ForwardingScheduler(Scheduler scheduler) {
        this.scheduler = scheduler;
    }

    @Override
    public void execute(String name, Runnable task) {
        scheduler.execute(name, task);
    }

    @Override
    public Cancellable after(long delayNanos, String name, Runnable action) {
        return scheduler.after(delayNanos, name, action);
    }

    @Override
    public Signal newSignal(String name, long spinNanos) {
        return scheduler.newSignal(name, spinNanos);
    }

    @Override
    public void await(Signal signal, BooleanSupplier condition) {
        scheduler.await(signal, condition);
    }

    @Override
    public boolean await(Signal signal, BooleanSupplier condition, long timeoutNanos) {
        return scheduler.await(signal, condition, timeoutNanos);
    }

    @Override
    public void reach(String point) {
        scheduler.reach(point);
    }

    @Override
    public Clock clock() {
        return scheduler.clock();
    }
}
