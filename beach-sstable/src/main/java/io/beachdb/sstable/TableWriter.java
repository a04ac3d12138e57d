package io.beachdb.sstable;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.Escapes;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.KeyHash;
import io.beachdb.base.format.Keys;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.base.memory.Parts;
import io.beachdb.durability.PendingFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes one table: entries come in internal order, {@link #finish} ends it. What is written lies in a pending file, which
 * the caller commits or, when anything threw, abandons. One task at a time; no allocation per entry.
 */
public final class TableWriter implements AutoCloseable {
    /*
     * W1  Entries come in strictly ascending internal order.
     * W2  A block's separator is at or after its last entry and before the next block's first. So the block that a search in
     *     the index finds is the only one that can hold the newest entry of a user key at or below a sequence.
     * W3  Each user key of a partition's entries is in that partition's filter, also when the key began in the one before.
     * W4  Extents lie directly before the data block that refers to them, an index partition directly behind its last data
     *     block, its filter behind it: no byte of the file belongs to nothing.
     */
    private static final long OLDEST_TRAILER = 0;
    private static final int NOT_SMALLER_SHIFT = 3; // compressed is kept when it saves an eighth

    // Set once.
    private final PendingFile file;
    private final TableOptions options;
    private final DatabaseId databaseId;
    private final long fileNumber;
    private final long creationMillis;
    private final MemoryAccount account;
    private final FileBuffer out;
    private final BlockBuilder data;
    private final BlockBuilder index;
    private final BlockBuilder top;
    private final FilterBuilder filter;
    private final Lz4.Compressor compressor = Lz4.compressor();

    private NativeBlock raw; // a raw block on its way through compression; names of the last blocks
    private byte[] smallestKey = {};
    private long smallestTrailer;
    private long entries;
    private long tombstones;
    private long dataBlocks;
    private long rawBytes;
    private long shadowedBytes;
    private long storedBytes;
    private long smallestSequence = Long.MAX_VALUE;
    private long largestSequence;
    private boolean keyInFilter; // the last user key is in this partition's filter
    private boolean blockFull; // holds a large value: takes nothing else
    private boolean finished;
    private boolean closed;

    /**
     * Begins a table.
     *
     * @param file empty
     * @param fileNumber the number in the file's name
     * @param creationMillis wall clock, for people
     * @param account charged with the buffers, as {@link MemoryUse#COMPACTION}, until {@link #close}
     */
    public TableWriter(
            PendingFile file,
            TableOptions options,
            DatabaseId databaseId,
            long fileNumber,
            long creationMillis,
            MemoryAccount account) {
        this.file = file;
        this.options = options;
        this.databaseId = databaseId;
        this.fileNumber = fileNumber;
        this.creationMillis = creationMillis;
        this.account = account;
        try (Parts parts = new Parts()) {
            this.out = parts.add(new FileBuffer(file, fileNumber, account));
            this.data = parts.add(new BlockBuilder(account, 4 * options.blockBytes()));
            this.index = parts.add(new BlockBuilder(account, 4 * options.partitionBytes()));
            this.top = parts.add(new BlockBuilder(account, 16 << 10));
            this.filter = parts.add(new FilterBuilder(account, options.filterBitsPerKey()));
            this.raw = parts.add(
                    account.acquire(MemoryUse.COMPACTION, 2L * options.blockBytes()),
                    b -> account.release(MemoryUse.COMPACTION, b));
            parts.complete();
        }
    }

    /**
     * Adds an entry.
     *
     * @param key native memory; read during the call only, as is {@code value}
     * @param valueLength 0 to 1 GiB; 0 for a tombstone
     * @throws AssertionError if the entry is not after the last one (W1)
     */
    public void add(
            MemorySegment key,
            long keyOffset,
            int keyLength,
            long trailer,
            MemorySegment value,
            long valueOffset,
            long valueLength) {
        int shared = begin(key, keyOffset, keyLength, trailer, valueLength);
        if (TableFormat.inExtents(keyLength, valueLength)) {
            cutBlockBefore(key, keyOffset, keyLength, shared);
            long extents = out.position();
            for (long from = 0; from < valueLength; from += TableFormat.PIECE_BYTES) {
                int length = (int) Math.min(TableFormat.PIECE_BYTES, valueLength - from);
                int at = out.reserve(length);
                MemorySegment.copy(value, valueOffset + from, out.memory(), at, length);
                out.sealPiece(length);
            }
            addReference(key, keyOffset, keyLength, trailer, shared, extents, valueLength);
        } else {
            int at = place(key, keyOffset, keyLength, trailer, (int) valueLength, shared);
            MemorySegment.copy(value, valueOffset, data.memory(), at, valueLength);
        }
    }

    /** Adds the entry on which a cursor stands. A large value goes from file to file in pieces. */
    public void add(EntryCursor cursor) {
        int keyLength = cursor.keyLength();
        long valueLength = cursor.valueLength();
        MemorySegment key = cursor.keyMemory();
        long keyOffset = cursor.keyOffset();
        long trailer = cursor.trailer();
        if (!TableFormat.inExtents(keyLength, valueLength)) {
            add(key, keyOffset, keyLength, trailer, cursor.valueMemory(), cursor.valueOffset(), valueLength);
            return;
        }
        int shared = begin(key, keyOffset, keyLength, trailer, valueLength);
        cutBlockBefore(key, keyOffset, keyLength, shared);
        long extents = out.position();
        for (long from = 0; from < valueLength; from += TableFormat.PIECE_BYTES) {
            int length = (int) Math.min(TableFormat.PIECE_BYTES, valueLength - from);
            int at = out.reserve(length);
            cursor.copyValue(from, out.memory(), at, length);
            out.sealPiece(length);
        }
        addReference(key, keyOffset, keyLength, trailer, shared, extents, valueLength);
    }

    /** Checks the entry against the last one and counts it; returns how many bytes the keys share. */
    private int begin(MemorySegment key, long keyOffset, int keyLength, long trailer, long valueLength) {
        if (finished) {
            throw new IllegalStateException("table " + file.name() + " is finished");
        }
        if (keyLength > Keys.MAX_KEY_BYTES || valueLength < 0 || valueLength > TableFormat.MAX_VALUE_BYTES) {
            throw new IllegalArgumentException("an entry of a key of " + keyLength + " and a value of " + valueLength
                    + " bytes, allowed " + Keys.MAX_KEY_BYTES + " and " + TableFormat.MAX_VALUE_BYTES);
        }
        int shared = 0;
        long bytes = keyLength + Long.BYTES + valueLength;
        if (data.hasLast()) {
            int lastLength = data.lastKeyLength();
            shared = Keys.commonPrefix(data.memory(), data.lastKeyOffset(), lastLength, key, keyOffset, keyLength);
            boolean sameKey = shared == keyLength && shared == lastLength;
            keyInFilter &= sameKey;
            shadowedBytes += sameKey ? bytes : 0;
            checkAfterLast(key, keyOffset, keyLength, trailer, lastLength, shared, sameKey);
        } else {
            smallestKey = toArray(key, keyOffset, keyLength);
            smallestTrailer = trailer;
        }
        long sequence = InternalKeys.sequence(trailer);
        smallestSequence = Math.min(smallestSequence, sequence);
        largestSequence = Math.max(largestSequence, sequence);
        entries++;
        if (InternalKeys.kind(trailer) == InternalKeys.KIND_DELETE) {
            tombstones++;
        }
        rawBytes += bytes;
        return shared;
    }

    private void checkAfterLast(
            MemorySegment key,
            long keyOffset,
            int keyLength,
            long trailer,
            int lastLength,
            int shared,
            boolean sameKey) {
        boolean after;
        if (sameKey) {
            after = InternalKeys.compareTrailers(data.lastTrailer(), trailer) < 0;
        } else if (shared == lastLength) {
            after = true;
        } else if (shared == keyLength) {
            after = false;
        } else {
            after = Bytes.getU8(data.memory(), data.lastKeyOffset() + shared) < Bytes.getU8(key, keyOffset + shared);
        }
        if (!after) {
            throw new AssertionError("W1: in table " + file.name() + " the entry "
                    + entryText(key, keyOffset, keyLength, trailer) + " comes after "
                    + entryText(data.memory(), data.lastKeyOffset(), lastLength, data.lastTrailer()));
        }
    }

    private static String entryText(MemorySegment key, long offset, int length, long trailer) {
        return Escapes.escape(key, offset, length, 100) + " @" + InternalKeys.sequence(trailer) + " "
                + InternalKeys.kindName(InternalKeys.kind(trailer));
    }

    /** Finds a place for an entry, in a new block if need be; returns where the value goes in the staging memory. */
    private int place(MemorySegment key, long keyOffset, int keyLength, long trailer, int valueLength, int shared) {
        if (blockFull
                || (!data.isEmpty()
                        && data.boundWith(keyLength, trailer, valueLength, shared) > options.blockBytes())) {
            cutBlockBefore(key, keyOffset, keyLength, shared);
        }
        if (!keyInFilter && !filter.isOff()) {
            filter.add(KeyHash.hash(key, keyOffset, keyLength));
        }
        keyInFilter = true;
        return data.append(key, keyOffset, keyLength, trailer, valueLength, shared);
    }

    private void addReference(
            MemorySegment key,
            long keyOffset,
            int keyLength,
            long trailer,
            int shared,
            long extents,
            long valueLength) {
        storedBytes += out.position() - extents;
        int at = place(key, keyOffset, keyLength, trailer, TableFormat.REFERENCE_BYTES, shared);
        Bytes.putU64(data.memory(), at + TableFormat.REFERENCE_LENGTH_OFFSET, valueLength);
        Bytes.putU64(data.memory(), at + TableFormat.REFERENCE_EXTENTS_OFFSET, extents);
        data.markLargeValue();
        blockFull = true;
    }

    /** Ends the current block, if it holds anything, with a separator before the key that comes next. */
    private void cutBlockBefore(MemorySegment next, long nextOffset, int nextLength, int shared) {
        if (data.isEmpty()) {
            return;
        }
        MemorySegment last = data.memory();
        long lastOffset = data.lastKeyOffset();
        int lastLength = data.lastKeyLength();
        int valueAt;
        if (shared == lastLength) {
            // The last key again, or a prefix of the next: it cannot be shorter. Its other versions may follow.
            long trailer = shared == nextLength ? data.lastTrailer() : OLDEST_TRAILER;
            valueAt = separate(last, lastOffset, lastLength, false, trailer);
        } else if (nextLength > shared + 1) {
            valueAt = separate(next, nextOffset, shared + 1, false, OLDEST_TRAILER);
        } else {
            int bump = bumpedLength(last, lastOffset, lastLength, Bytes.getU8(next, nextOffset + shared), shared);
            valueAt = bump > 0
                    ? separate(last, lastOffset, bump, true, OLDEST_TRAILER)
                    : separate(last, lastOffset, lastLength, false, OLDEST_TRAILER);
        }
        Bytes.putU64(index.memory(), valueAt, writeDataBlock());
        if (index.bound() >= options.partitionBytes() || filter.bytes() >= options.partitionBytes()) {
            cutPartition();
        }
    }

    private int separate(MemorySegment key, long keyOffset, int keyLength, boolean bump, long trailer) {
        return index.appendSeparator(key, keyOffset, keyLength, bump, trailer, TableFormat.INDEX_VALUE_BYTES);
    }

    /**
     * Returns the length of the shortest proper prefix of the last key that, its last byte plus one, is before the next key;
     * 0 if none is.
     *
     * @param limit the next key's last byte, which is where it differs
     */
    private static int bumpedLength(MemorySegment last, long offset, int length, int limit, int shared) {
        if (length > shared + 1 && Bytes.getU8(last, offset + shared) + 1 < limit) {
            return shared + 1;
        }
        for (int i = shared + 1; i < length - 1; i++) {
            if (last.get(ValueLayout.JAVA_BYTE, offset + i) != (byte) 0xFF) {
                return i + 1;
            }
        }
        return 0;
    }

    private long writeDataBlock() {
        long from = out.position();
        long handle = options.compression() == Compression.LZ4 ? writeCompressed() : writeRaw(data, BlockKind.DATA);
        dataBlocks++;
        storedBytes += out.position() - from;
        data.clear();
        blockFull = false;
        return handle;
    }

    private long writeCompressed() {
        if (data.bound() > raw.bytes()) {
            NativeBlock larger = account.acquire(MemoryUse.COMPACTION, data.bound());
            account.release(MemoryUse.COMPACTION, raw);
            raw = larger;
        }
        int length = data.encode(raw.memory(), 0);
        int at = out.reserve(TableFormat.RAW_LENGTH_BYTES + (long) Lz4.maxCompressedLength(length));
        long offset = out.position();
        int compressed = TableFormat.RAW_LENGTH_BYTES
                + compressor.compress(raw, length, out.block(), at + TableFormat.RAW_LENGTH_BYTES);
        if (compressed > length - (length >>> NOT_SMALLER_SHIFT)) {
            MemorySegment.copy(raw.memory(), 0, out.memory(), at, length);
            out.sealBlock(BlockKind.DATA.type(Compression.NONE), length);
            return BlockHandle.of(offset, length);
        }
        Bytes.putU32(out.memory(), at, length);
        out.sealBlock(BlockKind.DATA.type(Compression.LZ4), compressed);
        return BlockHandle.of(offset, compressed);
    }

    private long writeRaw(BlockBuilder block, BlockKind kind) {
        int at = out.reserve(block.bound());
        long offset = out.position();
        int length = block.encode(out.memory(), at);
        out.sealBlock(kind.type(Compression.NONE), length);
        return BlockHandle.of(offset, length);
    }

    private void cutPartition() {
        long indexHandle = writeRaw(index, BlockKind.INDEX);
        long filterHandle = 0;
        if (filter.count() > 0) {
            int length = (int) filter.bytes();
            int at = out.reserve(length);
            long offset = out.position();
            filter.build(out.memory(), at);
            out.sealBlock(BlockKind.FILTER.type(Compression.NONE), length);
            filterHandle = BlockHandle.of(offset, length);
        }
        int valueAt = top.appendSeparator(
                index.memory(),
                index.lastKeyOffset(),
                index.lastKeyLength(),
                false,
                index.lastTrailer(),
                TableFormat.TOP_INDEX_VALUE_BYTES);
        MemorySegment memory = top.memory();
        Bytes.putU64(memory, valueAt + TableFormat.TOP_INDEX_HANDLE_OFFSET, indexHandle);
        Bytes.putU64(memory, valueAt + TableFormat.TOP_FILTER_HANDLE_OFFSET, filterHandle);
        Bytes.putU64(memory, valueAt + TableFormat.TOP_FILTER_PROBES_OFFSET, filterHandle == 0 ? 0 : filter.probes());
        index.clear();
        keyInFilter = false;
    }

    /** Returns how large the file will be, within a few per cent; grows with each entry. For deciding where to end a table. */
    public long estimatedFileBytes() {
        return out.position()
                + (data.isEmpty() ? 0 : data.bound())
                + (index.isEmpty() ? 0 : index.bound())
                + filter.bytes()
                + (top.isEmpty() ? 0 : top.bound())
                + TableFormat.FOOTER_BYTES;
    }

    /** Returns whether the last entry added has this user key. */
    public boolean lastKeyIs(MemorySegment key, long keyOffset, int keyLength) {
        return data.hasLast()
                && Keys.compare(data.memory(), data.lastKeyOffset(), data.lastKeyLength(), key, keyOffset, keyLength)
                        == 0;
    }

    /** Returns how many entries were added. */
    public long entries() {
        return entries;
    }

    /**
     * Ends the table: everything is handed to the file, which the caller now commits.
     *
     * @throws IllegalStateException if no entry was added
     */
    public TableMetadata finish() {
        if (finished || entries == 0) {
            throw new IllegalStateException("table " + file.name()
                    + (finished ? " is finished already" : " has no entries, and none needs no table"));
        }
        finished = true;
        byte[] largestKey = toArray(data.memory(), data.lastKeyOffset(), data.lastKeyLength());
        long largestTrailer = data.lastTrailer();
        int valueAt = separate(data.memory(), data.lastKeyOffset(), data.lastKeyLength(), false, OLDEST_TRAILER);
        Bytes.putU64(index.memory(), valueAt, writeDataBlock());
        cutPartition();
        writeEnd();
        out.flush();
        return new TableMetadata(
                fileNumber,
                file.position(),
                smallestKey,
                smallestTrailer,
                largestKey,
                largestTrailer,
                entries,
                tombstones,
                smallestSequence,
                largestSequence,
                rawBytes,
                creationMillis,
                shadowedBytes);
    }

    private void writeEnd() {
        TableProperties properties = new TableProperties(
                entries,
                tombstones,
                dataBlocks,
                rawBytes,
                storedBytes,
                smallestSequence,
                largestSequence,
                creationMillis,
                Keys.ORDER_NAME,
                options.compression(),
                0);
        long propertiesHandle = writeNamed(properties.toBytes(), BlockKind.NAMED);
        byte[] metaValue = new byte[TableFormat.META_VALUE_BYTES];
        Bytes.putU64(MemorySegment.ofArray(metaValue), TableFormat.META_HANDLE_OFFSET, propertiesHandle);
        long metaHandle =
                writeNamed(new TreeMap<>(Map.of(TableFormat.META_PROPERTIES, metaValue)), BlockKind.META_INDEX);
        int topAt = out.reserve(top.bound());
        long topOffset = out.position();
        int topLength = top.encode(out.memory(), topAt);
        out.sealBlock(BlockKind.TOP_INDEX.type(Compression.NONE), topLength);
        int footerAt = out.reserve(TableFormat.FOOTER_BYTES);
        FileHeader header = FileHeader.plain(TableFormat.MAGIC, TableFormat.VERSION, databaseId, fileNumber);
        new Footer(header, metaHandle, topOffset, topLength).write(out.memory(), footerAt);
        out.sealPlain(TableFormat.FOOTER_BYTES);
    }

    private long writeNamed(Map<String, byte[]> sorted, BlockKind kind) {
        try (BlockBuilder block = new BlockBuilder(account, 1)) {
            sorted.forEach((name, value) -> {
                // By way of native memory: the methods of the hot path never see heap memory.
                byte[] key = name.getBytes(StandardCharsets.US_ASCII);
                MemorySegment.copy(key, 0, raw.memory(), ValueLayout.JAVA_BYTE, 0, key.length);
                int at = block.appendSeparator(raw.memory(), 0, key.length, false, 0, value.length);
                MemorySegment.copy(value, 0, block.memory(), ValueLayout.JAVA_BYTE, at, value.length);
            });
            return writeRaw(block, kind);
        }
    }

    private static byte[] toArray(MemorySegment memory, long offset, int length) {
        byte[] bytes = new byte[length];
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, offset, bytes, 0, length);
        return bytes;
    }

    /** Gives the buffers back. The file is the caller's. Closing twice is harmless. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            finished = true;
            account.release(MemoryUse.COMPACTION, raw);
            filter.close();
            top.close();
            index.close();
            data.close();
            out.close();
        }
    }
}
