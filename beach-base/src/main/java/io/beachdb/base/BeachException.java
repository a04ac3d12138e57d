package io.beachdb.base;

import org.jspecify.annotations.Nullable;

/**
 * The root of everything BeachDB throws that is not a plain misuse of arguments ({@link IllegalArgumentException},
 * {@link NullPointerException}, {@link IllegalStateException}). Unchecked, sealed: a caller may switch over the family.
 *
 * <p>Each message says what happened, where (file, offset, object), and what the caller can do now.
 */
public abstract sealed class BeachException extends RuntimeException
        permits ClosedException,
                CorruptionException,
                DatabaseExistsException,
                DatabaseLockedException,
                DatabaseNotFoundException,
                StorageException,
                UnsupportedFormatException,
                WriteIndeterminateException,
                WriteRefusedException {

    private static final long serialVersionUID = 1L;

    BeachException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
