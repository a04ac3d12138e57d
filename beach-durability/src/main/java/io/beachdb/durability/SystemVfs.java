package io.beachdb.durability;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The machine's own file system, by {@code java.nio}. */
enum SystemVfs implements Vfs {
    INSTANCE;

    private static final String SYSTEM = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
    private static final boolean WINDOWS = SYSTEM.startsWith("windows");
    static final boolean LINUX = SYSTEM.startsWith("linux");
    private static final Queue<FileChannel> KEPT_OPEN = new ConcurrentLinkedQueue<>(); // see tryLock

    @Override
    public VfsFile create(Path path) throws IOException {
        Files.createFile(path); // fails if there is one
        return openForWrite(path);
    }

    @Override
    public VfsFile openForWrite(Path path) throws IOException {
        // A plain file's sync is the whole of a sync on Linux; on macOS only the channel's is.
        if (LINUX && path.getFileSystem().equals(FileSystems.getDefault())) {
            checkExists(path);
            return new SystemFile(new RandomAccessFile(path.toFile(), "rw"), path);
        }
        return new SystemFile(FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE));
    }

    private static void checkExists(Path path) throws NoSuchFileException {
        if (!Files.exists(path)) {
            throw new NoSuchFileException(path.toString()); // which the opening below would make
        }
    }

    @Override
    public VfsFile openForRead(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            // Linux opens one for reading, and only the first read fails: its size would be taken for a file's.
            throw new FileSystemException(path.toString(), null, "Is a directory");
        }
        return new ReopeningFile(path);
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void link(Path existing, Path link) throws IOException {
        Files.createLink(link, existing);
    }

    @Override
    public void delete(Path path) throws IOException {
        Files.delete(path);
    }

    @Override
    public void makeDirectory(Path path) throws IOException {
        Files.createDirectory(path);
    }

    @Override
    public VfsDirectory openDirectory(Path path) throws IOException {
        if (WINDOWS) {
            throw new NotSyncableException(path + ": Windows does not sync directories");
        }
        try {
            return new SystemDirectory(FileChannel.open(path, StandardOpenOption.READ));
        } catch (AccessDeniedException e) {
            NotSyncableException refused = new NotSyncableException(path + ": permission denied");
            refused.initCause(e);
            throw refused;
        }
    }

    @Override
    public List<String> list(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }

    @Override
    public PathKind kind(Path path) throws IOException {
        BasicFileAttributes found = attributes(path); // one look: between two it may come or go
        if (found == null) {
            return attributes(path, LinkOption.NOFOLLOW_LINKS) == null ? PathKind.ABSENT : PathKind.OTHER;
        }
        return found.isRegularFile() ? PathKind.FILE : found.isDirectory() ? PathKind.DIRECTORY : PathKind.OTHER;
    }

    /** Returns null if there is nothing: what only cannot be looked at is not absent. */
    private static @Nullable BasicFileAttributes attributes(Path path, LinkOption... links) throws IOException {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class, links);
        } catch (NoSuchFileException e) {
            return null;
        } catch (FileSystemException e) {
            Path parent = path.getParent();
            if (parent != null && Files.isRegularFile(parent)) {
                return null; // "not a directory", which has no exception of its own
            }
            throw e;
        }
    }

    @Override
    public Path resolve(Path path) throws IOException {
        Path absolute = path.toAbsolutePath().normalize();
        Path missing = null;
        for (Path at = absolute; at != null; at = at.getParent()) {
            if (Files.exists(at)) {
                Path real = at.toRealPath();
                return missing == null ? real : real.resolve(at.relativize(absolute));
            }
            missing = at;
        }
        return absolute;
    }

    @Override
    public @Nullable VfsLock tryLock(Path path, boolean shared) throws IOException {
        FileChannel channel = shared
                ? FileChannel.open(path, StandardOpenOption.READ)
                : FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        boolean locked = false;
        boolean ours = false;
        try {
            FileLock lock = channel.tryLock(0, Long.MAX_VALUE, shared);
            locked = lock != null;
            return locked ? channel::close : null;
        } catch (OverlappingFileLockException e) {
            // Held by this JVM through another view of the files or another class loader. Closing this channel would
            // drop
            // that lock against other processes (POSIX), so it stays open for good.
            ours = true;
            KEPT_OPEN.add(channel);
            return null;
        } finally {
            if (!locked && !ours) {
                channel.close();
            }
        }
    }

    /** A directory's channel: {@code force(true)} on it is the system's fsync of the directory. */
    private record SystemDirectory(FileChannel channel) implements VfsDirectory {
        @Override
        public void sync() throws IOException {
            channel.force(true);
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
