package io.beachdb;

/**
 * The database as it was at one instant. Holds back the garbage of what was overwritten since, until it is closed. Safe
 * for many threads; its cursors are closed on their own and outlive it.
 */
public interface Snapshot extends Reader, AutoCloseable {

    /** Lets go of the instant. Closing twice is harmless; closing the database closes it too. */
    @Override
    void close();
}
