package io.beachdb.durability;

import io.beachdb.base.DatabaseLockedException;
import io.beachdb.durability.Vfs.PathKind;
import io.beachdb.durability.Vfs.VfsLock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The lock on a database directory: against other processes by a lock on the file LOCK, within this process by a
 * registry.
 *
 * <p>The registry is asked before LOCK is touched: closing any descriptor of a file drops all of a process's POSIX locks
 * on it, so a second open in this process must not even look. LOCK is never deleted (another process may hold the unlinked
 * file), and who holds it stands in LOCK.holder, which is for messages only and is not synced.
 */
public final class DirectoryLock implements AutoCloseable {
  private static final int MAX_HOLDER_BYTES = 1024;

  /** A directory as one file system sees it; simulated disks and processes are told apart by their {@link Vfs}. */
  private record Place(Vfs vfs, Path directory) {}

  // Guarded by itself. Holders' descriptions; a shared holder counts once more each.
  private static final Map<Place, Held> REGISTRY = new HashMap<>();

  private record Held(String holder, boolean shared, int count) {}

  private final Place place;
  private @Nullable VfsLock lock;
  private boolean closed;

  private DirectoryLock(Place place, @Nullable VfsLock lock) {
    this.place = place;
    this.lock = lock;
  }

  /**
   * Takes the lock.
   *
   * @param shared for reading only: many may, beside each other, not beside a writer. Creates and writes nothing: where
   *     LOCK is missing or cannot be opened, there is no lock to take, and only this process is guarded
   * @param holder who asks, for the messages others get
   * @throws DatabaseLockedException if the directory is open elsewhere
   */
  public static DirectoryLock acquire(
      Vfs vfs, Path directory, String lockName, String holderName, boolean shared, String holder) {
    try {
      Place place = new Place(vfs, vfs.resolve(directory));
      register(place, shared, holder);
      boolean done = false;
      try {
        DirectoryLock lock = new DirectoryLock(place, lockFile(place, lockName, holderName, shared));
        if (!shared) {
          writeHolder(vfs, place.directory.resolve(holderName), holder);
        }
        done = true;
        return lock;
      } finally {
        if (!done) {
          unregister(place);
        }
      }
    } catch (IOException e) {
      throw Failures.storage("locking", directory, e, "The database was not opened.");
    }
  }

  private static void register(Place place, boolean shared, String holder) {
    synchronized (REGISTRY) {
      Held held = REGISTRY.get(place);
      if (held != null && !(held.shared && shared)) {
        throw new DatabaseLockedException(place.directory.toString(), held.holder);
      }
      REGISTRY.put(place, new Held(holder, shared, held == null ? 1 : held.count + 1));
    }
  }

  private static void unregister(Place place) {
    synchronized (REGISTRY) {
      REGISTRY.computeIfPresent(
          place, (p, held) -> held.count == 1 ? null : new Held(held.holder, held.shared, held.count - 1));
    }
  }

  private static @Nullable VfsLock lockFile(Place place, String lockName, String holderName, boolean shared)
      throws IOException {
    Path file = place.directory.resolve(lockName);
    if (place.vfs.kind(file) == PathKind.ABSENT) {
      if (shared) {
        return null;
      }
      place.vfs.create(file).close();
    }
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
    byte[] text = holder.getBytes(StandardCharsets.UTF_8);
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
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    VfsLock held = lock;
    try {
      if (held != null) {
        held.close();
      }
    } catch (IOException e) {
      throw Failures.storage("unlocking", place.directory, e, "The lock ends with this process.");
    } finally {
      unregister(place);
    }
  }
}
