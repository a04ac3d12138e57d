package io.beachdb.sstable;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What {@link TableReader#get} found; used again and again, by one task at a time. The value's memory is valid inside the
 * epoch of the get, or from {@link #pin} to {@link #unpin}, and until the next get at most.
 */
public final class PointResult implements AutoCloseable {
    /** Kinds of answers. */
    public enum State {
        /** The table knows nothing of the key at that sequence. */
        ABSENT,
        /** The newest entry is a value. */
        PUT,
        /** The newest entry is a tombstone. */
        DELETE
    }

    private static final ReadOptions ONE_BLOCK = new ReadOptions(true, 0, 0);
    private static final int KEPT_BUFFER_BYTES = 32 << 10;

    private final MemoryAccount account;
    private final BlockFetcher fetcher;
    private final BlockView view = new BlockView();

    private State state = State.ABSENT;
    private long trailer;
    private long valueOffset;
    private long valueLength;
    private @Nullable TableFile largeIn; // the file of a value in extents
    private long extents;
    private @Nullable BlockCache cache;
    private long cached; // the block of the value, in the cache
    private boolean pinned;

    /** @param account charged with the buffers for blocks that are not in the cache, as {@link MemoryUse#SCRATCH} */
    public PointResult(MemoryAccount account) {
        this.account = account;
        this.fetcher = new BlockFetcher(account, MemoryUse.SCRATCH, ONE_BLOCK);
    }

    public State state() {
        return state;
    }

    /** Returns sequence and kind of the entry. */
    public long trailer() {
        return trailer;
    }

    public long valueLength() {
        return valueLength;
    }

    /** Returns whether the value is not in memory: it can only be copied. */
    public boolean isLarge() {
        return largeIn != null;
    }

    /** Returns the memory that holds the value, unless it {@link #isLarge}. */
    public MemorySegment valueMemory() {
        if (largeIn != null) {
            throw new IllegalStateException("a value of " + valueLength + " bytes is not in memory; copy it");
        }
        return view.memory();
    }

    public long valueOffset() {
        return valueOffset;
    }

    /** Copies a part of the value; of a large one, by pieces that are read and checked. */
    public void copyValue(long from, MemorySegment destination, long at, long length) {
        TableFile file = largeIn;
        if (file != null) {
            file.copyValue(account, MemoryUse.SCRATCH, extents, valueLength, from, destination, at, length);
            return;
        }
        if (from < 0 || length < 0 || from > valueLength - length) {
            throw new IndexOutOfBoundsException(
                    length + " bytes from " + from + " of a value of " + valueLength + " bytes");
        }
        MemorySegment.copy(view.memory(), valueOffset + from, destination, at, length);
    }

    /** Keeps the value's memory beyond the epoch. Called inside it. */
    public void pin() {
        if (pinned) {
            throw new IllegalStateException("the result is pinned already");
        }
        if (cache != null && cached != 0) {
            cache.pin(cached);
        }
        pinned = true;
    }

    /** Lets go of what {@link #pin} kept. Harmless when nothing is pinned. */
    public void unpin() {
        if (pinned) {
            pinned = false;
            if (cache != null && cached != 0) {
                cache.unpin(cached);
            }
        }
    }

    void clear() {
        if (pinned) {
            throw new IllegalStateException("the result is still pinned");
        }
        state = State.ABSENT;
        trailer = 0;
        valueLength = 0;
        largeIn = null;
        cached = 0;
    }

    BlockView view() {
        return view;
    }

    BlockFetcher fetcher() {
        return fetcher;
    }

    /** Looks at a block in the cache. */
    void look(BlockCache in, long handle) {
        cache = in;
        cached = handle;
        view.set(in.memory(handle), in.offset(handle));
    }

    /** Looks at the block in the fetcher, which is too long for the cache. */
    void lookAtFetched() {
        cached = 0;
        view.set(fetcher.memory(), fetcher.offset());
    }

    void found(State found, long foundTrailer, long offset, long length) {
        state = found;
        trailer = foundTrailer;
        valueOffset = offset;
        valueLength = length;
    }

    void foundLarge(TableFile file, long foundTrailer, long foundExtents, long length) {
        state = State.PUT;
        trailer = foundTrailer;
        largeIn = file;
        extents = foundExtents;
        valueLength = length;
    }

    /** Keeps small buffers for the next get, gives back large ones. */
    void trimBuffers() {
        fetcher.trim(KEPT_BUFFER_BYTES);
    }

    /** Lets go of pin and memory; the result may be used again. Closing twice is harmless. */
    @Override
    public void close() {
        unpin();
        clear();
        fetcher.close();
    }
}
