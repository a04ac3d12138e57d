package io.beachdb.testkit;

import io.beachdb.base.Clock;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** Time that stands still until a test, or a {@link SimulatedScheduler} with nothing else to do, moves it on. */
public final class SimulatedClock implements Clock {
    /** A clock at its origin. */
    public SimulatedClock() {}

    /** The wall clock at the start: 2026-01-01, midnight UTC. */
    public static final long START_MILLIS = 1_767_225_600_000L;

    private static final long NANOS_PER_MILLI = 1_000_000;

    private final AtomicLong nanos = new AtomicLong();
    private final AtomicLong wallOffsetMillis = new AtomicLong(START_MILLIS);

    @Override
    public long nanoTime() {
        return nanos.get();
    }

    @Override
    public long wallMillis() {
        return wallOffsetMillis.get() + nanos.get() / NANOS_PER_MILLI;
    }

    /** Moves time on. Timers that become due run when the scheduler next runs. */
    public void advance(Duration by) {
        if (by.isNegative()) {
            throw new IllegalArgumentException("time is to go on by " + by + ", allowed 0 and more");
        }
        nanos.addAndGet(by.toNanos());
    }

    /** Makes the wall clock jump, forwards or back, as an administrator may. */
    public void jumpWall(Duration by) {
        wallOffsetMillis.addAndGet(by.toMillis());
    }

    void advanceTo(long nanoTime) {
        nanos.accumulateAndGet(nanoTime, Math::max);
    }
}
