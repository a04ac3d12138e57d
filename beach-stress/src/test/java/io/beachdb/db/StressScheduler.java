package io.beachdb.db;

import io.beachdb.base.Clock;
import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

/**
 * Waits as the real scheduler does, by parking, and has no background work: nothing runs but the operations of a test.
 *
 * <p>A condition is looked at again only when its signal was woken. For Lincheck a parked thread may go on by itself, as it
 * may in truth, and would then find a change of which nobody told it: a missing wake would stay unseen.
 */
class StressScheduler implements Scheduler {
    private record CountedSignal(Signal signal, AtomicInteger wakes) implements Signal {

        CountedSignal(Signal signal) {
            this(signal, new AtomicInteger());
        }

        @Override
        public void wake() {
            wakes.incrementAndGet();
            signal.wake();
        }
    }

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
        return new CountedSignal(system.newSignal(name, 0));
    }

    @Override
    public void await(Signal signal, BooleanSupplier condition) {
        CountedSignal counted = (CountedSignal) signal;
        int seen = counted.wakes.get();
        while (!condition.getAsBoolean()) {
            int before = seen;
            system.await(counted.signal, () -> counted.wakes.get() != before);
            seen = counted.wakes.get();
        }
    }

    @Override
    public boolean await(Signal signal, BooleanSupplier condition, long timeoutNanos) {
        await(signal, condition);
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
