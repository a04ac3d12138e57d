package io.beachdb;

import io.beachdb.base.Clock;
import io.beachdb.base.RandomSource;
import io.beachdb.base.Scheduler;
import io.beachdb.durability.Vfs;

/**
 * Where the engine touches the world: files, waiting and background work, randomness. Tests replace them; everybody else
 * uses {@link #system()}.
 */
public record Seams(Vfs vfs, Scheduler scheduler, RandomSource random) {

    /** The machine's own. */
    public static Seams system() {
        return new Seams(Vfs.system(), Scheduler.system(), RandomSource.system());
    }

    /** Returns the scheduler's clock. */
    public Clock clock() {
        return scheduler.clock();
    }
}
