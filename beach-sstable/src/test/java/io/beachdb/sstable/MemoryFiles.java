package io.beachdb.sstable;

import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsDirectory;
import io.beachdb.durability.VfsFile;
import io.beachdb.durability.VfsMapping;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A directory of files as byte arrays: tests look at their bytes, change them, and count what was read. */
final class MemoryFiles implements Vfs {
  private final Map<Path, MemoryFile> files = new ConcurrentSkipListMap<>();
  final AtomicLong reads = new AtomicLong();
  final AtomicLong bytesRead = new AtomicLong();
  final AtomicInteger openFiles = new AtomicInteger();

  byte[] bytes(Path path) throws IOException {
    MemoryFile file = existing(path);
    return Arrays.copyOf(file.bytes, file.size);
  }

  void put(Path path, byte[] bytes) {
    MemoryFile file = new MemoryFile();
    file.bytes = bytes;
    file.size = bytes.length;
    files.put(path, file);
  }

  private MemoryFile existing(Path path) throws IOException {
    MemoryFile file = files.get(path);
    if (file == null) {
      throw new NoSuchFileException(path.toString());
    }
    return file;
  }

  @Override
  public VfsFile create(Path path) throws IOException {
    MemoryFile file = new MemoryFile();
    if (files.putIfAbsent(path, file) != null) {
      throw new FileAlreadyExistsException(path.toString());
    }
    return new Handle(file);
  }

  @Override
  public VfsFile openForWrite(Path path) throws IOException {
    return new Handle(existing(path));
  }

  @Override
  public VfsFile openForRead(Path path) throws IOException {
    return new Handle(existing(path));
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    files.put(to, existing(from));
    files.remove(from);
  }

  @Override
  public void link(Path existing, Path link) throws IOException {
    files.put(link, existing(existing));
  }

  @Override
  public void delete(Path path) throws IOException {
    existing(path);
    files.remove(path);
  }

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
    return files.keySet().stream()
        .map(path -> Objects.requireNonNull(path.getFileName()).toString())
        .toList();
  }

  @Override
  public PathKind kind(Path path) {
    return files.containsKey(path) ? PathKind.FILE : PathKind.DIRECTORY;
  }

  @Override
  public Path resolve(Path path) {
    return path;
  }

  @Override
  public VfsLock tryLock(Path path, boolean shared) {
    return () -> {};
  }

  private static final class MemoryFile {
    byte[] bytes = {};
    int size;
  }

  private final class Handle implements VfsFile {
    private final MemoryFile file;
    private boolean closed;

    Handle(MemoryFile file) {
      this.file = file;
      openFiles.incrementAndGet();
    }

    @Override
    public int read(long position, MemorySegment destination, long at, int length) throws IOException {
      if (closed) {
        throw new IOException("closed");
      }
      int read = Math.clamp(file.size - position, 0, length);
      MemorySegment.copy(file.bytes, (int) position, destination, ValueLayout.JAVA_BYTE, at, read);
      reads.incrementAndGet();
      bytesRead.addAndGet(read);
      return read;
    }

    @Override
    public void write(long position, MemorySegment source, long at, long length) {
      int end = Math.toIntExact(position + length);
      if (end > file.bytes.length) {
        file.bytes = Arrays.copyOf(file.bytes, Math.max(end, 2 * file.bytes.length));
      }
      MemorySegment.copy(source, ValueLayout.JAVA_BYTE, at, file.bytes, (int) position, (int) length);
      file.size = Math.max(file.size, end);
    }

    @Override
    public long size() {
      return file.size;
    }

    @Override
    public void truncate(long size) {
      file.bytes = Arrays.copyOf(file.bytes, (int) size);
      file.size = (int) size;
    }

    @Override
    public void allocate(long size) {
      truncate(size);
    }

    @Override
    public void sync(boolean metadata) {}

    @Override
    public VfsMapping map(long length) throws IOException {
      throw new IOException("no mapping here");
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        openFiles.decrementAndGet();
      }
    }
  }
}
