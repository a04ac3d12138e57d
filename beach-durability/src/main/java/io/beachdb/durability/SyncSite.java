package io.beachdb.durability;

/**
 * The places in the engine that sync, by what they protect. Every sync of a file or directory names its site: it stands
 * in traces, is counted in statistics, and tests leave out one at a time. Reasons and order: {@code docs/durability.md}.
 */
public enum SyncSite {
    /** The database directory and the parents made for it. */
    DIRECTORY_CREATE,
    /** Directory and ancestors at every open, before anything read from them is believed. */
    OPEN,
    /** Header, size and name of a fresh log. */
    LOG_CREATE,
    /** Header and name of a recycled log. */
    LOG_RECYCLE,
    /** A commit group with a synced write, or somebody who waits for one. */
    LOG_GROUP,
    /** The interval at which logged writes reach the disk. */
    LOG_INTERVAL,
    /** The rest of a log that was rotated away. */
    LOG_ROTATE,
    /** The END record of a log at a clean close. */
    LOG_CLOSE,
    /** Tables that a flush made. */
    TABLE_FLUSH,
    /** Tables that a compaction made. */
    TABLE_COMPACTION,
    /** Tables made from logs at open. */
    TABLE_RECOVERY,
    /** A whole snapshot in a new MANIFEST, and its name. */
    MANIFEST_CREATE,
    /** An edit appended to the MANIFEST. */
    MANIFEST_EDIT,
    /** CURRENT: the temporary file, then the rename. */
    CURRENT_SWITCH,
    /** The readable options file. */
    OPTIONS,
    /** Deletions whose loss is harmless, gathered. */
    DELETE,
    /** What is still pending in the directory at close. */
    CLOSE,
    /** Names, and where needed bytes, of the tables of a checkpoint. */
    CHECKPOINT,
    /** A database that is destroyed: CURRENT is gone, then the rest, then the directory. */
    DESTROY
}
