package io.beachdb;

import io.beachdb.base.BeachException;
import io.beachdb.durability.Syncability;
import org.jspecify.annotations.Nullable;

/**
 * What the database can do now.
 *
 * @param state in one word
 * @param cause the first failure behind a state other than {@link State#OK}; null when OK or opened read-only
 * @param syncability whether names in the directory can be made durable here
 */
public record Health(State state, @Nullable BeachException cause, Syncability syncability) {

    /** States, from good to bad. */
    public enum State {
        /** Reads and writes. */
        OK,
        /** Opened for reading only. */
        OPENED_READ_ONLY,
        /** The disk is full: reads and deletions of files go on, writers wait or fail, work is retried when space is back. */
        DISK_FULL,
        /** A failure made it read-only; {@code resume()} may heal it, unless a file is damaged. */
        READ_ONLY_AFTER_FAILURE,
        /** Closed. */
        CLOSED
    }
}
