package io.beachdb.base;

/** Time, as the engine sees it: a seam, so that tests own it. */
public interface Clock {

    /** Returns nanoseconds from an arbitrary origin, never going back; differences only. */
    long nanoTime();

    /** Returns milliseconds since 1970 UTC by the wall clock, which may jump. For people, never for decisions. */
    long wallMillis();

    /** Returns the clock of this machine. */
    static Clock system() {
        return SystemClock.INSTANCE;
    }
}
