package io.beachdb.manifest;

/** One field of a manifest record. Bytes: {@code docs/formats/manifest.md}, "Fields". */
sealed interface EditField {

    /** Name of the key order, in the first record of every manifest. */
    record KeyOrder(String name) implements EditField {}

    /**
     * Logs below {@code number} are not needed any more.
     *
     * @param exists whether the log {@code number} was on disk when this was written: then it must be there now
     */
    record OldestLog(long number, boolean exists) implements EditField {}

    /** Every file number given so far is below {@code number}. */
    record NextFileNumber(long number) implements EditField {}

    /** No sequence above this one is in a table. */
    record LastSequence(long sequence) implements EditField {}

    /** A table joins a level. */
    record AddedTable(int level, TableEntry entry) implements EditField {}

    /** A table leaves the database. */
    record DroppedTable(int level, long number) implements EditField {}

    /** A table changes its level as it is. */
    record MovedTable(int fromLevel, int toLevel, long number) implements EditField {}

    /** Ends the snapshot, which may take several records; says how many tables there must be. */
    record SnapshotEnd(long tables) implements EditField {}
}
