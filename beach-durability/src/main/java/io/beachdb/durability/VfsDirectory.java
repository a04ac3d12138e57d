package io.beachdb.durability;

import java.io.IOException;

/** A directory opened for syncing. */
public interface VfsDirectory extends AutoCloseable {

  /** Syncs the directory: all changes of names in it made before the call are on disk when it returns. */
  void sync() throws IOException;

  @Override
  void close() throws IOException;
}
