package io.beachdb.base;

import org.jspecify.annotations.Nullable;

/**
 * A write was handed over, and its sync failed: nobody knows whether it is on disk. It may be seen by readers now, and
 * after a crash it is wholly there or wholly not. The database takes no more writes until {@code resume()} or a reopen.
 */
public final class WriteIndeterminateException extends BeachException {
    private static final long serialVersionUID = 1L;

    private final long smallest;
    private final long largest;

    /** @param smallest first sequence of the caller's write, {@code largest} its last, both inclusive */
    public WriteIndeterminateException(long smallest, long largest, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.smallest = smallest;
        this.largest = largest;
    }

    /** Returns the first sequence of the write in doubt. */
    public long smallestSequence() {
        return smallest;
    }

    /** Returns the last sequence of the write in doubt, inclusive. */
    public long largestSequence() {
        return largest;
    }
}
