package io.beachdb.testkit;

/**
 * A process of the simulated machine: its tasks run on a {@link SimulatedScheduler}, its files are those of a
 * {@link SimulatedVfs}. It ends by a kill or a power cut, once; a restart is another process.
 */
public final class SimulatedProcess {
    private final String name;

    public SimulatedProcess(String name) {
        this.name = name;
    }

    public String name() {
        return name;
    }

    @Override
    public String toString() {
        return "process " + name;
    }
}
