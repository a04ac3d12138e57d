package io.beachdb.cli;

/** The command was called wrongly, in a way that no argument shows by itself, or not by its form. Thrown before any work. */
final class UsageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UsageException(String message) {
        super(message);
    }
}
