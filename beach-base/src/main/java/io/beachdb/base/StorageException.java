package io.beachdb.base;

import org.jspecify.annotations.Nullable;

/**
 * The operating system refused a file operation. Says which operation on which file, and what still holds; the
 * {@link java.io.IOException}, where there was one, is the cause.
 */
public final class StorageException extends BeachException {
    private static final long serialVersionUID = 1L;

    private final boolean diskFull;

    public StorageException(String message, @Nullable Throwable cause) {
        this(message, cause, false);
    }

    /** @param diskFull whether the reason is a full disk or quota, which passes when space is made */
    public StorageException(String message, @Nullable Throwable cause, boolean diskFull) {
        super(message, cause);
        this.diskFull = diskFull;
    }

    /** Returns whether a full disk or quota was the reason: the same call may work once space is made. */
    public boolean diskFull() {
        return diskFull;
    }
}
