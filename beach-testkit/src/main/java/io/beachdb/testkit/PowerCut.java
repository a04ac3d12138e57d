package io.beachdb.testkit;

/** The simulated machine has lost power. */
public final class PowerCut extends SimulatedEnd {
    private static final long serialVersionUID = 1L;

    PowerCut(String message) {
        super(message);
    }

    @Override
    SimulatedEnd again() {
        return new PowerCut(how());
    }
}
