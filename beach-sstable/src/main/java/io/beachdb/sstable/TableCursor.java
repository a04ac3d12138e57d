package io.beachdb.sstable;

import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Walks a table's entries in both directions: top index, index partition, data block, entry. */
final class TableCursor implements EntryCursor {
    /*
     * C1  While valid: the partition is held in index, the block in data, and the entry's key is whole in keyMemory.
     * C2  keyMemory begins with the prefix of the block for which prefixOf is the handle.
     * C3  Every positioning call clears valid first and sets it last, so that a failure leaves an invalid cursor.
     */
    private static final int SMALLEST_KEY_BYTES = 4 << 10;
    private static final int SLACK_BYTES = 12; // a head is copied whole, a short rest in whole longs
    private static final int LONGS_LIMIT = 64;

    private final TableContext context;
    private final OpenTable table;
    private final MemoryUse use;
    private final HeldBlock index;
    private final HeldBlock data;
    private final BlockView view; // of data

    private int partition;
    private int block; // within the partition
    private int entry; // within the block
    private long entryOffset;
    private long entryEnd;

    private @Nullable NativeBlock keyBlock;
    private MemorySegment keyMemory = MemorySegment.NULL;
    private long keyCapacity;
    private long prefixOf;
    private int keyLength;
    private long trailer;

    private long valueOffset;
    private long valueLength;
    private boolean large;
    private long extents;
    private @Nullable NativeBlock largeValue; // the current entry's, once asked for

    private boolean valid;
    private boolean closed;

    TableCursor(TableContext context, OpenTable table, ReadOptions options) {
        this.context = context;
        this.table = table;
        this.use = options.fillCache() ? MemoryUse.SCRATCH : MemoryUse.COMPACTION;
        this.index = new HeldBlock(context, table.file(), BlockKind.INDEX, new ReadOptions(options.fillCache(), 0, 0));
        this.data = new HeldBlock(context, table.file(), BlockKind.DATA, options);
        this.view = data.view();
    }

    @Override
    public void first() {
        leave();
        holdPartition(0);
        holdBlock(0);
        show(0);
    }

    @Override
    public void last() {
        leave();
        holdPartition(table.top().count() - 1);
        holdBlock(index.view().count() - 1);
        show(view.count() - 1);
    }

    @Override
    public void seek(MemorySegment key, long offset, int length, long seekTrailer) {
        leave();
        if (!holdBlockOf(key, offset, length, seekTrailer)) {
            return;
        }
        int found = view.lowerBound(key, offset, length, seekTrailer);
        if (found < view.count()) {
            show(found);
        } else if (holdNextBlock()) {
            show(0);
        }
    }

    @Override
    public void seekBefore(MemorySegment key, long offset, int length, long seekTrailer) {
        leave();
        if (!holdBlockOf(key, offset, length, seekTrailer)) {
            last();
            return;
        }
        int found = view.lowerBound(key, offset, length, seekTrailer);
        if (found > 0) {
            show(found - 1);
        } else if (holdPreviousBlock()) {
            show(view.count() - 1);
        }
    }

    @Override
    public void next() {
        checkValid();
        leaveEntry();
        int following = entry + 1;
        if (following < view.count()) {
            show(following, entryEnd, view.entryOffset(following + 1));
        } else if (holdNextBlock()) {
            show(0);
        }
    }

    @Override
    public void previous() {
        checkValid();
        leaveEntry();
        if (entry > 0) {
            show(entry - 1, view.entryOffset(entry - 1), entryOffset);
        } else if (holdPreviousBlock()) {
            show(view.count() - 1);
        }
    }

    /** Holds the one block that can hold the first entry at or after an internal key; false if all are before it. */
    private boolean holdBlockOf(MemorySegment key, long offset, int length, long seekTrailer) {
        int found = table.top().lowerBound(key, offset, length, seekTrailer);
        if (found == table.top().count()) {
            return false;
        }
        holdPartition(found);
        int foundBlock = index.view().lowerBound(key, offset, length, seekTrailer);
        if (foundBlock == index.view().count()) {
            throw table.endsBeforeSeparator(index.handle());
        }
        holdBlock(foundBlock);
        return true;
    }

    private boolean holdNextBlock() {
        if (block + 1 < index.view().count()) {
            holdBlock(block + 1);
            return true;
        }
        if (partition + 1 < table.top().count()) {
            holdPartition(partition + 1);
            holdBlock(0);
            return true;
        }
        return false;
    }

    private boolean holdPreviousBlock() {
        if (block > 0) {
            holdBlock(block - 1);
            return true;
        }
        if (partition > 0) {
            holdPartition(partition - 1);
            holdBlock(index.view().count() - 1);
            return true;
        }
        return false;
    }

    private void holdPartition(int wanted) {
        index.hold(table.indexHandle(wanted));
        partition = wanted;
    }

    private void holdBlock(int wanted) {
        BlockView partitionView = index.view();
        data.hold(Bytes.getU64(partitionView.memory(), partitionView.valueOffset(wanted)));
        block = wanted;
        if (prefixOf != data.handle()) {
            takePrefix();
        }
    }

    private void takePrefix() {
        int length = view.prefixLength();
        prefixOf = 0;
        if (length + SLACK_BYTES > keyCapacity) {
            growKey(length + SLACK_BYTES, 0);
        }
        MemorySegment.copy(view.memory(), view.prefixOffset(), keyMemory, 0, length);
        large = view.hasLargeValue();
        prefixOf = data.handle();
    }

    private void growKey(int bytes, int kept) {
        NativeBlock larger = context.account().acquire(use, Math.max(bytes, SMALLEST_KEY_BYTES));
        NativeBlock old = keyBlock;
        if (old != null) {
            MemorySegment.copy(old.memory(), 0, larger.memory(), 0, kept);
            context.account().release(use, old);
        }
        keyBlock = larger;
        keyMemory = larger.memory();
        keyCapacity = larger.bytes();
    }

    private void show(int wanted) {
        show(wanted, view.entryOffset(wanted), view.entryOffset(wanted + 1));
    }

    private void show(int wanted, long offset, long end) {
        int suffixLength = view.suffixLengthAt(offset);
        long rest = view.restOffsetAt(offset, suffixLength);
        int restLength = BlockView.restLength(suffixLength);
        int prefixLength = view.prefixLength();
        int length = prefixLength + suffixLength;
        if (length + SLACK_BYTES > keyCapacity) {
            growKey(length + SLACK_BYTES, prefixLength);
        }
        Bytes.putU32(keyMemory, prefixLength, view.headBytes(wanted));
        copyRest(rest, prefixLength + TableFormat.HEAD_BYTES, restLength);
        entry = wanted;
        entryOffset = offset;
        entryEnd = end;
        keyLength = length;
        trailer = view.trailerAt(offset);
        valueOffset = rest + restLength;
        valueLength = end - valueOffset;
        if (large) {
            showReference();
        }
        valid = true;
    }

    private void copyRest(long from, int to, int length) {
        MemorySegment source = view.memory();
        MemorySegment target = keyMemory;
        if (length <= LONGS_LIMIT) {
            for (int i = 0; i < length; i += Long.BYTES) {
                Bytes.putU64(target, (long) to + i, Bytes.getU64(source, from + i));
            }
        } else {
            MemorySegment.copy(source, from, target, to, length);
        }
    }

    private void showReference() {
        MemorySegment memory = view.memory();
        valueLength = Bytes.getU64(memory, valueOffset + TableFormat.REFERENCE_LENGTH_OFFSET);
        extents = Bytes.getU64(memory, valueOffset + TableFormat.REFERENCE_EXTENTS_OFFSET);
        table.file().checkReference(valueLength, extents, BlockHandle.offset(data.handle()));
    }

    private void leave() {
        if (closed) {
            throw closedException();
        }
        leaveEntry();
    }

    private void leaveEntry() {
        valid = false;
        if (largeValue != null) {
            releaseLargeValue();
        }
    }

    private void releaseLargeValue() {
        NativeBlock value = largeValue;
        if (value != null) {
            largeValue = null;
            context.account().release(MemoryUse.PINNED, value);
        }
    }

    private void checkValid() {
        if (!valid) {
            throw closed ? closedException() : new IllegalStateException("the cursor stands on no entry");
        }
    }

    private ClosedException closedException() {
        return new ClosedException("the cursor over " + table.file().path() + " is closed");
    }

    @Override
    public boolean valid() {
        return valid;
    }

    @Override
    public MemorySegment keyMemory() {
        return keyMemory;
    }

    @Override
    public long keyOffset() {
        return 0;
    }

    @Override
    public int keyLength() {
        return keyLength;
    }

    @Override
    public long trailer() {
        return trailer;
    }

    @Override
    public long valueLength() {
        return valueLength;
    }

    @Override
    public MemorySegment valueMemory() {
        return large ? largeValueMemory() : view.memory();
    }

    @Override
    public long valueOffset() {
        return large ? 0 : valueOffset;
    }

    private MemorySegment largeValueMemory() {
        checkValid();
        NativeBlock value = largeValue;
        if (value == null) {
            value = readLargeValue();
            largeValue = value; // released with the entry
        }
        return value.memory();
    }

    /** Reads the value; if it is damaged, the cursor still stands on its entry, and can go on from there. */
    private NativeBlock readLargeValue() {
        NativeBlock value = context.account().acquire(MemoryUse.PINNED, valueLength);
        boolean whole = false;
        try {
            table.file().copyValue(context.account(), use, extents, valueLength, 0, value.memory(), 0, valueLength);
            whole = true;
            return value;
        } finally {
            if (!whole) {
                context.account().release(MemoryUse.PINNED, value);
            }
        }
    }

    @Override
    public void copyValue(long from, MemorySegment destination, long at, long length) {
        checkValid();
        if (large) {
            table.file().copyValue(context.account(), use, extents, valueLength, from, destination, at, length);
            return;
        }
        if (from < 0 || length < 0 || from > valueLength - length) {
            throw new IndexOutOfBoundsException(
                    length + " bytes from " + from + " of a value of " + valueLength + " bytes");
        }
        MemorySegment.copy(view.memory(), valueOffset + from, destination, at, length);
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        leaveEntry();
        data.close();
        index.close();
        NativeBlock key = keyBlock;
        if (key != null) {
            keyBlock = null;
            context.account().release(use, key);
        }
    }
}
