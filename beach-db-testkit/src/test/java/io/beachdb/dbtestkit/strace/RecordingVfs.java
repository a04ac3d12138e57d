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

    /** Returns what {@link #note} is to be given for a call that begins now. */
    private int begin() {
        synchronized (calls) {
            return calls.size();
        }
    }

    private void note(int begun, Kind kind, Path path, String other, long offset, long length) {
        synchronized (calls) {
            calls.add(new FileCall(kind, path.toString(), other, offset, length, begun, calls.size()));
        }
    }

    private void note(int begun, Kind kind, Path path) {
        note(begun, kind, path, "", 0, 0);
    }

    @Override
    public VfsFile create(Path path) throws IOException {
        int begun = begin();
        VfsFile file = real.create(path);
        note(begun, Kind.CREATE, path);
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
        int begun = begin();
        real.rename(from, to);
        note(begun, Kind.RENAME, from, to.toString(), 0, 0);
    }

    @Override
    public void link(Path existing, Path link) throws IOException {
        int begun = begin();
        real.link(existing, link);
        note(begun, Kind.LINK, existing, link.toString(), 0, 0);
    }

    @Override
    public void delete(Path path) throws IOException {
        int begun = begin();
        real.delete(path);
        note(begun, Kind.DELETE, path);
    }

    @Override
    public void makeDirectory(Path path) throws IOException {
        int begun = begin();
        real.makeDirectory(path);
        note(begun, Kind.MAKE_DIRECTORY, path);
    }

    @Override
    public VfsDirectory openDirectory(Path path) throws IOException {
        VfsDirectory directory = real.openDirectory(path);
        return new VfsDirectory() {
            @Override
            public void sync() throws IOException {
                int begun = begin();
                directory.sync();
                note(begun, Kind.SYNC, path);
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
            int begun = begin();
            file.write(position, source, at, length);
            if (length > 0) {
                note(begun, Kind.WRITE, path, "", position, length);
            }
        }

        @Override
        public long size() throws IOException {
            return file.size();
        }

        @Override
        public void truncate(long size) throws IOException {
            int begun = begin();
            boolean cuts = size < file.size(); // else there is nothing to do for the kernel
            file.truncate(size);
            if (cuts) {
                note(begun, Kind.CUT, path, "", size, 0);
            }
        }

        @Override
        public void allocate(long size) throws IOException {
            int begun = begin();
            long before = file.size();
            file.allocate(size);
            if (before < size) {
                note(begun, Kind.WRITE, path, "", before, size - before);
            }
        }

        @Override
        public void sync(boolean metadata) throws IOException {
            int begun = begin();
            if (!isLeftOut()) {
                file.sync(metadata);
            }
            note(begun, metadata ? Kind.SYNC : Kind.DATA_SYNC, path);
        }

        @Override
        public int interruptSafeBytes() {
            return file.interruptSafeBytes();
        }

        @Override
        public VfsMapping map(long length) throws IOException {
            int begun = begin();
            VfsMapping mapping = file.map(length);
            note(begun, Kind.MAP, path, "", length, 0);
            return mapping;
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
