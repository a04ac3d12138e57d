package io.beachdb.wal;

/**
 * What came before a log: written into its first record, so that a reader knows whether something is missing between the
 * two.
 *
 * @param logNumber the log before, 0 for none
 * @param length where its records ended; for a log that failed, up to where it is known to be on disk
 * @param lastOrdinal its last ordinal; for a log that failed, the last one that was ever framed
 * @param lastSequence the last sequence given out before
 */
public record Predecessor(long logNumber, long length, long lastOrdinal, long lastSequence) {

    /** Returns the predecessor of the first log of a database. */
    public static Predecessor none() {
        return new Predecessor(0, 0, 0, 0);
    }
}
