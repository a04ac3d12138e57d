package io.beachdb.db;

import io.beachdb.manifest.Version;
import org.jspecify.annotations.Nullable;

/** Chooses what to compact: a pure function of the tables there are. Running the plan is {@link Compactor}'s. */
interface CompactionPolicy {

    /**
     * Returns the most urgent compaction that can run now, or null when there is none.
     *
     * @param oldestSnapshot sequence below which nobody reads old entries
     */
    @Nullable
    CompactionPlan pick(Version version, long oldestSnapshot);

    /** Estimates the bytes that compactions must still read before the tables have their shape. */
    long debtBytes(Version version);
}
