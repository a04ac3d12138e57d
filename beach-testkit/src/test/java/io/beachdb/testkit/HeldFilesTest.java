package io.beachdb.testkit;

import static io.beachdb.testkit.Native.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.durability.Vfs;
import io.beachdb.durability.Vfs.VfsLock;
import io.beachdb.durability.VfsFile;
import io.beachdb.durability.VfsMapping;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A disk on which nobody renames, replaces or deletes what somebody has open: the simulated one, and real files watched. */
class HeldFilesTest {
    private final SimulatedDisk disk = new SimulatedDisk().makeDirectories(Path.of("/dir"));

    @TempDir
    private Path temporary;

    /** One of the two worlds, with two files. */
    private record World(Vfs vfs, Path held, Path free) {
        void assertHeld() {
            assertThatThrownBy(() -> vfs.delete(held)).isInstanceOf(FileSystemException.class);
            assertThatThrownBy(() -> vfs.rename(held, held.resolveSibling("other")))
                    .isInstanceOf(FileSystemException.class);
            assertThatThrownBy(() -> vfs.rename(free, held)).isInstanceOf(AccessDeniedException.class);
        }

        void assertNotHeld() throws IOException {
            vfs.rename(free, held);
            vfs.rename(held, free);
            vfs.delete(free);
        }
    }

    private Stream<World> worlds() throws IOException {
        disk.setOpenFilesHeld(true);
        CheckedVfs checked = CheckedVfs.system();
        checked.setOpenFilesHeld(true);
        return Stream.of(world(disk.start("p"), Path.of("/dir")), world(checked, temporary.toRealPath()));
    }

    private static World world(Vfs vfs, Path directory) throws IOException {
        World world = new World(vfs, directory.resolve("held"), directory.resolve("free"));
        for (Path path : new Path[] {world.held, world.free}) {
            try (VfsFile file = vfs.create(path)) {
                write(file, 0, "hello");
                file.sync(true);
            }
        }
        return world;
    }

    private interface Opening {
        AutoCloseable open(Vfs vfs, Path path) throws IOException;
    }

    private void assertHeldWhile(Opening opening) throws Exception {
        for (World world : worlds().toList()) {
            AutoCloseable opened = opening.open(world.vfs, world.held);
            world.assertHeld();
            opened.close();
            opened.close(); // and twice is once
            world.assertNotHeld();
        }
    }

    @Test
    void file_openForReading_isHeld() throws Exception {
        assertHeldWhile(Vfs::openForRead);
    }

    @Test
    void file_openForWriting_isHeld() throws Exception {
        assertHeldWhile(Vfs::openForWrite);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void file_locked_isHeld(boolean shared) throws Exception {
        for (World world : worlds().toList()) {
            VfsLock lock = Objects.requireNonNull(world.vfs.tryLock(world.held, shared));
            world.assertHeld();
            lock.close();
            world.assertNotHeld();
        }
    }

    @Test
    void file_mappedAndClosed_isHeldAndNotCut() throws Exception {
        for (World world : worlds().toList()) {
            VfsFile file = world.vfs.openForWrite(world.held);
            VfsMapping mapping = file.map(5);
            assertThatThrownBy(() -> file.truncate(1)).isInstanceOf(IOException.class);
            file.truncate(9);
            file.close();
            world.assertHeld();
            assertThatThrownBy(() -> world.vfs.delete(world.held)).isInstanceOf(AccessDeniedException.class);
            mapping.close();
            mapping.close();
            world.assertNotHeld();
        }
    }

    @Test
    void file_openByItsOtherName_isHeld() throws Exception {
        for (World world : worlds().toList()) {
            Path second = world.held.resolveSibling("second");
            world.vfs.link(world.held, second);
            VfsFile opened = world.vfs.openForRead(second);
            world.assertHeld();
            opened.close();
            world.assertNotHeld();
        }
    }

    @Test
    void directory_withAnOpenFile_isNotRenamed() throws Exception {
        for (World world : worlds().toList()) {
            Path directory = Objects.requireNonNull(world.held.getParent()).resolve("inner");
            world.vfs.makeDirectory(directory);
            VfsFile opened = world.vfs.create(directory.resolve("f"));
            assertThatThrownBy(() -> world.vfs.rename(directory, directory.resolveSibling("outer")))
                    .isInstanceOf(AccessDeniedException.class);
            opened.close();
            world.vfs.rename(directory, directory.resolveSibling("outer"));
        }
    }

    @Test
    void process_killed_holdsNothing() throws Exception {
        World world = worlds().findFirst().orElseThrow();
        SimulatedVfs other = disk.start("q");
        other.openForWrite(world.held).map(5);
        world.assertHeld();
        other.kill();
        world.assertNotHeld();
    }

    @Test
    void disk_copied_isLikeItAndHoldsNothing() throws Exception {
        World world = worlds().findFirst().orElseThrow();
        world.vfs.openForRead(world.held);
        SimulatedVfs copy = disk.copy().start("q");
        World same = new World(copy, world.held, world.free);
        AutoCloseable opened = copy.openForRead(world.held);
        same.assertHeld();
        opened.close();
        same.assertNotHeld();
        world.assertHeld();
        assertThat(disk.names(Path.of("/dir"))).containsExactly("free", "held");
    }
}
