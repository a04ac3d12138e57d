package io.beachdb.testkit;

import static io.beachdb.testkit.Native.syncDirectory;
import static io.beachdb.testkit.Native.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.durability.NotSyncableException;
import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsDirectory;
import io.beachdb.durability.VfsFile;
import io.beachdb.durability.VfsMapping;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real files, watched. */
class CheckedVfsTest {
    private final CheckedVfs vfs = CheckedVfs.system();

    @TempDir
    private Path directory;

    private Path file;

    @BeforeEach
    void setUp() {
        file = directory.resolve("f");
    }

    private void assertMissing(Path path, long bytes, String reason) {
        assertThatThrownBy(() -> vfs.relyOn(path, bytes, "test"))
                .isInstanceOf(DurabilityViolation.class)
                .hasMessageContaining(reason);
        assertThatThrownBy(vfs::verify).isInstanceOf(DurabilityViolation.class);
    }

    @Test
    void fileAndDirectorySynced_holds() throws IOException {
        try (VfsFile out = vfs.create(file)) {
            write(out, 0, "hello");
            out.sync(true);
            syncDirectory(vfs, directory);
            vfs.relyOn(file, 5, "test");
            write(out, 5, "more"); // behind what is counted on
            vfs.relyOn(file, 5, "test");
        }
        vfs.verify();
        assertThat(vfs.reliances()).isEqualTo(2);
    }

    @Test
    void relyOnAbsence_deletedAndNotSynced_isAViolation() throws IOException {
        vfs.create(file).close();
        syncDirectory(vfs, directory);
        vfs.delete(file);
        assertThatThrownBy(() -> vfs.relyOnAbsence(file, "test"))
                .isInstanceOf(DurabilityViolation.class)
                .hasMessageContaining("being deleted on disk, but the deletion of ");
        syncDirectory(vfs, directory);
        vfs.relyOnAbsence(file, "test");
    }

    @Test
    void directoryNotSynced_isFound() throws IOException {
        try (VfsFile out = vfs.create(file)) {
            write(out, 0, "hello");
            out.sync(true);
        }
        assertMissing(file, 5, "its directory was not synced after it");
    }

    @Test
    void fileNotSynced_isFound() throws IOException {
        try (VfsFile out = vfs.create(file)) {
            write(out, 0, "hello");
            write(out, 5, " beach");
            syncDirectory(vfs, directory);
        }
        assertMissing(file, 5, "write of bytes 0 to 11");
    }

    @Test
    void appendDuringOneSync_isNotCoveredByIt() throws IOException {
        try (VfsFile out = vfs.create(file)) {
            syncDirectory(vfs, directory);
            write(out, 0, "one");
            out.sync(false);
            write(out, 3, "two");
            vfs.relyOn(file, 3, "test");
            assertMissing(file, 6, "write of bytes 3 to 6");
        }
    }

    @Test
    void mappedStore_isAWrite() throws IOException {
        try (VfsFile out = vfs.create(file)) {
            out.allocate(8192);
            out.sync(true);
            syncDirectory(vfs, directory);
            VfsMapping mapping = out.map(8192);
            mapping.put(100, Native.of("x"), 0, 1);
            vfs.relyOn(file, 100, "test");
            assertMissing(file, 101, "write of bytes 100 to 101");
            out.sync(false);
            vfs.relyOn(file, 8192, "test");
            mapping.close();
        }
    }

    @Test
    void renameNotSynced_isFound_andOverAnUnsyncedFileToo() throws IOException {
        Path other = directory.resolve("g");
        try (VfsFile out = vfs.create(file)) {
            out.sync(true);
            syncDirectory(vfs, directory);
        }
        vfs.rename(file, other);
        assertMissing(other, 0, "rename of");
        syncDirectory(vfs, directory);
        vfs.relyOn(other, 0, "test");
        try (VfsFile out = vfs.create(file)) {
            write(out, 0, "new");
        }
        assertThatThrownBy(() -> vfs.rename(file, other)).isInstanceOf(DurabilityViolation.class);
        assertThat(Files.size(other)).isZero(); // it was stopped
    }

    @Test
    void nestedDirectoryNotSynced_isFound() throws IOException {
        Path inner = directory.resolve("inner");
        vfs.makeDirectory(inner);
        try (VfsFile out = vfs.create(inner.resolve("f"))) {
            out.sync(true);
        }
        syncDirectory(vfs, inner);
        assertMissing(inner.resolve("f"), 0, "creation of");
    }

    @Test
    void whatWasThereBefore_orCameFromOutside_countsAsOnDisk() throws IOException {
        Files.writeString(file, "from before");
        vfs.relyOn(file, 11, "test");
        assertThatThrownBy(() -> vfs.relyOn(file, 12, "test")).hasMessageContaining("only 11 bytes");

        Path outside = directory.resolve("outside");
        Files.writeString(outside, "x");
        vfs.relyOn(outside, 1, "test");
        Files.delete(outside);
        assertThatThrownBy(() -> vfs.relyOn(outside, 1, "test")).hasMessageContaining("there is no outside");

        try (VfsFile out = vfs.create(outside)) {
            write(out, 0, "y");
            out.sync(true);
        }
        Files.writeString(outside, "longer"); // past the watcher, and nothing of its own was left to sync
        assertThatThrownBy(() -> vfs.relyOn(outside, 6, "test"))
                .hasMessageContaining("its directory was not synced")
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("the file was not synced"));
    }

    @Test
    void fileChangedFromOutsideToo_staysInDoubt() throws IOException {
        try (VfsFile out = vfs.create(file)) {
            syncDirectory(vfs, directory);
            write(out, 0, "not synced");
        }
        Files.writeString(file, "and longer now");
        assertMissing(file, 3, "write of bytes 0 to 10");
        try (VfsFile out = vfs.openForWrite(file)) {
            out.sync(true);
        }
        vfs.relyOn(file, 14, "test");
    }

    @Test
    void writeThatFailsHalfway_isNotHealedByAClose() throws IOException {
        CheckedVfs broken = new CheckedVfs(wrap(Vfs.class, Vfs.system(), (target, method, arguments) -> {
            if (method.equals("write") && (long) arguments[3] > 4) {
                ((VfsFile) target).write((long) arguments[0], (MemorySegment) arguments[1], 0, 3);
                throw new IOException("Input/output error");
            }
        }));
        try (VfsFile out = broken.create(file)) {
            out.sync(true);
            syncDirectory(broken, directory);
            assertThatThrownBy(() -> write(out, 0, "hello")).isInstanceOf(IOException.class);
        }
        assertThatThrownBy(() -> broken.relyOn(file, 1, "test")).hasMessageContaining("write of bytes 0 to 3 ");
        try (VfsFile out = broken.openForWrite(file)) {
            out.sync(true);
        }
        broken.relyOn(file, 3, "test");
        assertThatThrownBy(() -> broken.relyOn(file, 4, "test")).hasMessageContaining("only 3 bytes");
    }

    @Test
    void allocationThatFailsHalfway_isNotHealedByAClose() throws IOException {
        CheckedVfs broken = new CheckedVfs(wrap(Vfs.class, Vfs.system(), (target, method, arguments) -> {
            if (method.equals("allocate") && (long) arguments[0] > 100) {
                ((VfsFile) target).allocate(100);
                throw new IOException("No space left on device");
            }
        }));
        try (VfsFile out = broken.create(file)) {
            syncDirectory(broken, directory);
            assertThatThrownBy(() -> out.allocate(1000)).isInstanceOf(IOException.class);
        }
        assertThatThrownBy(() -> broken.relyOn(file, 100, "test")).hasMessageContaining("extension to 100");
    }

    @Test
    void linkedDirectoryPath_isTheSameFile() throws IOException {
        Path link = directory.resolve("link");
        Path target = Files.createDirectory(directory.resolve("target"));
        Files.createSymbolicLink(link, target);
        try (VfsFile out = vfs.create(link.resolve("f"))) {
            out.sync(true);
        }
        assertMissing(target.resolve("f"), 0, "its directory was not synced");
        syncDirectory(vfs, target);
        assertThatCode(() -> vfs.relyOn(link.resolve("f"), 0, "test")).doesNotThrowAnyException();
    }

    @Test
    void syncThatFails_leavesThePlaceInDoubt() throws IOException {
        boolean[] failing = new boolean[1];
        CheckedVfs broken = new CheckedVfs(failingSyncs(Vfs.system(), failing));
        try (VfsFile out = broken.create(file)) {
            syncDirectory(broken, directory);
            write(out, 0, "hello");
            failing[0] = true;
            assertThatThrownBy(() -> out.sync(true)).isInstanceOf(IOException.class);
            failing[0] = false;
            out.sync(true);
            assertThatThrownBy(() -> broken.relyOn(file, 5, "test")).hasMessageContaining("a sync of the file failed");
        }
        try (VfsFile out = broken.create(directory.resolve("g"));
                VfsDirectory handle = broken.openDirectory(directory)) {
            out.sync(true);
            failing[0] = true;
            assertThatThrownBy(handle::sync).isInstanceOf(IOException.class);
            failing[0] = false;
            handle.sync();
            assertThatThrownBy(() -> broken.relyOn(directory.resolve("g"), 0, "test"))
                    .hasMessageContaining("in doubt since the sync of its directory failed");
        }
    }

    @Test
    void changesDuringASync_areNotCoveredByIt() throws IOException {
        Runnable[] during = {() -> {}};
        CheckedVfs slow = new CheckedVfs(wrap(Vfs.class, Vfs.system(), (target, method, arguments) -> {
            if (method.equals("sync")) {
                during[0].run();
            }
        }));
        try (VfsFile out = slow.create(file);
                VfsDirectory handle = slow.openDirectory(directory)) {
            handle.sync();
            write(out, 0, "one");
            during[0] = () -> unchecked(() -> write(out, 3, "two"));
            out.sync(false);
            slow.relyOn(file, 3, "test");
            assertThatThrownBy(() -> slow.relyOn(file, 6, "test")).hasMessageContaining("write of bytes 3 to 6");

            during[0] =
                    () -> unchecked(() -> slow.create(directory.resolve("g")).close());
            handle.sync();
            assertThatThrownBy(() -> slow.relyOn(directory.resolve("g"), 0, "test"))
                    .hasMessageContaining("its directory was not synced");
        }
    }

    private interface Body {
        void run() throws IOException;
    }

    private static void unchecked(Body body) {
        try {
            body.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void directoryNotSyncable_namesAreNotChecked() throws IOException {
        Vfs windows = wrap(Vfs.class, Vfs.system(), (target, method, arguments) -> {
            if (method.equals("openDirectory")) {
                throw new NotSyncableException("as on Windows");
            }
        });
        CheckedVfs checked = new CheckedVfs(windows);
        assertThatThrownBy(() -> checked.openDirectory(directory)).isInstanceOf(NotSyncableException.class);
        try (VfsFile out = checked.create(file)) {
            write(out, 0, "x");
            assertThatThrownBy(() -> checked.relyOn(file, 1, "test")).isInstanceOf(DurabilityViolation.class);
            out.sync(true);
            checked.relyOn(file, 1, "test");
        }
    }

    /** What to do before a call goes on. */
    private interface Before {
        void call(Object target, String method, Object[] arguments) throws Throwable;
    }

    private static Vfs failingSyncs(Vfs real, boolean[] failing) {
        return wrap(Vfs.class, real, (target, method, arguments) -> {
            if (method.equals("sync") && failing[0]) {
                throw new IOException("Input/output error");
            }
        });
    }

    /** Wraps an object of the seam, and those that its methods return. */
    private static <T> T wrap(Class<T> type, T target, Before before) {
        InvocationHandler handler = (proxy, method, arguments) -> {
            Object[] given = arguments == null ? new Object[0] : arguments;
            before.call(target, method.getName(), given);
            try {
                Object result = method.invoke(target, given);
                if (result instanceof VfsFile opened) {
                    return wrap(VfsFile.class, opened, before);
                }
                return result instanceof VfsDirectory opened ? wrap(VfsDirectory.class, opened, before) : result;
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        };
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }
}
