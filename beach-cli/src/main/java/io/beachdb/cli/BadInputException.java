package io.beachdb.cli;

/** What the user gave to load is not what it should be. Says where and why. */
final class BadInputException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param place a line number or a file */
    BadInputException(String place, String reason) {
        super(place + ": " + reason);
    }
}
