package io.beachdb.cli;

import org.jspecify.annotations.Nullable;

/** A command cannot go on, for a reason that its user can understand: one line, printed as it is. */
final class CommandFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CommandFailure(String message) {
        super(message);
    }

    CommandFailure(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
