package io.beachdb.testkit;

/** Somebody counts on something that is not on disk: a sync is missing, or comes too late. */
public final class DurabilityViolation extends AssertionError {
    private static final long serialVersionUID = 1L;

    DurabilityViolation(String message) {
        super(message);
    }
}
