package io.beachdb.wal;

import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsDirectory;
import io.beachdb.durability.VfsFile;
import io.beachdb.durability.VfsMapping;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The machine's files, with a test looking on before each operation that changes or syncs one: it may hold it or fail it. */
final class HookedVfs implements Vfs {
    /** What is about to happen. */
    enum Operation {
        CREATE,
        WRITE,
        PUT,
        SYNC,
        MAP,
        RENAME,
        DELETE
    }

    interface Hook {
        void before(Operation operation, String name) throws IOException;
    }

    /** Whether leaders and writers do their own writes and syncs, as on Linux, or engine threads do, as elsewhere. */
    static volatile boolean interruptSafe = true;

    private final Vfs system = Vfs.system();
    volatile Hook hook = (operation, name) -> {};

    private void before(Operation operation, Path path) throws IOException {
        hook.before(operation, String.valueOf(path.getFileName()));
    }

    @Override
    public VfsFile create(Path path) throws IOException {
        before(Operation.CREATE, path);
        return new HookedFile(path, system.create(path));
    }

    @Override
    public VfsFile openForWrite(Path path) throws IOException {
        return new HookedFile(path, system.openForWrite(path));
    }

    @Override
    public VfsFile openForRead(Path path) throws IOException {
        return system.openForRead(path);
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        before(Operation.RENAME, to);
        system.rename(from, to);
        HookedFile.renamed(from, to);
    }

    @Override
    public void link(Path existing, Path link) throws IOException {
        system.link(existing, link);
    }

    @Override
    public void delete(Path path) throws IOException {
        before(Operation.DELETE, path);
        system.delete(path);
    }

    @Override
    public void makeDirectory(Path path) throws IOException {
        system.makeDirectory(path);
    }

    @Override
    public VfsDirectory openDirectory(Path path) throws IOException {
        return system.openDirectory(path);
    }

    @Override
    public List<String> list(Path directory) throws IOException {
        return system.list(directory);
    }

    @Override
    public PathKind kind(Path path) throws IOException {
        return system.kind(path);
    }

    @Override
    public Path resolve(Path path) throws IOException {
        return system.resolve(path);
    }

    @Override
    public @Nullable VfsLock tryLock(Path path, boolean shared) throws IOException {
        return system.tryLock(path, shared);
    }

    private final class HookedFile implements VfsFile {
        private static final java.util.Map<Path, HookedFile> OPEN = new java.util.concurrent.ConcurrentHashMap<>();
        private volatile Path path;
        private final VfsFile file;

        HookedFile(Path path, VfsFile file) {
            this.path = path;
            this.file = file;
            OPEN.put(path, this);
        }

        static void renamed(Path from, Path to) {
            HookedFile moved = OPEN.remove(from);
            if (moved != null) {
                moved.path = to;
                OPEN.put(to, moved);
            }
        }

        @Override
        public int read(long position, MemorySegment destination, long at, int length) throws IOException {
            return file.read(position, destination, at, length);
        }

        @Override
        public void write(long position, MemorySegment source, long at, long length) throws IOException {
            before(Operation.WRITE, path);
            file.write(position, source, at, length);
        }

        @Override
        public long size() throws IOException {
            return file.size();
        }

        @Override
        public void truncate(long size) throws IOException {
            file.truncate(size);
        }

        @Override
        public void allocate(long size) throws IOException {
            file.allocate(size);
        }

        @Override
        public void sync(boolean metadata) throws IOException {
            before(Operation.SYNC, path);
            file.sync(metadata);
        }

        @Override
        public int interruptSafeBytes() {
            return interruptSafe ? file.interruptSafeBytes() : 0;
        }

        @Override
        public VfsMapping map(long length) throws IOException {
            before(Operation.MAP, path);
            VfsMapping mapping = file.map(length);
            return new VfsMapping() {
                @Override
                public void put(long position, MemorySegment source, long at, long length) throws IOException {
                    before(Operation.PUT, path);
                    mapping.put(position, source, at, length);
                }

                @Override
                public void close() {
                    mapping.close();
                }
            };
        }

        @Override
        public void close() throws IOException {
            OPEN.remove(path, this);
            file.close();
        }
    }
}
