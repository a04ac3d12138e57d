package io.beachdb.db;

import io.beachdb.base.Clock;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.Keys;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableFile;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.SyncSite;
import io.beachdb.manifest.FileNumbers;
import io.beachdb.manifest.InternalKey;
import io.beachdb.manifest.TableEntry;
import io.beachdb.sstable.TableMetadata;
import io.beachdb.sstable.TableOptions;
import io.beachdb.sstable.TableWriter;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * Writes the entries of a cursor to tables and makes them durable: what flush, compaction and recovery share.
 *
 * <p>A new table begins at a size, and only between user keys: all entries of one user key are in one table.
 */
final class TableOutput {
  /** How often a long run looks whether to go on, in bytes written. */
  private static final long PACE_BYTES = 1 << 20;

  /** A table that is on disk. */
  record Output(TableEntry entry, DurableFile file) {}

  private final DurableDirectory directory;
  private final FileNumbers numbers;
  private final DatabaseId databaseId;
  private final TableOptions options;
  private final MemoryAccount account;
  private final Clock clock;

  TableOutput(
      DurableDirectory directory,
      FileNumbers numbers,
      DatabaseId databaseId,
      TableOptions options,
      MemoryAccount account,
      Clock clock) {
    this.directory = directory;
    this.numbers = numbers;
    this.databaseId = databaseId;
    this.options = options;
    this.account = account;
    this.clock = clock;
  }

  /**
   * Writes all entries from the cursor's first on. On any failure nothing is kept.
   *
   * @param maxTableBytes size at which a table ends
   * @param site why the tables are synced
   * @param pace called now and then with the bytes written since the last call; may wait, or throw to give up
   * @return the tables, by key; empty when there was no entry
   */
  List<Output> write(EntryCursor cursor, long maxTableBytes, SyncSite site, LongConsumer pace) {
    List<PendingFile> files = new ArrayList<>();
    List<TableMetadata> tables = new ArrayList<>();
    boolean done = false;
    try {
      cursor.first();
      while (cursor.valid()) {
        writeTable(cursor, maxTableBytes, files, tables, pace);
      }
      List<DurableFile> durable = files.isEmpty() ? List.of() : directory.commit(files, site);
      done = true;
      List<Output> outputs = new ArrayList<>(tables.size());
      for (int i = 0; i < durable.size(); i++) {
        outputs.add(new Output(entry(tables.get(i)), durable.get(i)));
      }
      return outputs;
    } finally {
      if (!done) {
        abandon(files);
      }
    }
  }

  private void writeTable(
      EntryCursor cursor, long maxTableBytes, List<PendingFile> files, List<TableMetadata> tables, LongConsumer pace) {
    long number = numbers.next();
    PendingFile file = directory.create(FileName.table(number));
    files.add(file);
    try (TableWriter writer =
            new TableWriter(file, options, databaseId, number, clock.wallMillis(), account);
        LastKey last = new LastKey()) {
      long paced = 0;
      do {
        writer.add(cursor);
        last.set(cursor);
        cursor.next();
        long written = file.position();
        if (written - paced >= PACE_BYTES) {
          pace.accept(written - paced);
          paced = written;
        }
      } while (cursor.valid() && (writer.estimatedFileBytes() < maxTableBytes || last.isKeyOf(cursor)));
      tables.add(writer.finish());
      pace.accept(file.position() - paced);
    }
  }

  private static TableEntry entry(TableMetadata table) {
    return new TableEntry(
        table.fileNumber(),
        table.fileBytes(),
        InternalKey.copyOf(table.smallestKey(), table.smallestTrailer()),
        InternalKey.copyOf(table.largestKey(), table.largestTrailer()),
        table.smallestSequence(),
        table.largestSequence(),
        table.entries(),
        table.tombstones(),
        table.rawBytes(),
        table.creationMillis());
  }

  /** Drops files after a failure, which is what the caller shall see; what this meets rides along with it. */
  private static void abandon(List<PendingFile> files) {
    for (PendingFile file : files) {
      file.abandonQuietly();
    }
  }

  /** The user key added last, copied only when a table is about to end. */
  private final class LastKey implements AutoCloseable {
    private NativeBlock block = account.acquire(MemoryUse.COMPACTION, 4096);
    private int length;

    void set(EntryCursor cursor) {
      length = cursor.keyLength();
      if (length > block.bytes()) {
        account.release(MemoryUse.COMPACTION, block);
        block = account.acquire(MemoryUse.COMPACTION, length);
      }
      MemorySegment.copy(cursor.keyMemory(), cursor.keyOffset(), block.memory(), 0, length);
    }

    boolean isKeyOf(EntryCursor cursor) {
      return cursor.keyLength() == length
          && Keys.compare(cursor.keyMemory(), cursor.keyOffset(), length, block.memory(), 0, length) == 0;
    }

    @Override
    public void close() {
      account.release(MemoryUse.COMPACTION, block);
    }
  }
}
