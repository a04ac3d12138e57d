package io.beachdb.durability;

/** Whether names in a directory can be made durable by a sync. */
public sealed interface Syncability {

    /** The directory and the ancestors that matter can be synced. */
    record Syncable() implements Syncability {}

    /**
     * They cannot: a name change is on disk when the system chooses. Neither an error nor silent: shown in receipts and in
     * the health of the database.
     *
     * @param reason which directory, and why
     */
    record NotSyncable(String reason) implements Syncability {}
}
