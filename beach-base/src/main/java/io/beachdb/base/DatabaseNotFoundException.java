package io.beachdb.base;

/** A database was to be opened where none is, and making one was not asked for. Nothing was changed. */
public final class DatabaseNotFoundException extends BeachException {
    private static final long serialVersionUID = 1L;

    public DatabaseNotFoundException(String message) {
        super(message, null);
    }
}
