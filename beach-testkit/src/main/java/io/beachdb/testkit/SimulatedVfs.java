package io.beachdb.testkit;

import io.beachdb.durability.NotSyncableException;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsDirectory;
import io.beachdb.durability.VfsFile;
import io.beachdb.durability.VfsMapping;
import io.beachdb.testkit.DiskModel.DirectoryNode;
import io.beachdb.testkit.DiskModel.FileNode;
import io.beachdb.testkit.DiskModel.Node;
import io.beachdb.testkit.DiskModel.Saved;
import io.beachdb.testkit.DiskOperation.Kind;
import io.beachdb.testkit.SimulatedDisk.Done;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.ClosedChannelException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The files of a {@link SimulatedDisk} as one simulated process sees them. Errors are those of {@link Vfs#system()}. When
 * the process has ended, every call throws a {@link SimulatedEnd}.
 */
public final class SimulatedVfs implements Vfs {
    private final SimulatedDisk disk;
    private final SimulatedProcess process;
    private final List<FileNode> openFiles = new ArrayList<>(); // guarded by disk; one entry for each handle
    private final List<FileNode> mappedFiles = new ArrayList<>(); // guarded by disk; those of them that are mappings
    private final List<Path> openDirectories = new ArrayList<>(); // guarded by disk; one entry for each handle
    private volatile @Nullable SimulatedEnd end;

    SimulatedVfs(SimulatedDisk disk, SimulatedProcess process) {
        this.disk = disk;
        this.process = process;
    }

    /** Returns the process whose files these are. */
    public SimulatedProcess process() {
        return process;
    }

    /** Returns the disk. */
    public SimulatedDisk disk() {
        return disk;
    }

    /**
     * Kills the process, as SIGKILL does: the machine keeps all that is pending, still pending, and its locks and open
     * files go. Its tasks end.
     */
    public void kill() {
        disk.kill(this);
    }

    /** Returns whether the process runs. */
    public boolean isAlive() {
        return end == null;
    }

    boolean end(SimulatedEnd how) {
        if (end != null) {
            return false;
        }
        end = how;
        return true;
    }

    /** Returns what the process has open, for tests that look for leaks: a path for each handle and each mapping. */
    public List<Path> openPaths() {
        synchronized (disk) {
            List<Path> paths = new ArrayList<>(openDirectories);
            openFiles.forEach(file -> paths.add(file.path));
            return paths;
        }
    }

    List<FileNode> openFiles() {
        return openFiles;
    }

    List<FileNode> takeOpenFiles() {
        List<FileNode> taken = List.copyOf(openFiles);
        openFiles.clear();
        mappedFiles.forEach(file -> file.mapped--);
        mappedFiles.clear();
        openDirectories.clear();
        return taken;
    }

    void checkAlive() {
        SimulatedEnd ended = end;
        if (ended != null) {
            throw ended.again();
        }
    }

    @Override
    public VfsFile create(Path path) throws IOException {
        Path at = resolve(path);
        return disk.perform(this, Kind.CREATE, at, () -> {
            DirectoryNode directory = directoryOf(at);
            if (disk.model().find(at) != null) {
                throw new FileAlreadyExistsException(at.toString());
            }
            FileNode file = disk.model().newFile(at);
            disk.model().create(directory, at, file);
            return new Handle(file, true);
        });
    }

    @Override
    public VfsFile openForWrite(Path path) throws IOException {
        Path at = resolve(path);
        return disk.perform(this, Kind.OPEN_FOR_WRITE, at, () -> new Handle(fileAt(at), true));
    }

    @Override
    public VfsFile openForRead(Path path) throws IOException {
        Path at = resolve(path);
        return disk.perform(this, Kind.OPEN_FOR_READ, at, () -> new Handle(fileAt(at), false));
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        Path oldPath = resolve(from);
        Path newPath = resolve(to);
        disk.perform(this, Kind.RENAME, oldPath, newPath, 0, 0, null, nothing(() -> renameNow(oldPath, newPath)));
    }

    private void renameNow(Path from, Path to) throws IOException {
        DirectoryNode source = directoryOf(from);
        DirectoryNode target = directoryOf(to);
        Node node = nodeAt(from);
        Node replaced = disk.model().find(to);
        if (replaced == node) {
            return; // one file by two names: both stay
        }
        if (disk.openFilesHeld()) {
            HeldFiles.checkRename(node, replaced, from, to);
        }
        if (node instanceof DirectoryNode && to.startsWith(from)) {
            throw new FileSystemException(from.toString(), to.toString(), "Invalid argument");
        }
        if (replaced instanceof DirectoryNode directory) {
            if (node instanceof FileNode) {
                throw new FileSystemException(from.toString(), to.toString(), "Is a directory");
            }
            if (!directory.live.isEmpty()) {
                throw new FileSystemException(from.toString(), to.toString(), "Directory not empty");
            }
        } else if (replaced != null && node instanceof DirectoryNode) {
            throw new FileSystemException(from.toString(), to.toString(), "Not a directory");
        }
        disk.relyOnRename(node, replaced, from, to);
        disk.model().rename(source, from, target, to);
        disk.dropIfGone(replaced);
    }

    @Override
    public void link(Path existing, Path link) throws IOException {
        Path from = resolve(existing);
        Path to = resolve(link);
        disk.perform(this, Kind.LINK, from, to, 0, 0, null, nothing(() -> {
            Node node = nodeAt(from);
            DirectoryNode directory = directoryOf(to);
            if (disk.model().find(to) != null) {
                throw new FileAlreadyExistsException(to.toString());
            }
            if (!(node instanceof FileNode)) {
                throw new FileSystemException(to.toString(), from.toString(), "Operation not permitted");
            }
            if (!disk.links()) {
                throw new FileSystemException(to.toString(), from.toString(), "Invalid cross-device link");
            }
            disk.model().link(from, directory, to, node);
        }));
    }

    @Override
    public void delete(Path path) throws IOException {
        Path at = resolve(path);
        disk.perform(this, Kind.DELETE, at, nothing(() -> {
            DirectoryNode directory = directoryOf(at);
            Node node = nodeAt(at);
            if (node instanceof DirectoryNode inner && !inner.live.isEmpty()) {
                throw new DirectoryNotEmptyException(at.toString());
            }
            if (disk.openFilesHeld()) {
                HeldFiles.checkDelete(node, at);
            }
            disk.model().delete(directory, at);
            disk.dropIfGone(node);
        }));
    }

    @Override
    public void makeDirectory(Path path) throws IOException {
        Path at = resolve(path);
        disk.perform(this, Kind.MAKE_DIRECTORY, at, nothing(() -> {
            DirectoryNode directory = directoryOf(at);
            if (disk.model().find(at) != null) {
                throw new FileAlreadyExistsException(at.toString());
            }
            disk.model().create(directory, at, disk.model().newDirectory());
        }));
    }

    @Override
    public VfsDirectory openDirectory(Path path) throws IOException {
        Path at = resolve(path);
        return disk.perform(this, Kind.OPEN_DIRECTORY, at, () -> {
            if (!(nodeAt(at) instanceof DirectoryNode directory)) {
                throw new NotDirectoryException(at.toString());
            }
            if (!directory.syncable) {
                throw new NotSyncableException(at + ": this disk does not sync directories");
            }
            return new DirectoryHandle(directory, at);
        });
    }

    @Override
    public List<String> list(Path directory) throws IOException {
        Path at = resolve(directory);
        return disk.perform(this, Kind.LIST, at, () -> {
            Node node = disk.model().find(at);
            if (node instanceof DirectoryNode listed) {
                return List.copyOf(listed.live.keySet());
            }
            throw node == null && missing(at) instanceof NoSuchFileException absent
                    ? absent
                    : new NotDirectoryException(at.toString());
        });
    }

    @Override
    public PathKind kind(Path path) throws IOException {
        Path at = resolve(path);
        return disk.perform(this, Kind.FIND, at, () -> switch (disk.model().find(at)) {
            case null -> PathKind.ABSENT;
            case FileNode file -> PathKind.FILE;
            case DirectoryNode directory -> PathKind.DIRECTORY;
        });
    }

    /** Returns the path from the root; there are no links to resolve. */
    @Override
    public Path resolve(Path path) {
        checkAlive();
        return path.isAbsolute() ? path.normalize() : Path.of("/").resolve(path).normalize();
    }

    @Override
    public @Nullable VfsLock tryLock(Path path, boolean shared) throws IOException {
        Path at = resolve(path);
        Handle[] locked = new Handle[1];
        disk.perform(this, Kind.LOCK, at, nothing(() -> {
            FileNode file = fileAt(at);
            if (disk.lock(this, file, shared)) {
                locked[0] = new Handle(file, false);
            }
        }));
        Handle handle = locked[0];
        return handle == null ? null : handle::close;
    }

    /** {@inheritDoc} Here it is checked: what is not on disk at this moment is a {@link DurabilityViolation}. */
    @Override
    public void relyOn(Path file, long bytes, String what, @Nullable SyncSite site) {
        disk.relyOn(this, resolve(file), bytes, what, site);
    }

    /** {@inheritDoc} Checked here as {@link #relyOn} is. */
    @Override
    public void relyOnAbsence(Path path, String what, @Nullable SyncSite site) {
        disk.relyOnAbsence(this, resolve(path), what, site);
    }

    @Override
    public String toString() {
        return "files of " + process;
    }

    private Node nodeAt(Path path) throws IOException {
        Node node = disk.model().find(path);
        if (node == null) {
            throw missing(path);
        }
        return node;
    }

    /** Returns the system's error for a path that leads to nothing. */
    private IOException missing(Path path) {
        for (Path at = path.getParent(); at != null; at = at.getParent()) {
            if (disk.model().find(at) instanceof FileNode) {
                return new FileSystemException(path.toString(), null, "Not a directory");
            }
        }
        return new NoSuchFileException(path.toString());
    }

    private FileNode fileAt(Path path) throws IOException {
        if (nodeAt(path) instanceof FileNode file) {
            return file;
        }
        throw new FileSystemException(path.toString(), null, "Is a directory");
    }

    private DirectoryNode directoryOf(Path path) throws IOException {
        if (path.getNameCount() == 0) {
            throw new FileSystemException(path.toString(), null, "Device or resource busy");
        }
        if (disk.model().find(path.getParent()) instanceof DirectoryNode directory) {
            return directory;
        }
        throw missing(path);
    }

    /** An effect without a result. */
    private interface Effect {
        void run() throws IOException;
    }

    private static SimulatedDisk.Action<Done> nothing(Effect effect) {
        return () -> {
            effect.run();
            return Done.DONE;
        };
    }

    /** A close, which closes also when it reports an error, as the system's does. */
    private static SimulatedDisk.Action<Done> closing(Runnable effect) {
        return new SimulatedDisk.Action<>() {
            @Override
            public Done run() {
                effect.run();
                return Done.DONE;
            }

            @Override
            public void runFailed(Saved saved) {
                effect.run();
            }
        };
    }

    /** A sync: it saves what was changed before it began, and what it does not save when it fails is doomed. */
    private abstract class Sync implements SimulatedDisk.Action<Done> {
        private final Node node;
        private final Path path;
        final long upTo;

        Sync(Node node, Path path, long upTo) {
            this.node = node;
            this.path = path;
            this.upTo = upTo;
        }

        abstract void save(Saved saved);

        @Override
        public Done run() throws IOException {
            String late = node.untold;
            if (late != null) {
                runFailed(Saved.NOTHING);
                throw new FileSystemException(path.toString(), null, late);
            }
            save(Saved.ALL);
            return Done.DONE;
        }

        @Override
        public Done ignore() {
            return Done.DONE;
        }

        @Override
        public Done failLater(String message) {
            save(Saved.UNTOLD);
            node.untold = message;
            return Done.DONE;
        }

        @Override
        public void runFailed(Saved saved) {
            save(saved);
            node.untold = null;
            if (saved == Saved.REVERTED) {
                disk.recountSpace();
            }
        }
    }

    /** An open directory. */
    private final class DirectoryHandle implements VfsDirectory {
        private final DirectoryNode directory;
        private final Path path;
        private volatile boolean closed;

        /** Made with the disk locked. */
        DirectoryHandle(DirectoryNode directory, Path path) {
            this.directory = directory;
            this.path = path;
            openDirectories.add(path);
        }

        @Override
        public void sync() throws IOException {
            syncFor(null);
        }

        @Override
        public void sync(SyncSite site) throws IOException {
            syncFor(site);
        }

        private void syncFor(@Nullable SyncSite site) throws IOException {
            if (closed) {
                throw new ClosedChannelException();
            }
            Sync sync = new Sync(directory, path, beginSync()) {
                @Override
                void save(Saved saved) {
                    disk.model().syncDirectory(directory, upTo, saved);
                }
            };
            disk.perform(SimulatedVfs.this, Kind.SYNC_DIRECTORY, path, null, 0, 0, site, sync);
        }

        @Override
        public void close() throws IOException {
            if (!closed) {
                closed = true;
                disk.perform(SimulatedVfs.this, Kind.CLOSE, path, closing(() -> openDirectories.remove(path)));
            }
        }
    }

    /** Returns up to which change a sync that starts now saves; others may change more before it has its effect. */
    private long beginSync() {
        checkAlive();
        synchronized (disk) {
            return disk.model().beginSync();
        }
    }

    /** An open file. */
    private final class Handle implements VfsFile {
        private final FileNode file;
        private final boolean writable;
        private volatile boolean closed;

        /** Made with the disk locked. */
        Handle(FileNode file, boolean writable) {
            this.file = file;
            this.writable = writable;
            file.open++;
            openFiles.add(file);
        }

        private void checkOpen() throws IOException {
            checkAlive();
            if (closed) {
                throw new ClosedChannelException();
            }
        }

        private void checkWritable() throws IOException {
            checkOpen();
            if (!writable) {
                throw new IOException(file.path + " is open for reading only");
            }
        }

        private <T> T perform(Kind kind, long offset, long length, SimulatedDisk.Action<T> action) throws IOException {
            return disk.perform(SimulatedVfs.this, kind, file.path, null, offset, length, null, action);
        }

        @Override
        public int read(long position, MemorySegment destination, long at, int length) throws IOException {
            checkOpen();
            checkPosition(position);
            Objects.checkFromIndexSize(at, length, destination.byteSize());
            return perform(Kind.READ, position, length, () -> file.live.read(position, destination, at, length));
        }

        @Override
        public void write(long position, MemorySegment source, long at, long length) throws IOException {
            checkWritable();
            checkPosition(position);
            byte[] bytes = copy(source, at, length);
            perform(Kind.WRITE, position, length, new Write(file, position, bytes));
        }

        @Override
        public long size() throws IOException {
            checkOpen();
            return perform(Kind.SIZE, 0, 0, () -> file.live.size());
        }

        @Override
        public void truncate(long size) throws IOException {
            checkWritable();
            checkPosition(size);
            perform(Kind.TRUNCATE, size, 0, nothing(() -> grow(size, true)));
        }

        @Override
        public void allocate(long size) throws IOException {
            checkWritable();
            perform(Kind.ALLOCATE, size, 0, nothing(() -> grow(size, false)));
        }

        private void grow(long size, boolean mayShrink) throws IOException {
            if (disk.openFilesHeld() && mayShrink) {
                HeldFiles.checkCut(file, size);
            }
            long before = file.live.size();
            long reached = size <= before ? size : Math.max(before, disk.room(file, size));
            if (reached > before || mayShrink) {
                disk.model().resize(file, reached);
                disk.resized(file, before);
            }
            if (reached < size) {
                throw full();
            }
        }

        @Override
        public void sync(boolean metadata) throws IOException {
            syncFor(null);
        }

        @Override
        public void sync(boolean metadata, SyncSite site) throws IOException {
            syncFor(site);
        }

        private void syncFor(@Nullable SyncSite site) throws IOException {
            checkWritable();
            Sync sync = new Sync(file, file.path, beginSync()) {
                @Override
                void save(Saved saved) {
                    disk.model().syncFile(file, upTo, saved);
                }
            };
            disk.perform(SimulatedVfs.this, Kind.SYNC_FILE, file.path, null, 0, 0, site, sync);
        }

        @Override
        public int interruptSafeBytes() {
            return writable ? disk.interruptSafeBytes() : 0;
        }

        @Override
        public VfsMapping map(long length) throws IOException {
            checkWritable();
            return perform(Kind.MAP, length, 0, () -> {
                if (length > file.live.size()) {
                    throw new IOException(
                            "mapping of " + length + " bytes reaches beyond the file's " + file.live.size());
                }
                return new Mapping(file, length);
            });
        }

        @Override
        public void close() throws IOException {
            if (!closed) {
                closed = true;
                perform(Kind.CLOSE, 0, 0, closing(() -> letGo(file)));
            }
        }
    }

    /** A mapping: a store is a write that nobody synced. */
    private final class Mapping implements VfsMapping {
        private final FileNode file;
        private final long length;
        private volatile boolean closed;

        /** Made with the disk locked. */
        Mapping(FileNode file, long length) {
            this.file = file;
            this.length = length;
            file.open++;
            file.mapped++;
            openFiles.add(file);
            mappedFiles.add(file);
        }

        @Override
        public void put(long position, MemorySegment source, long at, long bytes) throws IOException {
            checkAlive();
            if (closed) {
                throw new IllegalStateException("Already closed");
            }
            Objects.checkFromIndexSize(position, bytes, length);
            Write store = new Write(file, position, copy(source, at, bytes));
            disk.perform(SimulatedVfs.this, Kind.PUT, file.path, null, position, bytes, null, store);
        }

        @Override
        public void close() {
            checkAlive();
            synchronized (disk) {
                if (!closed) {
                    closed = true;
                    // Unlike a handle: unmapping drops no lock.
                    openFiles.remove(file);
                    file.open--;
                    mappedFiles.remove(file);
                    file.mapped--;
                    disk.dropIfGone(file);
                }
            }
        }
    }

    /** A write, of which a full disk or a fault may leave only the front. */
    private final class Write implements SimulatedDisk.Action<Done> {
        private final FileNode file;
        private final long position;
        private final byte[] bytes;

        Write(FileNode file, long position, byte[] bytes) {
            this.file = file;
            this.position = position;
            this.bytes = bytes;
        }

        @Override
        public Done run() throws IOException {
            write(bytes.length);
            return Done.DONE;
        }

        @Override
        public void runFailed(Saved saved) throws IOException {
            write(saved.of(bytes.length));
        }

        private void write(int length) throws IOException {
            long before = file.live.size();
            long end = position + length;
            int room = end <= before ? length : (int) Math.max(0, disk.room(file, end) - position);
            disk.model().write(file, position, room == bytes.length ? bytes : Arrays.copyOf(bytes, room));
            disk.resized(file, before);
            if (room < length) {
                throw full();
            }
        }
    }

    private void letGo(FileNode file) {
        openFiles.remove(file);
        disk.closed(this, file);
    }

    private static IOException full() {
        return new IOException("No space left on device");
    }

    private static byte[] copy(MemorySegment source, long at, long length) {
        byte[] bytes = new byte[Math.toIntExact(length)];
        MemorySegment.copy(source, ValueLayout.JAVA_BYTE, at, bytes, 0, bytes.length);
        return bytes;
    }

    private static void checkPosition(long position) {
        if (position < 0) {
            throw new IllegalArgumentException("position is " + position + ", allowed 0 and more");
        }
    }
}
