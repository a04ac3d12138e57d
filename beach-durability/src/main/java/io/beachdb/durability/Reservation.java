package io.beachdb.durability;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * Asks Linux for a file's blocks without writing zeros into them, where the application lets this library call native code
 * (decision 0016). A file system keeps such blocks marked as unwritten, and reads zeros from them.
 *
 * <p>Java does not give away the descriptor of an open file, so the file is opened once more, by its path.
 */
final class Reservation {
    // <fcntl.h>, the same on every architecture that JDK 25 supports.
    private static final int O_RDWR = 2;
    private static final int O_CLOEXEC = 0x80000;

    private static final @Nullable Calls CALLS = find();

    private record Calls(MethodHandle open, MethodHandle fallocate, MethodHandle close) {}

    private Reservation() {}

    @SuppressWarnings("restricted") // asked first, so that no warning is printed
    private static @Nullable Calls find() {
        if (!SystemVfs.LINUX || !Reservation.class.getModule().isNativeAccessEnabled()) {
            return null;
        }
        Linker linker = Linker.nativeLinker();
        return new Calls(
                linker.downcallHandle(
                        linker.defaultLookup().findOrThrow("open"),
                        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
                        Linker.Option.firstVariadicArg(2)),
                linker.downcallHandle(
                        linker.defaultLookup().findOrThrow("fallocate"),
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG)),
                linker.downcallHandle(
                        linker.defaultLookup().findOrThrow("close"),
                        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT)));
    }

    /** Returns what tells a file from all others, whatever its name. */
    static Object identity(Path path) throws IOException {
        Object key = Files.readAttributes(path, BasicFileAttributes.class).fileKey();
        return key == null ? path : key;
    }

    /**
     * Extends a file by blocks that read as zeros.
     *
     * @param identity of the file that is meant, from when it was opened: by now the path may lead to another one
     * @param from its size
     * @param to what the size is to be
     * @return whether it was done; if not, nobody knows how much of it was, and the file's size tells
     */
    static boolean reserve(Path path, Object identity, long from, long to) throws IOException {
        Calls calls = CALLS;
        if (calls == null || !Files.exists(path) || !identity(path).equals(identity)) {
            return false;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom(path.toString());
            int descriptor = (int) calls.open.invokeExact(name, O_RDWR | O_CLOEXEC);
            if (descriptor < 0) {
                return false;
            }
            int failed = (int) calls.fallocate.invokeExact(descriptor, 0, from, to - from);
            int closed = (int) calls.close.invokeExact(descriptor); // nothing was written by it
            return failed == 0 && closed == 0;
        } catch (Throwable e) {
            throw new AssertionError("a system call threw", e);
        }
    }
}
