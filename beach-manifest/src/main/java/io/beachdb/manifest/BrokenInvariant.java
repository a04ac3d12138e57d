package io.beachdb.manifest;

/**
 * A version would break one of its invariants. Inside this package only: it becomes a CorruptionException where the edits
 * came from disk, an AssertionError where they came from the engine.
 */
final class BrokenInvariant extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param text the invariant's number, and what breaks it */
    BrokenInvariant(String text) {
        super(text);
    }

    String text() {
        return String.valueOf(getMessage());
    }
}
