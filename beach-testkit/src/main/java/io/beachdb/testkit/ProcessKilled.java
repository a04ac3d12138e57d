package io.beachdb.testkit;

/** The simulated process was killed; the machine goes on. */
public final class ProcessKilled extends SimulatedEnd {
    private static final long serialVersionUID = 1L;

    ProcessKilled(String message) {
        super(message);
    }

    @Override
    SimulatedEnd again() {
        return new ProcessKilled(how());
    }
}
