package io.beachdb.sstable;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.base.memory.Parts;
import io.beachdb.durability.ReadableFile;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A table whose end has been read: footer, meta index, properties and top index. Immutable; any number of threads read. */
final class OpenTable implements AutoCloseable {
    /** The end of a file that is read at once, in the hope that it holds all that opening needs. */
    private static final int TAIL_BYTES = 16 << 10;

    private final TableFile file;
    private final Footer footer;
    private final TableProperties properties;
    private final MemoryAccount account;
    private final NativeBlock topMemory;
    private final BlockView top;

    private OpenTable(
            TableFile file,
            Footer footer,
            TableProperties properties,
            MemoryAccount account,
            NativeBlock topMemory,
            BlockView top) {
        this.file = file;
        this.footer = footer;
        this.properties = properties;
        this.account = account;
        this.topMemory = topMemory;
        this.top = top;
    }

    /** Reads and checks the end of a table of {@code bytes} bytes; closes the file if that fails. */
    static OpenTable open(
            ReadableFile readable, DatabaseId databaseId, long number, long bytes, MemoryAccount account) {
        try {
            TableFile file = new TableFile(readable, number);
            file.checkLength(bytes);
            try (BlockFetcher fetcher = new BlockFetcher(account, MemoryUse.SCRATCH, new ReadOptions(false, 0, 0))) {
                return open(file, databaseId, account, fetcher);
            }
        } catch (RuntimeException | Error e) {
            readable.close();
            throw e;
        }
    }

    private static OpenTable open(TableFile file, DatabaseId databaseId, MemoryAccount account, BlockFetcher fetcher) {
        Footer footer = readFooter(file, fetcher);
        footer.header().checkIdentity(file.path(), file.bytes() - TableFormat.FOOTER_BYTES, databaseId, file.number());
        TableProperties properties = readProperties(file, footer, fetcher);
        fetcher.fetch(file, footer.topOffset(), (int) footer.topLength(), BlockKind.TOP_INDEX);
        try (Parts parts = new Parts()) {
            NativeBlock topMemory = parts.add(
                    account.acquire(MemoryUse.TABLE, fetcher.length()), b -> account.release(MemoryUse.TABLE, b));
            MemorySegment.copy(fetcher.memory(), fetcher.offset(), topMemory.memory(), 0, fetcher.length());
            BlockView top = new BlockView();
            top.set(topMemory.memory(), 0);
            OpenTable table = new OpenTable(file, footer, properties, account, topMemory, top);
            table.checkTop();
            parts.complete();
            return table;
        }
    }

    /** Reads the footer, and with it what lies before it, into the fetcher's window. */
    static Footer readFooter(TableFile file, BlockFetcher fetcher) {
        long footerAt = file.bytes() - TableFormat.FOOTER_BYTES;
        if (footerAt < 0) {
            throw file.damaged(
                    0, "the file is " + file.bytes() + " bytes long, a table has at least " + TableFormat.FOOTER_BYTES);
        }
        long tail = Math.max(0, file.bytes() - TAIL_BYTES);
        NativeBlock window = fetcher.window(file, tail, (int) (file.bytes() - tail));
        return Footer.read(window.memory(), footerAt - tail, file.path(), footerAt);
    }

    static TableProperties readProperties(TableFile file, Footer footer, BlockFetcher fetcher) {
        fetcher.fetch(file, footer.metaHandle(), BlockKind.META_INDEX);
        BlockView meta = new BlockView();
        meta.set(fetcher.memory(), fetcher.offset());
        long properties = 0;
        for (int i = 0; i < meta.count(); i++) {
            String name = new String(meta.key(i), StandardCharsets.ISO_8859_1);
            long value = meta.valueOffset(i);
            int flags = Bytes.getU8(meta.memory(), value + TableFormat.META_FLAGS_OFFSET);
            if ((flags & ~TableFormat.META_REQUIRED) != 0) {
                throw file.damaged(
                        BlockHandle.offset(footer.metaHandle()),
                        "the meta index has flags 0x" + Integer.toHexString(flags) + " for '" + name + "'");
            }
            if (name.equals(TableFormat.META_PROPERTIES)) {
                properties = Bytes.getU64(meta.memory(), value + TableFormat.META_HANDLE_OFFSET);
            } else if (flags == TableFormat.META_REQUIRED) {
                throw new UnsupportedFormatException(
                        file.path(),
                        "needs the block '" + name
                                + "', which this library does not know. Open it with a newer BeachDB.");
            }
        }
        if (properties == 0) {
            throw file.damaged(
                    BlockHandle.offset(footer.metaHandle()),
                    "the meta index does not name '" + TableFormat.META_PROPERTIES + "'");
        }
        fetcher.fetch(file, properties, BlockKind.NAMED);
        BlockView block = new BlockView();
        block.set(fetcher.memory(), fetcher.offset());
        return TableProperties.read(block, file.path(), BlockHandle.offset(properties));
    }

    /** Returns the handles of all blocks that the meta index names, in the order in which they lie in the file. */
    static long[] namedBlocks(TableFile file, Footer footer, BlockFetcher fetcher) {
        fetcher.fetch(file, footer.metaHandle(), BlockKind.META_INDEX);
        BlockView meta = new BlockView();
        meta.set(fetcher.memory(), fetcher.offset());
        long[] handles = new long[meta.count()];
        for (int i = 0; i < handles.length; i++) {
            handles[i] = Bytes.getU64(meta.memory(), meta.valueOffset(i) + TableFormat.META_HANDLE_OFFSET);
        }
        Arrays.sort(handles);
        return handles;
    }

    /** Checks what the filter relies on; the handles are checked when they are used. */
    private void checkTop() {
        for (int i = 0; i < top.count(); i++) {
            String problem = filterProblem(top, i);
            if (problem != null) {
                throw file.damaged(footer.topOffset(), problem);
            }
        }
    }

    /** Returns what is wrong with what the top index says of a partition's filter; null if nothing is. */
    static @Nullable String filterProblem(BlockView top, int partition) {
        long value = top.valueOffset(partition);
        boolean hasFilter = Bytes.getU64(top.memory(), value + TableFormat.TOP_FILTER_HANDLE_OFFSET) != 0;
        // With the reserved bytes, which are zero.
        long probes = Bytes.getU64(top.memory(), value + TableFormat.TOP_FILTER_PROBES_OFFSET);
        if (hasFilter ? probes >= 1 && probes <= TableFormat.MAX_FILTER_PROBES : probes == 0) {
            return null;
        }
        return "the filter of partition " + partition + " has 0x" + Long.toHexString(probes) + " probes, allowed 1 to "
                + TableFormat.MAX_FILTER_PROBES + ", or 0 without filter";
    }

    TableFile file() {
        return file;
    }

    Footer footer() {
        return footer;
    }

    TableProperties properties() {
        return properties;
    }

    /** Returns the top index, one entry for each partition. */
    BlockView top() {
        return top;
    }

    long indexHandle(int partition) {
        return Bytes.getU64(top.memory(), top.valueOffset(partition) + TableFormat.TOP_INDEX_HANDLE_OFFSET);
    }

    /** The damage that a search meets when a partition has no entry at or behind its separator in the top index. */
    CorruptionException endsBeforeSeparator(long indexHandle) {
        return file().damaged(BlockHandle.offset(indexHandle), "an index partition ends before its separator");
    }

    long filterHandle(int partition) {
        return Bytes.getU64(top.memory(), top.valueOffset(partition) + TableFormat.TOP_FILTER_HANDLE_OFFSET);
    }

    int filterProbes(int partition) {
        return Bytes.getU8(top.memory(), top.valueOffset(partition) + TableFormat.TOP_FILTER_PROBES_OFFSET);
    }

    /** Returns the bytes of memory charged for the top index. */
    long chargedBytes() {
        return topMemory.bytes();
    }

    @Override
    public void close() {
        account.release(MemoryUse.TABLE, topMemory);
        file.close();
    }
}
