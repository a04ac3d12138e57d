package io.beachdb.testkit;

/**
 * The end of a simulated process, thrown by whatever it does next. An error and not an exception, so that no handler of
 * failures takes it for one: the code above is not told that something went wrong, it is no more.
 */
public abstract sealed class SimulatedEnd extends Error permits PowerCut, ProcessKilled {
    private static final long serialVersionUID = 1L;

    private final String how;

    SimulatedEnd(String how) {
        super(how);
        this.how = how;
    }

    /** Returns what happened. */
    String how() {
        return how;
    }

    /** Returns another of the same: each use throws one of its own, since an error cannot be suppressed by itself. */
    abstract SimulatedEnd again();
}
