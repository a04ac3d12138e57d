package io.beachdb.base;

/** A database was to be made where one already is. Nothing was changed. */
public final class DatabaseExistsException extends BeachException {
    private static final long serialVersionUID = 1L;

    public DatabaseExistsException(String message) {
        super(message, null);
    }
}
