package io.beachdb.sstable;

import io.beachdb.base.MemoryUse;
import java.lang.foreign.MemorySegment;

/** The block in which a cursor stands: pinned in the cache, or in buffers of the cursor's own. */
final class HeldBlock implements AutoCloseable {
    private final TableContext context;
    private final TableFile file;
    private final BlockKind kind;
    private final boolean byCache;
    private final BlockFetcher fetcher;
    private final BlockView view = new BlockView();
    private long handle;
    private long pinned;

    HeldBlock(TableContext context, TableFile file, BlockKind kind, ReadOptions options) {
        this.context = context;
        this.file = file;
        this.kind = kind;
        this.byCache = options.fillCache();
        this.fetcher = new BlockFetcher(context.account(), byCache ? MemoryUse.SCRATCH : MemoryUse.COMPACTION, options);
    }

    /** Returns the block; it changes with the next {@link #hold}. */
    BlockView view() {
        return view;
    }

    /** Returns which block is held; 0 for none. */
    long handle() {
        return handle;
    }

    /** Lets go of the last block and takes another one, unless it is the same. */
    void hold(long wanted) {
        if (wanted == handle && wanted != 0) {
            return;
        }
        letGo();
        if (byCache) {
            long cached = context.findPinned(file.number(), BlockHandle.cacheKey(wanted, kind));
            if (cached == 0) {
                cached = BlockLoader.load(context.cache(), fetcher, file, wanted, kind);
            }
            if (cached != 0) {
                pinned = cached;
                BlockCache cache = context.cache();
                view.set(cache.memory(cached), cache.offset(cached));
                handle = wanted;
                return;
            }
        } else {
            fetcher.fetch(file, wanted, kind);
        }
        MemorySegment memory = fetcher.memory();
        view.set(memory, fetcher.offset());
        handle = wanted;
    }

    private void letGo() {
        handle = 0;
        if (pinned != 0) {
            long last = pinned;
            pinned = 0;
            context.cache().unpin(last);
        }
    }

    @Override
    public void close() {
        letGo();
        fetcher.close();
    }
}
