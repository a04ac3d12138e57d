package io.beachdb.db;

import io.beachdb.Options;
import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;

/**
 * Slows writers down as level 0 and the bytes waiting for compaction grow, gradually, and stops them at the options'
 * bounds: a steady lower rate instead of full speed and long halts.
 */
final class WriteThrottle {
    private static final double FASTEST_BYTES_PER_SECOND = 64 << 20;
    private static final double SLOWEST_BYTES_PER_SECOND = 1 << 20;
    private static final long NANOS_PER_SECOND = 1_000_000_000;
    /** Shorter delays are gathered: a timer is not exact below. */
    private static final long LEAST_DELAY_NANOS = 1_000_000;

    private final Options options;
    private final Scheduler scheduler;
    private final AtomicLong stallNanos = new AtomicLong();
    private volatile double pressure; // 0: none, 1 and more: stop
    private long owedNanos; // the leader's

    WriteThrottle(Options options, Scheduler scheduler) {
        this.options = options;
        this.scheduler = scheduler;
    }

    /** Takes note of a new shape of the tables. */
    void retune(int level0Tables, long debtBytes) {
        int stop = options.level0StopTables();
        int slow = (options.level0CompactionTables() + stop) / 2;
        double byCount = (double) (level0Tables - slow) / (stop - slow);
        double byDebt = (double) (debtBytes - options.debtSlowdownBytes())
                / Math.max(1, options.debtStopBytes() - options.debtSlowdownBytes());
        pressure = Math.max(0, Math.max(byCount, byDebt));
    }

    boolean isActive() {
        return pressure > 0;
    }

    /** Delays the leader for {@code bytes}; stops it while the pressure is full. */
    void slow(long bytes, Signal progress, BooleanSupplier giveUp) {
        long start = scheduler.clock().nanoTime();
        if (pressure >= 1) {
            scheduler.await(progress, () -> pressure < 1 || giveUp.getAsBoolean());
        }
        double left = Math.max(0, 1 - pressure);
        double rate = SLOWEST_BYTES_PER_SECOND + (FASTEST_BYTES_PER_SECOND - SLOWEST_BYTES_PER_SECOND) * left * left;
        owedNanos += (long) (bytes / rate * NANOS_PER_SECOND);
        if (owedNanos >= LEAST_DELAY_NANOS) {
            long delay = owedNanos;
            owedNanos = 0;
            scheduler.await(progress, () -> pressure <= 0 || giveUp.getAsBoolean(), delay);
        }
        add(scheduler.clock().nanoTime() - start);
    }

    void add(long nanos) {
        stallNanos.addAndGet(nanos);
    }

    long stallNanos() {
        return stallNanos.get();
    }
}
