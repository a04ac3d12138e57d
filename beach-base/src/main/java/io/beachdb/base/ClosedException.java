package io.beachdb.base;

/** A database, snapshot, cursor or file was used after it was closed. The message names the object and what closed it. */
public final class ClosedException extends BeachException {
    private static final long serialVersionUID = 1L;

    public ClosedException(String message) {
        super(message, null);
    }
}
