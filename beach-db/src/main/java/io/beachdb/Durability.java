package io.beachdb;

/** How safe a write is when its call returns. Chosen for each write; the database has a default. */
public enum Durability {
    /** On disk: survives power loss. The default. */
    SYNCED,
    /** Handed to the operating system: survives the death of the process; on disk within the option's interval. */
    LOGGED,
    /** In memory only: on disk with the next flush, or at close. For data that can be made again. */
    UNLOGGED
}
