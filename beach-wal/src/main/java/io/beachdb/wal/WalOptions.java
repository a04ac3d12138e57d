package io.beachdb.wal;

/**
 * How a log writer waits and buffers. The defaults are measured: {@code docs/decisions/0005-group-commit.md}.
 *
 * @param bufferBytes memory in which a group is framed before it is handed over; longer groups go in pieces
 * @param intervalNanos how long handed-over bytes may stay without a sync
 * @param writeSpinNanos how long a leader looks for the end of a write on an engine thread before it parks
 * @param syncSpinNanos how long a writer looks for the end of a sync before it parks
 * @param taskSpinNanos how long the log task looks for work before it parks
 * @param idleNanos how long the log task keeps its thread without work
 */
public record WalOptions(
        int bufferBytes,
        long intervalNanos,
        long writeSpinNanos,
        long syncSpinNanos,
        long taskSpinNanos,
        long idleNanos) {
    private static final int SMALLEST_BUFFER_BYTES = 64 << 10;
    private static final int LARGEST_BUFFER_BYTES = 64 << 20;

    public WalOptions {
        if (bufferBytes < SMALLEST_BUFFER_BYTES || bufferBytes > LARGEST_BUFFER_BYTES) {
            throw new IllegalArgumentException("bufferBytes is " + bufferBytes + ", allowed " + SMALLEST_BUFFER_BYTES
                    + " to " + LARGEST_BUFFER_BYTES);
        }
        if (intervalNanos <= 0) {
            throw new IllegalArgumentException("intervalNanos is " + intervalNanos + ", allowed 1 and more");
        }
        if (writeSpinNanos < 0 || syncSpinNanos < 0 || taskSpinNanos < 0 || idleNanos < 0) {
            throw new IllegalArgumentException("a time in " + "WalOptions is negative");
        }
    }

    /** Returns the measured defaults. */
    public static WalOptions defaults() {
        return new WalOptions(256 << 10, 1_000_000_000L, 0, 0, 0, 5_000_000_000L);
    }

    /** Returns these options with another interval. */
    public WalOptions withIntervalNanos(long nanos) {
        return new WalOptions(bufferBytes, nanos, writeSpinNanos, syncSpinNanos, taskSpinNanos, idleNanos);
    }
}
