package io.beachdb.cli;

/** What a command ends with: scripts rely on it. Told to users in the help of {@code beach}. */
final class ExitCodes {
    static final int OK = 0;

    /** The command could not do its work, or found damage, or something lost. */
    static final int FAILED = 1;

    /** The arguments are wrong by themselves, whatever is on disk: nothing was done. */
    static final int CALLED_WRONGLY = 2;

    /** {@code get} found no such key: all is well, and the answer is no. */
    static final int ABSENT = 3;

    private ExitCodes() {}
}
