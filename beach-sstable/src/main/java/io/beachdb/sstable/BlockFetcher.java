package io.beachdb.sstable;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Reads blocks from a table's file into buffers of its own: checks the checksum, then decompresses, then checks the
 * structure. Reads ahead while blocks are asked for one behind the other, in either direction. For one task at a time.
 */
final class BlockFetcher implements AutoCloseable {
    /*
     * R1  The window holds the bytes of windowFile from windowFrom to windowTo; nothing else is taken from it.
     * R2  What is read from the file is bounded by the file's size, what is allocated for a raw block by MAX_RAW_BYTES (the
     *     top index: by its stored length), before anything is read or allocated.
     */
    private static final int FIRST_GROWTH_BYTES = 16 << 10;
    private static final int GAP_BYTES = 64 << 10; // partitions and such between the data blocks of a scan

    private final MemoryAccount account;
    private final MemoryUse use;
    private final ReadOptions options;
    private final BlockChecksum checksum = new BlockChecksum();
    private final BlockView checked = new BlockView(); // for the check only; one for all blocks

    private @Nullable NativeBlock window;
    private @Nullable TableFile windowFile;
    private long windowFrom;
    private long windowTo;
    private int readBytes;

    private @Nullable NativeBlock raw;

    // The block that was fetched last.
    private @Nullable NativeBlock fetched;
    private int fetchedOffset;
    private int fetchedLength;
    private Compression fetchedCompression = Compression.NONE;

    BlockFetcher(MemoryAccount account, MemoryUse use, ReadOptions options) {
        this.account = account;
        this.use = use;
        this.options = options;
    }

    /**
     * Brings a block to memory, checked and decompressed: {@link #memory}, {@link #offset} and {@link #length} until the next
     * fetch.
     */
    void fetch(TableFile table, long handle, BlockKind kind) {
        long offset = BlockHandle.offset(handle);
        int length = BlockHandle.length(handle);
        if (length == 0 || BlockHandle.end(handle) > table.bytes()) {
            throw table.damaged(
                    offset,
                    "a handle names a " + kind.title() + " block of " + BlockHandle.text(handle)
                            + ", outside of the file's " + table.bytes());
        }
        fetch(table, offset, length, kind);
    }

    /** Brings a block that may be longer than a handle can say. */
    void fetch(TableFile table, long offset, int length, BlockKind kind) {
        int stored = length + TableFormat.BLOCK_TRAILER_BYTES;
        NativeBlock block = window(table, offset, stored);
        int at = (int) (offset - windowFrom);
        MemorySegment memory = block.memory();
        int expected = Bytes.getU32(memory, at + length + TableFormat.BLOCK_CHECKSUM_OFFSET);
        int computed =
                checksum.of(table.number(), offset, block.view(), at, length + TableFormat.BLOCK_CHECKSUM_OFFSET);
        if (expected != computed) {
            throw table.damaged(
                    offset,
                    "the checksum of a " + kind.title() + " block is " + Checksum.hex(expected) + ", computed "
                            + Checksum.hex(computed) + " over " + length + " bytes");
        }
        int type = Bytes.getU8(memory, at + length + TableFormat.BLOCK_TYPE_OFFSET);
        Compression compression = Compression.ofType(type);
        if (BlockKind.ofType(type) != kind || compression == null) {
            throw table.damaged(offset, "a " + kind.title() + " block has the type 0x" + Integer.toHexString(type));
        }
        switch (compression) {
            case NONE -> setFetched(block, at, length);
            case LZ4 -> decompress(table, block, at, length, offset);
        }
        fetchedCompression = compression;
        checkContent(table, offset, kind);
    }

    private void decompress(TableFile table, NativeBlock block, int at, int length, long offset) {
        long rawLength =
                length < TableFormat.RAW_LENGTH_BYTES ? -1 : Integer.toUnsignedLong(Bytes.getU32(block.memory(), at));
        if (rawLength <= 0 || rawLength > TableFormat.MAX_RAW_BYTES) {
            throw table.damaged(
                    offset,
                    "a compressed block of " + length + " bytes claims a raw length of " + rawLength + ", allowed 1 to "
                            + TableFormat.MAX_RAW_BYTES);
        }
        NativeBlock target = raw;
        if (target == null || target.bytes() < rawLength) {
            raw = null;
            releaseIfHeld(target);
            target = account.acquire(use, rawLength);
            raw = target;
        }
        boolean whole = Lz4.decompress(
                block.view(),
                at + TableFormat.RAW_LENGTH_BYTES,
                length - TableFormat.RAW_LENGTH_BYTES,
                target.view(),
                0,
                (int) rawLength);
        if (!whole) {
            throw table.damaged(offset, "a compressed block is not " + rawLength + " bytes of LZ4");
        }
        setFetched(target, 0, (int) rawLength);
    }

    private void checkContent(TableFile table, long offset, BlockKind kind) {
        if (kind == BlockKind.FILTER) {
            if (fetchedLength % TableFormat.FILTER_LINE_BYTES != 0) {
                throw table.damaged(
                        offset, "a filter is " + fetchedLength + " bytes long, which is no number of lines");
            }
            return;
        }
        String problem = checked.setChecked(memory(), fetchedOffset, fetchedLength, kind);
        if (problem != null) {
            throw table.damaged(offset, problem);
        }
    }

    private void setFetched(NativeBlock block, int offset, int length) {
        fetched = block;
        fetchedOffset = offset;
        fetchedLength = length;
    }

    MemorySegment memory() {
        return Objects.requireNonNull(fetched).memory();
    }

    long offset() {
        return fetchedOffset;
    }

    int length() {
        return fetchedLength;
    }

    /** Returns how the block is stored. */
    Compression compression() {
        return fetchedCompression;
    }

    /** Makes the window hold {@code length} bytes of the file from {@code offset}, and more if a scan shows. */
    NativeBlock window(TableFile table, long offset, int length) {
        NativeBlock block = window;
        boolean sameFile = windowFile == table;
        if (block != null && sameFile && offset >= windowFrom && offset + length <= windowTo) {
            return block;
        }
        boolean forward = sameFile && offset >= windowFrom && offset <= windowTo + GAP_BYTES;
        boolean backward = sameFile && !forward && offset < windowFrom && offset + length + GAP_BYTES >= windowFrom;
        if (forward || backward) {
            readBytes = Math.min(options.maxReadBytes(), Math.max(2 * readBytes, FIRST_GROWTH_BYTES));
        } else {
            readBytes = options.firstReadBytes();
        }
        int want = Math.max(length, readBytes);
        long from = backward ? Math.max(0, offset + length - want) : offset;
        int size = (int) Math.min(want, table.bytes() - from);
        if (block == null || block.bytes() < size) {
            window = null;
            releaseIfHeld(block);
            block = account.acquire(use, size);
            window = block;
        }
        windowTo = 0; // nothing, should the read fail
        windowFrom = 0;
        table.readFully(from, block.memory(), 0, size);
        windowFile = table;
        windowFrom = from;
        windowTo = from + size;
        return block;
    }

    private void releaseIfHeld(@Nullable NativeBlock block) {
        if (block != null) {
            account.release(use, block);
        }
    }

    /** Gives back buffers larger than {@code bytes}: between reads that are far apart. */
    void trim(int bytes) {
        NativeBlock block = window;
        if (block != null && block.bytes() > bytes) {
            forgetWindow();
        }
        block = raw;
        if (block != null && block.bytes() > bytes) {
            raw = null;
            account.release(use, block);
        }
    }

    private void forgetWindow() {
        NativeBlock block = window;
        window = null;
        windowFile = null;
        windowFrom = 0;
        windowTo = 0;
        releaseIfHeld(block);
    }

    @Override
    public void close() {
        trim(-1);
    }
}
