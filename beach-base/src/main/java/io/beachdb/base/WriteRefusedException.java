package io.beachdb.base;

import org.jspecify.annotations.Nullable;

/**
 * The database takes no writes: it was opened read-only, an earlier failure made it so (that failure is the cause), or
 * the disk is full and the options say to fail. This write did not happen.
 */
public final class WriteRefusedException extends BeachException {
    private static final long serialVersionUID = 1L;

    public WriteRefusedException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
