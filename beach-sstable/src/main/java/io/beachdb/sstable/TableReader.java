package io.beachdb.sstable;

import io.beachdb.base.ClosedException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.durability.ReadableFile;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Reads one table. The file is opened at the first use, when its footer and top index are read; after that any number of
 * threads read without locks.
 *
 * <p>All methods throw {@link CorruptionException} for bytes that are not what was written,
 * {@link io.beachdb.base.UnsupportedFormatException} for a newer file, {@link io.beachdb.base.StorageException} when the
 * system refuses, {@link ClosedException} after close.
 */
public final class TableReader implements AutoCloseable {
    // Set once.
    private final Supplier<ReadableFile> opener;
    private final DatabaseId databaseId;
    private final long fileNumber;
    private final long fileBytes;
    private final TableContext context;

    // Set once at the first use, under this; cleared by close.
    private volatile @Nullable OpenTable open;
    private volatile boolean closed;

    /**
     * Makes a reader; nothing is opened yet.
     *
     * @param opener opens the file; called at the first use, by several threads if they come together
     * @param databaseId the database that the table must belong to
     * @param fileNumber the number in the file's name
     * @param fileBytes how long the file was when it was written, as the manifest says
     */
    public TableReader(
            Supplier<ReadableFile> opener,
            DatabaseId databaseId,
            long fileNumber,
            long fileBytes,
            TableContext context) {
        this.opener = opener;
        this.databaseId = databaseId;
        this.fileNumber = fileNumber;
        this.fileBytes = fileBytes;
        this.context = context;
    }

    /**
     * Finds the newest entry of exactly this user key at or below a sequence. Called inside an epoch, in which alone the
     * result's memory stays valid. Allocates nothing unless it reads from the file.
     *
     * @param key native memory; read during the call only
     * @param keyHash the key's {@link io.beachdb.base.format.KeyHash}
     * @param seekTrailer see {@link InternalKeys#seekTrailer}
     */
    public void get(
            MemorySegment key, long keyOffset, int keyLength, long keyHash, long seekTrailer, PointResult result) {
        OpenTable table = table();
        result.clear();
        BlockView top = table.top();
        int partition = top.lowerBound(key, keyOffset, keyLength, seekTrailer);
        if (partition == top.count()) {
            return;
        }
        long filter = table.filterHandle(partition);
        if (filter != 0 && !mayContain(table, filter, table.filterProbes(partition), keyHash, result)) {
            return;
        }
        BlockView view = result.view();
        look(table, table.indexHandle(partition), BlockKind.INDEX, result);
        int block = view.lowerBound(key, keyOffset, keyLength, seekTrailer);
        if (block == view.count()) {
            throw table.endsBeforeSeparator(table.indexHandle(partition));
        }
        long handle = Bytes.getU64(view.memory(), view.valueOffset(block));
        look(table, handle, BlockKind.DATA, result);
        int entry = view.lowerBound(key, keyOffset, keyLength, seekTrailer);
        if (entry < view.count() && view.hasKey(entry, key, keyOffset, keyLength)) {
            found(table, handle, view, entry, result);
        }
    }

    private boolean mayContain(OpenTable table, long handle, int probes, long keyHash, PointResult result) {
        BlockCache cache = context.cache();
        long cached = cache.find(fileNumber, BlockHandle.cacheKey(handle, BlockKind.FILTER));
        if (cached == 0) {
            cached = load(table, handle, BlockKind.FILTER, result);
        }
        if (cached == 0) {
            BlockFetcher fetcher = result.fetcher();
            return Filter.mayContain(fetcher.memory(), fetcher.offset(), fetcher.length(), probes, keyHash);
        }
        return Filter.mayContain(cache.memory(cached), cache.offset(cached), cache.length(cached), probes, keyHash);
    }

    private void look(OpenTable table, long handle, BlockKind kind, PointResult result) {
        BlockCache cache = context.cache();
        long cached = cache.find(fileNumber, BlockHandle.cacheKey(handle, kind));
        if (cached == 0) {
            cached = load(table, handle, kind, result);
        }
        if (cached == 0) {
            result.lookAtFetched();
        } else {
            result.look(cache, cached);
        }
    }

    /** Loads a block; returns its handle in the cache, not pinned: the caller's epoch keeps it. 0 if it is too long for it. */
    private long load(OpenTable table, long handle, BlockKind kind, PointResult result) {
        BlockCache cache = context.cache();
        long cached = BlockLoader.load(cache, result.fetcher(), table.file(), handle, kind);
        if (cached != 0) {
            cache.unpin(cached);
            result.trimBuffers();
        }
        return cached;
    }

    private static void found(OpenTable table, long handle, BlockView view, int entry, PointResult result) {
        long trailer = view.trailer(entry);
        long value = view.valueOffset(entry);
        if (view.hasLargeValue()) {
            MemorySegment memory = view.memory();
            long length = Bytes.getU64(memory, value + TableFormat.REFERENCE_LENGTH_OFFSET);
            long extents = Bytes.getU64(memory, value + TableFormat.REFERENCE_EXTENTS_OFFSET);
            table.file().checkReference(length, extents, BlockHandle.offset(handle));
            result.foundLarge(table.file(), trailer, extents, length);
            return;
        }
        PointResult.State state =
                InternalKeys.kind(trailer) == InternalKeys.KIND_PUT ? PointResult.State.PUT : PointResult.State.DELETE;
        result.found(state, trailer, value, view.entryOffset(entry + 1) - value);
    }

    /** Returns a cursor over all entries, not positioned yet. Closed by the caller, before this reader. */
    public EntryCursor cursor(ReadOptions options) {
        return new TableCursor(context, table(), options);
    }

    /** Returns about where in the file the entries from this user key on begin. */
    public long approximateOffset(MemorySegment key, long keyOffset, int keyLength) {
        OpenTable table = table();
        BlockView top = table.top();
        int partition = top.lowerBound(key, keyOffset, keyLength, InternalKeys.NEWEST_TRAILER);
        if (partition == top.count()) {
            return table.file().bytes();
        }
        ReadOptions options = new ReadOptions(true, 0, 0);
        try (HeldBlock index = new HeldBlock(context, table.file(), BlockKind.INDEX, options)) {
            index.hold(table.indexHandle(partition));
            BlockView view = index.view();
            int block = view.lowerBound(key, keyOffset, keyLength, InternalKeys.NEWEST_TRAILER);
            return block == view.count()
                    ? table.file().bytes()
                    : BlockHandle.offset(Bytes.getU64(view.memory(), view.valueOffset(block)));
        }
    }

    /**
     * Reads and checks every byte: checksums and structure of all blocks, the order of entries, separators and filters, that
     * nothing lies between, and that the properties count right. Past the cache, on the caller's thread.
     *
     * @throws io.beachdb.base.CorruptionException only if the table cannot be opened; other damage goes to the listener
     */
    public void verify(TableCheckListener listener) {
        TableVisitor visitor = new TableVisitor() {
            @Override
            public void progress(long bytes) {
                listener.progress(bytes);
            }

            @Override
            public void damage(CorruptionException problem) {
                listener.damage(problem);
            }
        };
        try (TableWalk walk = new TableWalk(table().file(), context.account(), visitor)) {
            walk.run();
        }
    }

    /** Returns what the table says about its content. */
    public TableProperties properties() {
        return table().properties();
    }

    /** Returns the bytes of memory charged for the table itself: its top index. 0 before the first use. */
    public long chargedBytes() {
        OpenTable table = open;
        return table == null ? 0 : table.chargedBytes();
    }

    private OpenTable table() {
        OpenTable table = open;
        return table != null ? table : openFirst();
    }

    private OpenTable openFirst() {
        checkOpen();
        // Without a lock, since it reads: of several first users one is kept.
        OpenTable fresh = OpenTable.open(opener.get(), databaseId, fileNumber, fileBytes, context.account());
        OpenTable kept = keep(fresh);
        if (kept != fresh) {
            fresh.close();
        }
        if (kept == null) {
            checkOpen();
            throw new AssertionError("a table that is not closed keeps what it opened");
        }
        return kept;
    }

    private synchronized @Nullable OpenTable keep(OpenTable fresh) {
        if (!closed && open == null) {
            open = fresh;
        }
        return open;
    }

    private void checkOpen() {
        if (closed) {
            throw new ClosedException(FileName.table(fileNumber) + " is closed: no version names it any more");
        }
    }

    /** Closes the file and frees the top index. Nobody reads any more. Closing twice is harmless. */
    @Override
    public void close() {
        OpenTable table;
        synchronized (this) {
            closed = true;
            table = open;
            open = null;
        }
        if (table != null) {
            table.close();
        }
    }
}
