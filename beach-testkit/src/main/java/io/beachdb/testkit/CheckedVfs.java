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
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Real files, watched: notes every write, sync and change of names, and so knows what is on disk for certain. At each
 * {@link #relyOn}, and at each rename over another file, it checks that what is counted on is, and throws a
 * {@link DurabilityViolation} if not. So every test on real files finds the syncs that its code forgot, without any cut.
 *
 * <p>On request it also refuses what Windows refuses ({@link #setOpenFilesHeld}).
 *
 * <p>What was there before, and what was changed past this object, counts as on disk; but not in a file that was changed through it
 * as well and not synced since, or whose sync failed. Use one for a test, so that two
 * opens of one directory meet the same lock registry. Safe for many threads.
 */
public final class CheckedVfs implements Vfs {
    private final Vfs real;
    // Guarded by this. The real change of a name happens under it too, so that nobody meets a name that is not noted
    // yet.
    private final DiskModel model = new DiskModel(true);
    private final List<DurabilityViolation> violations = new ArrayList<>();
    private long reliances;
    private boolean openFilesHeld = HeldFiles.AT_FIRST;

    /** @param real its paths are those of the default file system */
    public CheckedVfs(Vfs real) {
        this.real = real;
    }

    /** Watches the machine's own file system. */
    public static CheckedVfs system() {
        return new CheckedVfs(Vfs.system());
    }

    /**
     * As {@link SimulatedDisk#setOpenFilesHeld}, for what is opened through this object from here on; what somebody else has open,
     * the machine's own file system knows alone.
     */
    public synchronized void setOpenFilesHeld(boolean held) {
        openFilesHeld = held;
    }

    /** Returns how often something was counted on, and checked. */
    public synchronized long reliances() {
        return reliances;
    }

    /** Throws the first violation there was, also if somebody caught it. */
    public synchronized void verify() {
        if (!violations.isEmpty()) {
            throw violations.getFirst();
        }
    }

    @Override
    public synchronized void relyOn(Path file, long bytes, String what, @Nullable SyncSite site) {
        reliances++;
        try {
            Path at = where(file);
            observe(at);
            throwIfFound(Reliance.check(model, at, bytes, what, site));
        } catch (IOException e) {
            throwIfFound(new DurabilityViolation(
                    Reliance.event(what, site) + " counts on " + file + ", which cannot be looked at: " + e));
        }
    }

    @Override
    public synchronized void relyOnAbsence(Path path, String what, @Nullable SyncSite site) {
        reliances++;
        try {
            Path at = where(path);
            observe(at);
            throwIfFound(Reliance.checkAbsence(model, at, what, site));
        } catch (IOException e) {
            throwIfFound(new DurabilityViolation(Reliance.event(what, site) + " counts on " + path
                    + " being deleted, which cannot be looked at: " + e));
        }
    }

    private void throwIfFound(@Nullable DurabilityViolation violation) {
        if (violation != null) {
            violations.add(violation);
            throw violation;
        }
    }

    // ---- what is known; called with this locked

    /** Returns the path by which the model knows a name: links on the way resolved, the name itself not. */
    private Path where(Path path) throws IOException {
        Path absolute = path.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        return parent == null ? absolute : real.resolve(parent).resolve(absolute.getFileName());
    }

    /** Returns what a path leads to, after taking over what was changed from outside; null if nothing. */
    private @Nullable Node observe(Path path) throws IOException {
        if (path.getNameCount() == 0) {
            return model.find(path);
        }
        PathKind kind = real.kind(path);
        Node known = model.find(path);
        if (kind == PathKind.ABSENT && known == null) {
            return null;
        }
        DirectoryNode directory = directoryOf(path);
        String name = DiskModel.lastName(path);
        switch (kind) {
            case FILE -> {
                long size = Files.size(path); // not by opening it, which would drop the process's lock on it
                if (!(known instanceof FileNode file)) {
                    FileNode found = model.newFile(path);
                    model.setDurable(directory, name, found);
                    model.setDurable(found, size);
                    return found;
                }
                if (file.open == 0 && file.live.size() != size) {
                    if (DiskModel.hasUnsavedBytes(file)) {
                        model.resize(file, size); // what is in doubt is no less so
                    } else {
                        model.setDurable(file, size);
                    }
                }
                return file;
            }
            case DIRECTORY -> {
                if (!(known instanceof DirectoryNode)) {
                    DirectoryNode found = model.newDirectory();
                    model.setDurable(directory, name, found);
                    return found;
                }
                return known;
            }
            case ABSENT, OTHER -> {
                if (known != null) {
                    model.setDurable(directory, name, null);
                }
                return null;
            }
        }
        throw new AssertionError(kind);
    }

    private DirectoryNode directoryOf(Path path) throws IOException {
        Path parent = path.getParent();
        Node known = model.find(parent);
        if (known == null && parent != null) {
            known = observe(parent);
        }
        if (known instanceof DirectoryNode directory) {
            return directory;
        }
        throw new NoSuchFileException(path.toString());
    }

    private boolean hasDirectory(Path path) throws IOException {
        Path parent = path.getParent();
        return parent != null && observe(parent) instanceof DirectoryNode;
    }

    private FileNode fileAt(Path path) throws IOException {
        if (observe(path) instanceof FileNode file) {
            return file;
        }
        throw new NoSuchFileException(path.toString());
    }

    // ---- names

    @Override
    public synchronized VfsFile create(Path path) throws IOException {
        Path at = where(path);
        observe(at);
        VfsFile opened = real.create(path);
        FileNode file = model.newFile(at);
        model.create(directoryOf(at), at, file);
        return new CheckedFile(opened, file);
    }

    @Override
    public synchronized VfsFile openForWrite(Path path) throws IOException {
        VfsFile opened = real.openForWrite(path);
        return new CheckedFile(opened, fileAt(where(path)));
    }

    @Override
    public synchronized VfsFile openForRead(Path path) throws IOException {
        VfsFile opened = real.openForRead(path);
        return openFilesHeld && observe(where(path)) instanceof FileNode file ? new HeldFile(opened, file) : opened;
    }

    @Override
    public synchronized void rename(Path from, Path to) throws IOException {
        Path oldPath = where(from);
        Path newPath = where(to);
        Node node = observe(oldPath);
        Node replaced = observe(newPath);
        if (openFilesHeld && node != null && node != replaced && hasDirectory(newPath)) {
            HeldFiles.checkRename(node, replaced, from, to);
        }
        if (node != null && node != replaced) {
            throwIfFound(Reliance.checkRename(node, replaced, from, to));
        }
        real.rename(from, to);
        if (node != null && node != replaced) {
            model.rename(directoryOf(oldPath), oldPath, directoryOf(newPath), newPath);
        }
    }

    @Override
    public synchronized void link(Path existing, Path link) throws IOException {
        Path from = where(existing);
        Path to = where(link);
        Node node = observe(from);
        observe(to);
        real.link(existing, link);
        if (node != null) {
            model.link(from, directoryOf(to), to, node);
        }
    }

    @Override
    public synchronized void delete(Path path) throws IOException {
        Path at = where(path);
        Node node = observe(at);
        if (openFilesHeld) {
            HeldFiles.checkDelete(node, at);
        }
        real.delete(path);
        if (node != null) {
            model.delete(directoryOf(at), at);
        }
    }

    @Override
    public synchronized void makeDirectory(Path path) throws IOException {
        Path at = where(path);
        observe(at);
        real.makeDirectory(path);
        model.create(directoryOf(at), at, model.newDirectory());
    }

    @Override
    public synchronized VfsDirectory openDirectory(Path path) throws IOException {
        Node node = observe(real.resolve(path));
        try {
            VfsDirectory opened = real.openDirectory(path);
            return node instanceof DirectoryNode directory ? new CheckedDirectory(opened, directory) : opened;
        } catch (NotSyncableException e) {
            if (node instanceof DirectoryNode directory) {
                directory.syncable = false;
            }
            throw e;
        }
    }

    // ---- the rest

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
    public synchronized @Nullable VfsLock tryLock(Path path, boolean shared) throws IOException {
        VfsLock lock = real.tryLock(path, shared);
        if (lock == null || !openFilesHeld || !(observe(where(path)) instanceof FileNode file)) {
            return lock;
        }
        Reading held = new Reading(file);
        return () -> {
            held.close();
            lock.close();
        };
    }

    @Override
    public String toString() {
        return "checked " + real;
    }

    private synchronized long beginSync() {
        return model.beginSync();
    }

    /** A sync of the machine. */
    private interface RealSync {
        void run() throws IOException;
    }

    /** A directory, watched. */
    private final class CheckedDirectory implements VfsDirectory {
        private final VfsDirectory opened;
        private final DirectoryNode directory;

        CheckedDirectory(VfsDirectory opened, DirectoryNode directory) {
            this.opened = opened;
            this.directory = directory;
        }

        @Override
        public void sync() throws IOException {
            watch(opened::sync);
        }

        @Override
        public void sync(SyncSite site) throws IOException {
            watch(() -> opened.sync(site));
        }

        private void watch(RealSync sync) throws IOException {
            long upTo = beginSync();
            Saved saved = Saved.NOTHING;
            try {
                sync.run();
                saved = Saved.ALL;
            } finally {
                synchronized (CheckedVfs.this) {
                    model.syncDirectory(directory, upTo, saved);
                }
            }
        }

        @Override
        public void close() throws IOException {
            opened.close();
        }
    }

    /** Keeps a file from being renamed, replaced and deleted. Made with the outer object locked. */
    private final class Reading {
        private final FileNode file;
        private boolean closed; // guarded by CheckedVfs.this

        Reading(FileNode file) {
            this.file = file;
            file.reading++;
        }

        void close() {
            synchronized (CheckedVfs.this) {
                if (!closed) {
                    closed = true;
                    file.reading--;
                }
            }
        }
    }

    /** A file open for reading, held. */
    private final class HeldFile implements VfsFile {
        private final VfsFile opened;
        private final Reading held;

        HeldFile(VfsFile opened, FileNode file) {
            this.opened = opened;
            this.held = new Reading(file);
        }

        @Override
        public int read(long position, MemorySegment destination, long at, int length) throws IOException {
            return opened.read(position, destination, at, length);
        }

        @Override
        public long size() throws IOException {
            return opened.size();
        }

        @Override
        public void write(long position, MemorySegment source, long at, long length) throws IOException {
            opened.write(position, source, at, length);
        }

        @Override
        public void truncate(long size) throws IOException {
            opened.truncate(size);
        }

        @Override
        public void allocate(long size) throws IOException {
            opened.allocate(size);
        }

        @Override
        public void sync(boolean metadata) throws IOException {
            opened.sync(metadata);
        }

        @Override
        public VfsMapping map(long length) throws IOException {
            return opened.map(length);
        }

        @Override
        public void close() throws IOException {
            held.close();
            opened.close();
        }
    }

    /** A file open for writing, watched. */
    private final class CheckedFile implements VfsFile {
        private final VfsFile opened;
        private final FileNode file;
        private boolean closed; // guarded by CheckedVfs.this

        /** Made with the outer object locked. */
        CheckedFile(VfsFile opened, FileNode file) {
            this.opened = opened;
            this.file = file;
            file.open++;
        }

        @Override
        public int read(long position, MemorySegment destination, long at, int length) throws IOException {
            return opened.read(position, destination, at, length);
        }

        @Override
        public void write(long position, MemorySegment source, long at, long length) throws IOException {
            try {
                opened.write(position, source, at, length);
            } catch (IOException | RuntimeException | Error e) {
                wrote(file, position, writtenBytes(position, length));
                throw e;
            }
            wrote(file, position, length);
        }

        /** Returns how much of a write that failed may be there. */
        private long writtenBytes(long position, long length) {
            try {
                return Math.clamp(opened.size() - position, 0, length);
            } catch (IOException | RuntimeException unknown) {
                return length;
            }
        }

        @Override
        public long size() throws IOException {
            return opened.size();
        }

        @Override
        public void truncate(long size) throws IOException {
            synchronized (CheckedVfs.this) {
                if (openFilesHeld) {
                    HeldFiles.checkCut(file, size);
                }
            }
            try {
                opened.truncate(size);
            } catch (IOException | RuntimeException | Error e) {
                failedToResize();
                throw e;
            }
            synchronized (CheckedVfs.this) {
                model.resize(file, size);
            }
        }

        @Override
        public void allocate(long size) throws IOException {
            try {
                opened.allocate(size);
            } catch (IOException | RuntimeException | Error e) {
                failedToResize();
                throw e;
            }
            synchronized (CheckedVfs.this) {
                model.resize(file, Math.max(size, file.live.size()));
            }
        }

        /** Takes note of how far it came. */
        private void failedToResize() {
            try {
                long reached = opened.size();
                synchronized (CheckedVfs.this) {
                    model.resize(file, reached);
                }
            } catch (IOException | RuntimeException unknown) {
                // The error that the caller gets says enough.
            }
        }

        @Override
        public void sync(boolean metadata) throws IOException {
            watch(() -> opened.sync(metadata));
        }

        @Override
        public void sync(boolean metadata, SyncSite site) throws IOException {
            watch(() -> opened.sync(metadata, site));
        }

        private void watch(RealSync sync) throws IOException {
            long upTo = beginSync();
            Saved saved = Saved.NOTHING;
            try {
                sync.run();
                saved = Saved.ALL;
            } finally {
                synchronized (CheckedVfs.this) {
                    model.syncFile(file, upTo, saved);
                }
            }
        }

        @Override
        public int interruptSafeBytes() {
            return opened.interruptSafeBytes();
        }

        @Override
        public VfsMapping map(long length) throws IOException {
            return new CheckedMapping(opened.map(length), file);
        }

        @Override
        public void close() throws IOException {
            synchronized (CheckedVfs.this) {
                if (!closed) {
                    closed = true;
                    file.open--;
                }
            }
            opened.close();
        }
    }

    /** A mapping, watched: its stores are writes. */
    private final class CheckedMapping implements VfsMapping {
        private final VfsMapping mapped;
        private final FileNode file;
        private boolean closed; // guarded by CheckedVfs.this

        CheckedMapping(VfsMapping mapped, FileNode file) {
            this.mapped = mapped;
            this.file = file;
            synchronized (CheckedVfs.this) {
                file.mapped++;
            }
        }

        @Override
        public void put(long position, MemorySegment source, long at, long length) throws IOException {
            try {
                mapped.put(position, source, at, length);
            } finally {
                wrote(file, position, length);
            }
        }

        @Override
        public void close() {
            mapped.close();
            synchronized (CheckedVfs.this) {
                if (!closed) {
                    closed = true;
                    file.mapped--;
                }
            }
        }
    }

    private synchronized void wrote(FileNode file, long position, long length) {
        model.writeSize(file, position, length);
    }
}
