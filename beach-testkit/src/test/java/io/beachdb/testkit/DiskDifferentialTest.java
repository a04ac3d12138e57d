package io.beachdb.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.durability.Vfs;
import io.beachdb.durability.Vfs.PathKind;
import io.beachdb.durability.VfsFile;
import io.beachdb.durability.VfsMapping;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The same random operations on the simulated disk and on real files must give the same results, errors included, and
 * the same tree; what is kept whole after a cut must equal it too. A test file system that is kinder than the real one
 * hides bugs.
 */
class DiskDifferentialTest {
    private static final int SEEDS = 25;
    private static final int STEPS = 250;
    private static final List<String> DIRECTORIES = List.of("", "d", "d/e", "g");
    private static final List<String> NAMES = List.of("a", "b", "c", "d", "e", "g");

    @TempDir
    private Path temporary;

    /** One of the two worlds. */
    private static final class World {
        private final Vfs vfs;
        private final Path root;
        private final List<VfsFile> open = new ArrayList<>();

        World(Vfs vfs, Path root) {
            this.vfs = vfs;
            this.root = root;
        }

        Path path(String name) {
            return root.resolve(name);
        }
    }

    /** An operation to do in both. */
    private interface Step {
        Object run(World world) throws IOException;
    }

    @Test
    void randomOperations_onBoth_giveTheSame() throws IOException {
        for (int seed = 0; seed < SEEDS; seed++) {
            SimulatedDisk disk = new SimulatedDisk().makeDirectories(Path.of("/root"));
            World simulated = new World(disk.start("p"), Path.of("/root"));
            Path directory = Files.createDirectory(temporary.resolve("run" + seed));
            CheckedVfs checked = CheckedVfs.system();
            World real = new World(checked, directory.toRealPath());
            disk.setOpenFilesHeld(seed % 2 == 1);
            checked.setOpenFilesHeld(seed % 2 == 1);
            SimulatedRandom random = new SimulatedRandom(seed);
            for (int step = 0; step < STEPS; step++) {
                String what = "seed " + seed + " step " + step + " ";
                Operation operation = Operation.values()[random.nextInt(Operation.values().length)];
                Step chosen = choose(operation, random, real);
                assertThat(outcome(chosen, simulated)).as(what + operation).isEqualTo(outcome(chosen, real));
            }
            assertThat(tree(simulated)).isEqualTo(tree(real));
            for (VfsFile file : real.open) {
                file.close();
            }
            disk.cutPower(CutPolicy.all());
            assertThat(tree(new World(disk.start("q"), simulated.root)))
                    .as("seed %d, all kept", seed)
                    .isEqualTo(tree(real));
        }
    }

    private enum Operation {
        CREATE,
        CREATE_AGAIN,
        OPEN_FOR_WRITE,
        OPEN_FOR_READ,
        WRITE,
        WRITE_AGAIN,
        READ,
        SIZE,
        TRUNCATE,
        ALLOCATE,
        SYNC,
        MAP_AND_PUT,
        RENAME,
        LINK,
        DELETE,
        MAKE_DIRECTORY,
        SYNC_DIRECTORY,
        LIST,
        KIND,
        RELY_ON,
        CLOSE
    }

    /** Draws everything random first: both worlds do the same. */
    private static Step choose(Operation operation, SimulatedRandom random, World real) {
        String name = name(random);
        String other = name(random);
        int handle = real.open.isEmpty() ? -1 : random.nextInt(real.open.size());
        long position = random.nextInt(20_000);
        int length = random.nextInt(9000);
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) (1 + random.nextInt(100)));
        return switch (operation) {
            case CREATE, CREATE_AGAIN -> world -> world.open.add(world.vfs.create(world.path(name)));
            case OPEN_FOR_WRITE ->
                world -> isFile(world, name) && world.open.add(world.vfs.openForWrite(world.path(name)));
            case OPEN_FOR_READ ->
                world -> isFile(world, name) && world.open.add(world.vfs.openForRead(world.path(name)));
            case WRITE, WRITE_AGAIN -> onHandle(handle, file -> file.write(position, Native.of(bytes), 0, length));
            case READ ->
                world -> handle < 0 ? "" : Arrays.toString(Native.read(world.open.get(handle), position, length));
            case SIZE -> world -> handle < 0 ? -1 : world.open.get(handle).size();
            case TRUNCATE -> onHandle(handle, file -> file.truncate(position));
            case ALLOCATE -> onHandle(handle, file -> file.allocate(position));
            case SYNC -> onHandle(handle, file -> file.sync(length % 2 == 0));
            case MAP_AND_PUT ->
                onHandle(handle, file -> {
                    VfsMapping mapping = file.map(file.size());
                    mapping.put(file.size() / 3, Native.of(bytes), 0, Math.min(length, file.size() / 3));
                    mapping.close();
                });
            case RENAME -> quietly(world -> world.vfs.rename(world.path(name), world.path(other)));
            case LINK -> quietly(world -> world.vfs.link(world.path(name), world.path(other)));
            case DELETE -> quietly(world -> world.vfs.delete(world.path(name)));
            case MAKE_DIRECTORY -> quietly(world -> world.vfs.makeDirectory(world.path(name)));
            case SYNC_DIRECTORY ->
                quietly(world -> {
                    if (world.vfs.kind(world.path(name)) == PathKind.DIRECTORY) {
                        Native.syncDirectory(world.vfs, world.path(name));
                    }
                });
            case LIST -> world -> world.vfs.list(world.path(name));
            case KIND -> world -> world.vfs.kind(world.path(name));
            case RELY_ON -> quietly(world -> world.vfs.relyOn(world.path(name), length, "test"));
            case CLOSE ->
                world -> {
                    if (handle >= 0) {
                        world.open.remove(handle).close();
                    }
                    return "";
                };
        };
    }

    private static String name(SimulatedRandom random) {
        String directory = DIRECTORIES.get(random.nextInt(DIRECTORIES.size()));
        String name = NAMES.get(random.nextInt(NAMES.size()));
        return directory.isEmpty() ? name : directory + "/" + name;
    }

    private static boolean isFile(World world, String name) throws IOException {
        return world.vfs.kind(world.path(name)) == PathKind.FILE;
    }

    /** Something done without a result. */
    private interface Quiet<T> {
        void run(T target) throws IOException;
    }

    private static Step quietly(Quiet<World> body) {
        return world -> {
            body.run(world);
            return "done";
        };
    }

    private static Step onHandle(int handle, Quiet<VfsFile> body) {
        return world -> {
            if (handle >= 0) {
                body.run(world.open.get(handle));
            }
            return "done";
        };
    }

    private static Object outcome(Step step, World world) {
        try {
            return step.run(world);
        } catch (IOException | DurabilityViolation e) {
            return e.getClass().getSimpleName();
        }
    }

    private static TreeMap<String, String> tree(World world) throws IOException {
        TreeMap<String, String> tree = new TreeMap<>();
        collect(world, world.root, tree);
        return tree;
    }

    private static void collect(World world, Path directory, TreeMap<String, String> into) throws IOException {
        for (String name : world.vfs.list(directory)) {
            Path path = directory.resolve(name);
            String key = world.root.relativize(path).toString();
            if (world.vfs.kind(path) == PathKind.DIRECTORY) {
                into.put(key, "directory");
                collect(world, path, into);
            } else {
                into.put(key, Native.text(world.vfs, path));
            }
        }
    }
}
