package io.beachdb.db;

import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsDirectory;
import io.beachdb.durability.VfsFile;
import io.beachdb.durability.VfsMapping;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * As much of a disk as a log that grows wants: files keep nothing but their size. They are safe from interrupts, as on
 * Linux, so leaders write and writers sync on threads of their own.
 */
final class MemoryLogFiles implements Vfs {

    @Override
    public VfsFile create(Path path) {
        return new LogFile();
    }

    @Override
    public VfsFile openForWrite(Path path) {
        return new LogFile();
    }

    @Override
    public VfsFile openForRead(Path path) throws IOException {
        throw new IOException("nothing is read here");
    }

    @Override
    public void rename(Path from, Path to) {}

    @Override
    public void link(Path existing, Path link) {}

    @Override
    public void delete(Path path) {}

    @Override
    public void makeDirectory(Path path) {}

    @Override
    public VfsDirectory openDirectory(Path path) {
        return new VfsDirectory() {
            @Override
            public void sync() {}

            @Override
            public void close() {}
        };
    }

    @Override
    public List<String> list(Path directory) {
        return List.of();
    }

    @Override
    public PathKind kind(Path path) {
        return path.toString().contains(".") ? PathKind.ABSENT : PathKind.DIRECTORY;
    }

    @Override
    public Path resolve(Path path) {
        return path;
    }

    @Override
    public @Nullable VfsLock tryLock(Path path, boolean shared) {
        return null;
    }

    /** A file that forgets its bytes. */
    private static final class LogFile implements VfsFile {
        private volatile long size;

        @Override
        public int read(long position, MemorySegment destination, long at, int length) throws IOException {
            throw new IOException("nothing is read here");
        }

        @Override
        public void write(long position, MemorySegment source, long at, long length) {
            size = Math.max(size, position + length);
        }

        @Override
        public long size() {
            return size;
        }

        @Override
        public void truncate(long newSize) {
            size = newSize;
        }

        @Override
        public void allocate(long newSize) {
            size = newSize;
        }

        @Override
        public void sync(boolean metadata) {}

        @Override
        public int interruptSafeBytes() {
            return Integer.MAX_VALUE;
        }

        @Override
        public VfsMapping map(long length) throws IOException {
            throw new IOException("nothing is mapped here");
        }

        @Override
        public void close() {}
    }
}
