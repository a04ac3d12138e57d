package io.beachdb;

import io.beachdb.durability.DurabilityEvent;
import org.jspecify.annotations.Nullable;

/**
 * Hears what the engine does. Methods must be quick and must not throw; calls back into the database that may wait throw
 * {@link IllegalStateException}. All methods do nothing unless overridden.
 */
public interface DatabaseListener {

    /** An event in a file's life, or a sync. */
    default void onFileEvent(DurabilityEvent event) {}

    /** A memtable became a level-0 table. */
    default void onFlush(long tableNumber, long entries, long bytes, long nanos) {}

    /** Tables became tables. */
    default void onCompaction(CompactionInfo info) {}

    /** Writers were slowed or stopped, for {@code nanos}. */
    default void onStall(String reason, long nanos) {}

    /** The health changed. */
    default void onHealth(Health health) {}

    /** Something worth telling happened: recovery's end, a torn tail, a retry. */
    default void onInfo(String message, @Nullable Throwable cause) {}

    /**
     * A compaction that has ended.
     *
     * @param fromLevel level of the inputs
     * @param toLevel level of the outputs
     * @param inputTables how many tables went in
     * @param outputTables how many came out
     * @param trivialMove whether tables were only moved
     */
    record CompactionInfo(
            int fromLevel,
            int toLevel,
            int inputTables,
            int outputTables,
            long inputBytes,
            long outputBytes,
            long nanos,
            boolean trivialMove) {}

    /** A listener that does nothing. */
    static DatabaseListener none() {
        return new DatabaseListener() {};
    }
}
