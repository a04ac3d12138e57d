package io.beachdb.base;

/** The directory is open elsewhere, in this process or another. Names the holder as far as it is known. */
public final class DatabaseLockedException extends BeachException {
    private static final long serialVersionUID = 1L;

    private final String holder;

    public DatabaseLockedException(String directory, String holder) {
        super(directory + " is open already, held by " + holder + ". Close it there first.", null);
        this.holder = holder;
    }

    /** Returns who holds the directory: process, host and time, as its holder wrote it down. */
    public String holder() {
        return holder;
    }
}
