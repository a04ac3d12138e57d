package io.beachdb.durability;

import org.jspecify.annotations.Nullable;

/**
 * One event in a file's life or one sync, as it happened.
 *
 * @param kind what happened
 * @param name file name within the directory; the directory's path for directory events
 * @param site why it was synced; null for events that are not syncs
 * @param nanos how long the system call took
 */
public record DurabilityEvent(
        Kind kind, String name, @Nullable SyncSite site, long nanos) {

    /** What happened. */
    public enum Kind {
        CREATE,
        RENAME,
        RECYCLE,
        LINK,
        DELETE,
        MAKE_DIRECTORY,
        SYNC_FILE,
        SYNC_DIRECTORY,
        SYNC_FAILED,
        /** A file that should have been dropped could not be: it takes space until the next open deletes it. */
        ORPHANED
    }
}
