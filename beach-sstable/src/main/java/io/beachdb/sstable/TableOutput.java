package io.beachdb.sstable;

import io.beachdb.base.Clock;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.FileName;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableFile;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.SyncSite;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Where a flush or a compaction puts its entries: one table, or several by size, made durable all at once. Until
 * {@link #commit} has returned nothing counts, and {@link #close} drops it. One task at a time, on an engine thread.
 */
public final class TableOutput implements AutoCloseable {
    /**
     * What all tables of one database are written with.
     *
     * @param directory where they go
     * @param databaseId whose they are
     * @param fileNumbers gives a number that no file had before
     * @param clock for the time of creation
     * @param account charged with the buffers
     */
    public record Target(
            DurableDirectory directory,
            DatabaseId databaseId,
            LongSupplier fileNumbers,
            Clock clock,
            MemoryAccount account) {}

    private final Target target;
    private final TableOptions options;
    private final long maxFileBytes;
    private final List<PendingFile> files = new ArrayList<>();
    private final List<TableMetadata> finished = new ArrayList<>(); // one for each file but an unfinished last one
    private @Nullable TableWriter writer;

    /** @param maxFileBytes size at which a table ends, once all versions of its last user key are in it */
    public TableOutput(Target target, TableOptions options, long maxFileBytes) {
        this.target = target;
        this.options = options;
        this.maxFileBytes = maxFileBytes;
    }

    /**
     * Writes all that a cursor has from its first entry on, and makes it durable: the flush.
     *
     * @return the tables, in the order of their keys; none if there are no entries
     */
    public static List<NewTable> write(
            EntryCursor entries, Target target, TableOptions options, long maxFileBytes, SyncSite site) {
        try (TableOutput output = new TableOutput(target, options, maxFileBytes)) {
            for (entries.first(); entries.valid(); entries.next()) {
                output.add(entries);
            }
            return output.commit(site);
        }
    }

    /** Adds the entry on which the cursor stands; it comes after the last one in internal order. */
    public void add(EntryCursor cursor) {
        TableWriter current = writer;
        if (current != null
                && current.estimatedFileBytes() >= maxFileBytes
                && !current.lastKeyIs(cursor.keyMemory(), cursor.keyOffset(), cursor.keyLength())) {
            endTable();
            current = null;
        }
        if (current == null) {
            current = beginTable();
        }
        current.add(cursor);
    }

    private TableWriter beginTable() {
        long number = target.fileNumbers().getAsLong();
        PendingFile file = target.directory().create(FileName.table(number));
        files.add(file);
        TableWriter begun = new TableWriter(
                file, options, target.databaseId(), number, target.clock().wallMillis(), target.account());
        writer = begun;
        return begun;
    }

    /** Ends the current table, if there is one; the next entry begins another. Not within the versions of one user key. */
    public void endTable() {
        try (TableWriter current = writer) {
            writer = null;
            if (current != null) {
                finished.add(current.finish());
            }
        }
    }

    /** Returns the size of the current table so far; 0 if the next entry begins one. */
    public long currentFileBytes() {
        TableWriter current = writer;
        return current == null ? 0 : current.estimatedFileBytes();
    }

    /**
     * Makes the tables durable: data of each, then their names by one directory sync.
     *
     * @return the tables, in the order of their keys; none if no entry was added
     * @throws io.beachdb.base.StorageException if a write or a sync failed; then nothing counts
     */
    public List<NewTable> commit(SyncSite site) {
        endTable();
        if (files.isEmpty()) {
            return List.of();
        }
        List<DurableFile> durable = target.directory().commit(files, site);
        List<NewTable> tables = new ArrayList<>(durable.size());
        for (int i = 0; i < durable.size(); i++) {
            tables.add(new NewTable(finished.get(i), durable.get(i)));
        }
        files.clear();
        finished.clear();
        return tables;
    }

    /** Drops what was not committed. Closing twice is harmless. */
    @Override
    public void close() {
        TableWriter current = writer;
        writer = null;
        if (current != null) {
            current.close();
        }
        RuntimeException failure = null;
        for (PendingFile file : files) {
            try {
                file.abandon();
            } catch (RuntimeException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        files.clear();
        if (failure != null) {
            throw failure;
        }
    }
}
