package io.beachdb.dbtestkit.strace;

import io.beachdb.dbtestkit.strace.FileCall.Kind;
import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsDirectory;
import io.beachdb.durability.VfsFile;
import io.beachdb.durability.VfsMapping;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The machine's own files, where each change is noted when it has returned. Stores into mappings are not. */
final class RecordingVfs implements Vfs {
    private final Vfs real = Vfs.system();
    private final List<FileCall> calls = new ArrayList<>(); // guarded by itself
    private long syncToLeaveOut; // guarded by calls; counted down

    /** Leaves one sync of a file out, and says that it was done: the mistake that a trace of the kernel finds. */
    void leaveOutSync(int number) {
        synchronized (calls) {
            syncToLeaveOut = number;
        }
    }

    private boolean isLeftOut() {
        synchronized (calls) {
            return --syncToLeaveOut == 0;
        }
    }

    List<FileCall> calls() {
        synchronized (calls) {
            return List.copyOf(calls);
        }
    }

    private void note(Kind kind, Path path, String other, long offset, long length) {
        synchronized (calls) {
            calls.add(new FileCall(kind, path.toString(), other, offset, length));
        }
    }

    private void note(Kind kind, Path path) {
        note(kind, path, "", 0, 0);
    }

    @Override
    public VfsFile create(Path path) throws IOException {
        VfsFile file = real.create(path);
        note(Kind.CREATE, path);
        return new RecordingFile(file, path);
    }

    @Override
    public VfsFile openForWrite(Path path) throws IOException {
        return new RecordingFile(real.openForWrite(path), path);
    }

    @Override
    public VfsFile openForRead(Path path) throws IOException {
        return real.openForRead(path);
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        real.rename(from, to);
        note(Kind.RENAME, from, to.toString(), 0, 0);
    }

    @Override
    public void link(Path existing, Path link) throws IOException {
        real.link(existing, link);
        note(Kind.LINK, existing, link.toString(), 0, 0);
    }

    @Override
    public void delete(Path path) throws IOException {
        real.delete(path);
        note(Kind.DELETE, path);
    }

    @Override
    public void makeDirectory(Path path) throws IOException {
        real.makeDirectory(path);
        note(Kind.MAKE_DIRECTORY, path);
    }

    @Override
    public VfsDirectory openDirectory(Path path) throws IOException {
        VfsDirectory directory = real.openDirectory(path);
        return new VfsDirectory() {
            @Override
            public void sync() throws IOException {
                directory.sync();
                note(Kind.SYNC, path);
            }

            @Override
            public void close() throws IOException {
                directory.close();
            }
        };
    }

    @Override
    public List<String> list(Path directory) throws IOException {
        return real.list(directory);
    }

    @Override
    public PathKind kind(Path path) throws IOException {
        return real.kind(path);
    }

    @Override
    public Path resolve(Path path) throws IOException {
        return real.resolve(path);
    }

    @Override
    public @Nullable VfsLock tryLock(Path path, boolean shared) throws IOException {
        return real.tryLock(path, shared);
    }

    /** A file open for writing. */
    private final class RecordingFile implements VfsFile {
        private final VfsFile file;
        private final Path path; // a file is not renamed while it is open

        RecordingFile(VfsFile file, Path path) {
            this.file = file;
            this.path = path;
        }

        @Override
        public int read(long position, MemorySegment destination, long at, int length) throws IOException {
            return file.read(position, destination, at, length);
        }

        @Override
        public void write(long position, MemorySegment source, long at, long length) throws IOException {
            file.write(position, source, at, length);
            if (length > 0) {
                note(Kind.WRITE, path, "", position, length);
            }
        }

        @Override
        public long size() throws IOException {
            return file.size();
        }

        @Override
        public void truncate(long size) throws IOException {
            boolean cuts = size < file.size(); // else there is nothing to do for the kernel
            file.truncate(size);
            if (cuts) {
                note(Kind.CUT, path, "", size, 0);
            }
        }

        @Override
        public void allocate(long size) throws IOException {
            long before = file.size();
            file.allocate(size);
            if (before < size) {
                note(Kind.WRITE, path, "", before, size - before);
            }
        }

        @Override
        public void sync(boolean metadata) throws IOException {
            if (!isLeftOut()) {
                file.sync(metadata);
            }
            note(metadata ? Kind.SYNC : Kind.DATA_SYNC, path);
        }

        @Override
        public int interruptSafeBytes() {
            return file.interruptSafeBytes();
        }

        @Override
        public VfsMapping map(long length) throws IOException {
            VfsMapping mapping = file.map(length);
            note(Kind.MAP, path, "", length, 0);
            return mapping;
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
