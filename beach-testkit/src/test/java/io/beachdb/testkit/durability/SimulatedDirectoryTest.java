package io.beachdb.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.durability.Vfs;
import io.beachdb.testkit.SimulatedDisk;
import java.nio.file.Path;

/** The contract on a simulated disk. */
class SimulatedDirectoryTest extends DurableDirectoryContract {
    private static final Path ROOT = Path.of("/data/root");

    private final SimulatedDisk disk = new SimulatedDisk().makeDirectories(ROOT);
    private final Vfs vfs = disk.start("test");

    @Override
    Vfs vfs() {
        return vfs;
    }

    @Override
    Path root() {
        return ROOT;
    }

    @Override
    void verify() {
        assertThat(disk.violations()).isEmpty();
    }
}
