package io.beachdb.db;

import io.beachdb.base.Clock;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.FileName;
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

    /** A table that is written, but not on disk yet. */
    record Written(TableMetadata table, PendingFile file) {}

    /**
     * Writes all entries from the cursor's first on and makes the tables durable. On any failure nothing is kept.
     *
     * @param maxTableBytes size at which a table ends
     * @param site why the tables are synced
     * @param pace called now and then with the bytes written since the last call; may wait, or throw to give up
     * @return the tables, by key; empty when there was no entry
     */
    List<Output> write(EntryCursor cursor, long maxTableBytes, SyncSite site, LongConsumer pace) {
        return commit(writeUnsynced(cursor, maxTableBytes, pace), site);
    }

    /** As {@link #write}, but the tables are not on disk until {@link #commit}. */
    List<Written> writeUnsynced(EntryCursor cursor, long maxTableBytes, LongConsumer pace) {
        List<Written> written = new ArrayList<>();
        boolean done = false;
        try {
            cursor.first();
            while (cursor.valid()) {
                writeTable(cursor, maxTableBytes, written, pace);
            }
            done = true;
            return written;
        } finally {
            if (!done) {
                abandon(written);
            }
        }
    }

    /** Makes tables durable, with one directory sync for all. On a failure none is kept. */
    List<Output> commit(List<Written> written, SyncSite site) {
        if (written.isEmpty()) {
            return List.of();
        }
        boolean done = false;
        try {
            List<DurableFile> durable =
                    directory.commit(written.stream().map(Written::file).toList(), site);
            done = true;
            List<Output> outputs = new ArrayList<>(written.size());
            for (int i = 0; i < durable.size(); i++) {
                outputs.add(new Output(entry(written.get(i).table), durable.get(i)));
            }
            return outputs;
        } finally {
            if (!done) {
                abandon(written);
            }
        }
    }

    private void writeTable(EntryCursor cursor, long maxTableBytes, List<Written> written, LongConsumer pace) {
        long number = numbers.next();
        PendingFile file = directory.create(FileName.table(number));
        boolean done = false;
        try (TableWriter writer = new TableWriter(file, options, databaseId, number, clock.wallMillis(), account)) {
            long paced = 0;
            do {
                writer.add(cursor);
                cursor.next();
                if (file.position() - paced >= PACE_BYTES) {
                    pace.accept(file.position() - paced);
                    paced = file.position();
                }
            } while (cursor.valid() && (writer.estimatedFileBytes() < maxTableBytes || isLastKey(writer, cursor)));
            TableMetadata table = writer.finish();
            pace.accept(file.position() - paced);
            written.add(new Written(table, file));
            done = true;
        } finally {
            if (!done) {
                file.abandonQuietly();
            }
        }
    }

    private static boolean isLastKey(TableWriter writer, EntryCursor cursor) {
        return writer.lastKeyIs(cursor.keyMemory(), cursor.keyOffset(), cursor.keyLength());
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
                table.creationMillis(),
                table.shadowedBytes());
    }

    /** Drops files after a failure, which is what the caller shall see. */
    static void abandon(List<Written> written) {
        for (Written table : written) {
            table.file.abandonQuietly();
        }
    }
}
