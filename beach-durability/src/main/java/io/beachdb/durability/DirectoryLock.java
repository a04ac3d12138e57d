package io.beachdb.durability;

import io.beachdb.base.DatabaseLockedException;
import io.beachdb.durability.Vfs.PathKind;
import io.beachdb.durability.Vfs.VfsLock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The lock on a database directory: against other processes by a lock on the file LOCK, within this process by a
 * registry.
 *
 * <p>The registry is asked before LOCK is touched: closing any descriptor of a file drops all of a process's POSIX locks
 * on it, so a second open in this process must not even look. LOCK is never deleted but with its directory, decision 0017
 * (another process may hold the unlinked file), and who holds it stands in LOCK.holder, which is for messages only and is
 * not synced.
 */
public final class DirectoryLock implements AutoCloseable {
    private static final int MAX_HOLDER_BYTES = 1024;

    /** A directory as one file system sees it; simulated disks and processes are told apart by their {@link Vfs}. */
    private record Place(Vfs vfs, Path directory) {}

    /** What this process holds on one place, for one writer or for all its readers together. */
    private static final class Holding {
        final String holder;
        final boolean shared;
        // Guarded by REGISTRY.
        @Nullable
        VfsLock lock;

        int count; // 0: the file is being locked, or unlocked

        Holding(String holder, boolean shared) {
            this.holder = holder;
            this.shared = shared;
        }
    }

    private static final Map<Place, Holding> REGISTRY =
            new HashMap<>(); // guarded by itself, never across a file operation

    private final Place place;
    private final Holding holding;
    private boolean closed;

    private DirectoryLock(Place place, Holding holding) {
        this.place = place;
        this.holding = holding;
    }

    /**
     * Takes the lock.
     *
     * @param shared for reading only: many may, beside each other, not beside a writer. Creates and writes nothing: where
     *     LOCK is missing or cannot be opened, there is no lock to take, and only this process is guarded
     * @param holder who asks, for the messages others get
     * @throws DatabaseLockedException if the directory is open elsewhere, or is being opened at this moment
     */
    public static DirectoryLock acquire(
            Vfs vfs, Path directory, String lockName, String holderName, boolean shared, String holder) {
        try {
            Place place = new Place(vfs, vfs.resolve(directory));
            Holding holding = new Holding(holder, shared);
            Holding joined = register(place, holding);
            if (joined == null) {
                lock(place, holding, lockName, holderName);
                return new DirectoryLock(place, holding);
            }
            return new DirectoryLock(place, joined);
        } catch (IOException e) {
            throw Failures.storage("locking", directory, e, "The database was not opened.");
        }
    }

    /**
     * Returns the holding of this process that the new one joins; null if there is none, and the new one is registered.
     * Readers share one lock of the system: it gives a process no second one, and drops the first with any descriptor.
     */
    private static @Nullable Holding register(Place place, Holding wanted) {
        synchronized (REGISTRY) {
            Holding held = REGISTRY.putIfAbsent(place, wanted);
            if (held == null) {
                return null;
            }
            if (!held.shared || !wanted.shared || held.count == 0) {
                throw new DatabaseLockedException(place.directory.toString(), "this process itself, " + held.holder);
            }
            held.count++;
            return held;
        }
    }

    private static void lock(Place place, Holding holding, String lockName, String holderName) throws IOException {
        VfsLock lock = null;
        boolean done = false;
        try {
            lock = lockFile(place, lockName, holderName, holding.shared);
            if (!holding.shared) {
                writeHolder(place.vfs, place.directory.resolve(holderName), holding.holder);
            }
            done = true;
        } finally {
            if (done) {
                synchronized (REGISTRY) {
                    holding.lock = lock;
                    holding.count = 1;
                }
            } else {
                release(place, lock);
            }
        }
    }

    private static void release(Place place, @Nullable VfsLock lock) throws IOException {
        try {
            if (lock != null) {
                lock.close();
            }
        } finally {
            synchronized (REGISTRY) {
                REGISTRY.remove(place);
            }
        }
    }

    /**
     * Forgets what a process held that has ended without closing: a simulated one, since a real one takes this registry
     * with it.
     */
    @SuppressWarnings("ReferenceEquality") // a process is its very Vfs
    public static void forget(Vfs ended) {
        synchronized (REGISTRY) {
            REGISTRY.keySet().removeIf(place -> place.vfs == ended);
        }
    }

    private static @Nullable VfsLock lockFile(Place place, String lockName, String holderName, boolean shared)
            throws IOException {
        Path file = place.directory.resolve(lockName);
        if (place.vfs.kind(file) == PathKind.ABSENT) {
            if (shared) {
                return null;
            }
            try {
                place.vfs.create(file).close();
            } catch (FileAlreadyExistsException e) {
                // Made by another process since we looked; tryLock tells which of us has it.
                return tryLock(place, file, holderName, false);
            }
        }
        return tryLock(place, file, holderName, shared);
    }

    private static @Nullable VfsLock tryLock(Place place, Path file, String holderName, boolean shared)
            throws IOException {
        VfsLock lock;
        try {
            lock = place.vfs.tryLock(file, shared);
        } catch (java.nio.file.AccessDeniedException e) {
            if (shared) {
                return null;
            }
            throw e;
        }
        if (lock == null) {
            throw new DatabaseLockedException(
                    place.directory.toString(), readHolder(place.vfs, place.directory.resolve(holderName)));
        }
        return lock;
    }

    private static void writeHolder(Vfs vfs, Path file, String holder) throws IOException {
        byte[] text = (holder + "\n").getBytes(StandardCharsets.UTF_8);
        try (VfsFile out = vfs.kind(file) == PathKind.ABSENT ? vfs.create(file) : vfs.openForWrite(file);
                Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Math.max(1, text.length));
            MemorySegment.copy(text, 0, bytes, ValueLayout.JAVA_BYTE, 0, text.length);
            out.truncate(0);
            out.write(0, bytes, 0, text.length);
        }
    }

    private static String readHolder(Vfs vfs, Path file) {
        try (VfsFile in = vfs.openForRead(file);
                Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(MAX_HOLDER_BYTES);
            int length = in.read(0, bytes, 0, MAX_HOLDER_BYTES);
            String text = new String(bytes.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
            return text.isBlank() ? "another process" : text.strip();
        } catch (IOException e) {
            return "another process (which one is not known: " + e.getMessage() + ")";
        }
    }

    /** Lets go. Closing twice is harmless. */
    @Override
    public void close() {
        VfsLock last;
        synchronized (REGISTRY) {
            if (closed) {
                return;
            }
            closed = true;
            if (--holding.count > 0) {
                return;
            }
            last = holding.lock;
        }
        try {
            release(place, last);
        } catch (IOException e) {
            throw Failures.storage("unlocking", place.directory, e, "The lock ends with this process.");
        }
    }
}
