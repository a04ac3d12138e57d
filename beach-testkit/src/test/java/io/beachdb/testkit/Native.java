package io.beachdb.testkit;

import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Text and bytes in native memory, for tests. */
public final class Native {
    private Native() {}

    public static MemorySegment of(byte[] bytes) {
        MemorySegment memory = Arena.ofAuto().allocate(Math.max(1, bytes.length));
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return memory;
    }

    public static MemorySegment of(String text) {
        return of(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Writes ASCII text to a file. */
    public static void write(VfsFile file, long position, String text) throws IOException {
        file.write(position, of(text), 0, text.length());
    }

    public static byte[] read(VfsFile file, long position, int length) throws IOException {
        MemorySegment memory = Arena.ofAuto().allocate(Math.max(1, length));
        int count = file.read(position, memory, 0, length);
        return memory.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE);
    }

    public static String text(Vfs vfs, Path path) throws IOException {
        try (VfsFile file = vfs.openForRead(path)) {
            return new String(read(file, 0, (int) file.size()), StandardCharsets.UTF_8);
        }
    }

    public static void syncDirectory(Vfs vfs, Path path) throws IOException {
        try (var directory = vfs.openDirectory(path)) {
            directory.sync();
        }
    }
}
