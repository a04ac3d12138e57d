package io.beachdb.cli;

/** The command was called wrongly, in a way that only shows when the arguments are seen together. */
final class UsageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UsageException(String message) {
        super(message);
    }
}
