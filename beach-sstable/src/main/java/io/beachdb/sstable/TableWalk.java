package io.beachdb.sstable;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.KeyHash;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;

/**
 * Reads every byte of a table once, front to back, and checks all that the format promises: checksums and structure of
 * every block, the order of entries, separators, filters, that no byte belongs to nothing, and that the properties count
 * right. What is wrong goes to the visitor, and the walk goes on behind it where it can. The cache is not touched.
 */
final class TableWalk implements AutoCloseable {
    private static final ReadOptions ONE_BLOCK = new ReadOptions(false, 0, 0);

    private final TableFile file;
    private final MemoryAccount account;
    private final TableVisitor visitor;
    private final BlockFetcher ends; // what lies behind the partitions
    private final BlockFetcher indexes;
    private final BlockFetcher filters;
    private final BlockFetcher blocks;
    private final KeyBuffer key;
    private final KeyBuffer last; // the entry before, or none if it is unknown
    private final KeyBuffer separator; // of the block before, or none
    private final TableTally tally = new TableTally();

    private long position; // each byte before it has been accounted for
    private boolean damaged;

    TableWalk(TableFile file, MemoryAccount account, TableVisitor visitor) {
        this.file = file;
        this.account = account;
        this.visitor = visitor;
        this.ends = new BlockFetcher(account, MemoryUse.SCRATCH, ONE_BLOCK);
        this.indexes = new BlockFetcher(account, MemoryUse.SCRATCH, ONE_BLOCK);
        this.filters = new BlockFetcher(account, MemoryUse.SCRATCH, ONE_BLOCK);
        this.blocks = new BlockFetcher(account, MemoryUse.SCRATCH, ReadOptions.COMPACTION);
        this.key = new KeyBuffer(account);
        this.last = new KeyBuffer(account);
        this.separator = new KeyBuffer(account);
    }

    /** A part of the walk that damage may end. */
    @FunctionalInterface
    private interface Part {
        void walk();
    }

    /** Walks a part; damage ends it and is told. Returns whether it came to its end. */
    private boolean attempt(Part part) {
        try {
            part.walk();
            return true;
        } catch (CorruptionException e) {
            tell(e);
            return false;
        }
    }

    private void tell(CorruptionException problem) {
        damaged = true;
        visitor.damage(problem);
    }

    /** Tells of damage that ends nothing. */
    private void check(boolean holds, long offset, String problem) {
        if (!holds) {
            tell(file.damaged(offset, problem));
        }
    }

    /** Walks the table. Without footer or top index nothing leads to the entries, and the walk ends there. */
    void run() {
        attempt(() -> {
            Footer footer = OpenTable.readFooter(file, ends);
            visitor.footer(footer, file.bytes() - TableFormat.FOOTER_BYTES);
            check(
                    footer.header().fileNumber() == file.number(),
                    file.bytes() - TableFormat.FOOTER_BYTES,
                    "the footer says file number " + footer.header().fileNumber() + ", the file's name "
                            + file.number());
            attempt(() -> walkProperties(footer));
            walkPartitions(footer);
            attempt(() -> walkEnd(footer));
        });
        visitor.progress(file.bytes());
    }

    private void walkProperties(Footer footer) {
        TableProperties properties = OpenTable.readProperties(file, footer, ends);
        tally.expect(properties);
        visitor.properties(properties);
    }

    private void walkPartitions(Footer footer) {
        ends.fetch(file, footer.topOffset(), (int) footer.topLength(), BlockKind.TOP_INDEX);
        NativeBlock copy = account.acquire(MemoryUse.SCRATCH, ends.length());
        try {
            MemorySegment.copy(ends.memory(), ends.offset(), copy.memory(), 0, ends.length());
            BlockView top = new BlockView();
            top.set(copy.memory(), 0);
            for (int i = 0; i < top.count(); i++) {
                walkPartition(footer, top, i);
            }
        } finally {
            account.release(MemoryUse.SCRATCH, copy);
        }
    }

    private void walkPartition(Footer footer, BlockView top, int number) {
        long value = top.valueOffset(number);
        long indexHandle = Bytes.getU64(top.memory(), value + TableFormat.TOP_INDEX_HANDLE_OFFSET);
        long filterHandle = Bytes.getU64(top.memory(), value + TableFormat.TOP_FILTER_HANDLE_OFFSET);
        int probes = Bytes.getU8(top.memory(), value + TableFormat.TOP_FILTER_PROBES_OFFSET);
        String problem = OpenTable.filterProblem(top, number);
        if (problem != null) {
            tell(file.damaged(footer.topOffset(), problem));
        }
        boolean filtered = problem == null
                && filterHandle != 0
                && attempt(() -> filters.fetch(file, filterHandle, BlockKind.FILTER));
        boolean indexed = attempt(() -> {
            indexes.fetch(file, indexHandle, BlockKind.INDEX);
            BlockView index = new BlockView();
            index.set(indexes.memory(), indexes.offset());
            visitor.partition(number, indexHandle, index, filterHandle, probes);
            walkBlocks(index, filtered ? probes : 0);
            key.set(top, number);
            check(
                    separator.compareTo(key) == 0,
                    BlockHandle.offset(indexHandle),
                    "an index partition does not end with the separator that the top index has for it");
        });
        if (!indexed) {
            // The blocks before it are unknown, so are keys and counts: go on behind it.
            last.clear();
            separator.clear();
            position = BlockHandle.offset(indexHandle);
        }
        claim(indexHandle, "an index partition");
        if (filterHandle != 0) {
            claim(filterHandle, "a filter");
        }
        visitor.progress(position);
    }

    /** Checks that a block begins where the one before it ends, and goes on behind it. */
    private void claim(long handle, String what) {
        check(
                BlockHandle.offset(handle) == position,
                position,
                what + " lies at offset " + BlockHandle.offset(handle) + ", what is before it ends at " + position);
        position = BlockHandle.end(handle);
    }

    /** Walks a partition's data blocks; {@code probes} is 0 without a filter to check. */
    private void walkBlocks(BlockView index, int probes) {
        for (int i = 0; i < index.count(); i++) {
            long handle = Bytes.getU64(index.memory(), index.valueOffset(i));
            if (!attempt(() -> walkBlock(handle, probes))) {
                last.clear();
                position = BlockHandle.offset(handle);
            }
            claim(handle, "a data block");
            long offset = BlockHandle.offset(handle);
            key.set(index, i);
            check(!last.isBehind(key), offset, "a data block has entries behind its separator");
            check(separator.isBefore(key), offset, "the separators of data blocks are not in order");
            separator.set(key);
            visitor.progress(position);
        }
    }

    private void walkBlock(long handle, int probes) {
        blocks.fetch(file, handle, BlockKind.DATA);
        BlockView block = new BlockView();
        block.set(blocks.memory(), blocks.offset());
        long offset = BlockHandle.offset(handle);
        visitor.block(handle, blocks.compression(), blocks.length(), block);
        for (int i = 0; i < block.count(); i++) {
            key.set(block, i);
            check(last.isBefore(key), offset, "entry " + i + " of a data block is not after the one before it");
            check(i > 0 || separator.isBefore(key), offset, "a data block begins before the separator of the last one");
            check(
                    probes == 0 || inFilter(probes),
                    offset,
                    "the key of entry " + i + " of a data block is not in the filter");
            tally.add(block, i, key);
            visitor.entry(block, i, key);
            last.set(key);
        }
        if (block.hasLargeValue()) {
            walkExtents(block, offset);
        }
        tally.addBlock(BlockHandle.end(handle) - position);
    }

    private boolean inFilter(int probes) {
        long hash = KeyHash.hash(key.memory(), 0, key.length());
        return Filter.mayContain(filters.memory(), filters.offset(), filters.length(), probes, hash);
    }

    private void walkExtents(BlockView block, long blockOffset) {
        long value = block.valueOffset(0);
        long length = Bytes.getU64(block.memory(), value + TableFormat.REFERENCE_LENGTH_OFFSET);
        long extents = Bytes.getU64(block.memory(), value + TableFormat.REFERENCE_EXTENTS_OFFSET);
        file.checkReference(length, extents, blockOffset);
        check(
                extents == position,
                position,
                "the extents of a value lie at offset " + extents + ", what is before them ends at " + position);
        NativeBlock piece =
                account.acquire(MemoryUse.SCRATCH, TableFormat.PIECE_BYTES + TableFormat.PIECE_CHECKSUM_BYTES);
        try {
            BlockChecksum checksum = new BlockChecksum();
            for (long from = 0; from < length; from += TableFormat.PIECE_BYTES) {
                long begin = from;
                attempt(() -> file.readPiece(piece, checksum, extents, length, begin));
            }
        } finally {
            account.release(MemoryUse.SCRATCH, piece);
        }
        tally.addExtents(length, extents - position + TableFormat.extentBytes(length));
        position = extents + TableFormat.extentBytes(length);
    }

    /** Checks that what lies behind the partitions joins up to the footer, and what the properties count. */
    private void walkEnd(Footer footer) {
        for (long handle : OpenTable.namedBlocks(file, footer, ends)) {
            ends.fetch(file, handle, BlockKind.NAMED);
            claim(handle, "a named block");
        }
        claim(footer.metaHandle(), "the meta index");
        check(
                footer.topOffset() == position,
                position,
                "the top index lies at offset " + footer.topOffset() + ", what is before it ends at " + position);
        long topEnd = footer.topOffset() + footer.topLength() + TableFormat.BLOCK_TRAILER_BYTES;
        check(
                topEnd == file.bytes() - TableFormat.FOOTER_BYTES,
                topEnd,
                "the top index ends here, the footer begins at " + (file.bytes() - TableFormat.FOOTER_BYTES));
        if (!damaged) {
            // What is damaged could not be counted.
            tally.check((name, counted, said) -> check(
                    false,
                    BlockHandle.offset(footer.metaHandle()),
                    "the properties say " + name + " " + said + ", the table has " + counted));
        }
    }

    @Override
    public void close() {
        ends.close();
        indexes.close();
        filters.close();
        blocks.close();
        key.close();
        last.close();
        separator.close();
    }
}
