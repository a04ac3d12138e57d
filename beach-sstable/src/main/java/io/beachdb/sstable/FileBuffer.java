package io.beachdb.sstable;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.PendingFile;
import java.lang.foreign.MemorySegment;

/** What is written to a table's file, gathered so that system calls are few. Blocks are built in place and sealed. */
final class FileBuffer implements AutoCloseable {
    private static final int BUFFER_BYTES = 512 << 10;

    private final PendingFile file;
    private final MemoryAccount account;
    private final long fileNumber;
    private final BlockChecksum checksum = new BlockChecksum();
    private NativeBlock block;
    private int used;
    private boolean closed;

    FileBuffer(PendingFile file, long fileNumber, MemoryAccount account) {
        this.file = file;
        this.fileNumber = fileNumber;
        this.account = account;
        this.block = account.acquire(MemoryUse.COMPACTION, BUFFER_BYTES);
    }

    /** Returns the offset in the file at which the next byte will be. */
    long position() {
        return file.position() + used;
    }

    /** Makes room for {@code bytes} in a row and a block trailer; returns where they go in {@link #memory}. */
    int reserve(long bytes) {
        long need = bytes + TableFormat.BLOCK_TRAILER_BYTES;
        if (used + need > block.bytes()) {
            flush();
            if (need > block.bytes()) {
                NativeBlock larger = account.acquire(MemoryUse.COMPACTION, need);
                account.release(MemoryUse.COMPACTION, block);
                block = larger;
            }
        }
        return used;
    }

    MemorySegment memory() {
        return block.memory();
    }

    /** Returns what {@link #memory} is the memory of; until the next {@link #reserve}. */
    NativeBlock block() {
        return block;
    }

    /** Ends a block of {@code length} bytes at the place that {@link #reserve} gave. */
    void sealBlock(int type, int length) {
        MemorySegment memory = block.memory();
        int trailer = used + length;
        Bytes.putU8(memory, trailer + TableFormat.BLOCK_TYPE_OFFSET, type);
        int crc = checksum.of(fileNumber, position(), block.view(), used, length + TableFormat.BLOCK_CHECKSUM_OFFSET);
        Bytes.putU32(memory, trailer + TableFormat.BLOCK_CHECKSUM_OFFSET, crc);
        used += length + TableFormat.BLOCK_TRAILER_BYTES;
    }

    /** Ends a piece of a value, {@code length} bytes at the place that {@link #reserve} gave. */
    void sealPiece(int length) {
        int crc = checksum.of(fileNumber, position(), block.view(), used, length);
        Bytes.putU32(block.memory(), used + length, crc);
        used += length + TableFormat.PIECE_CHECKSUM_BYTES;
    }

    /** Ends bytes that carry their own checksum. */
    void sealPlain(int length) {
        used += length;
    }

    void flush() {
        if (used > 0) {
            file.write(block.memory(), 0, used);
            used = 0;
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            account.release(MemoryUse.COMPACTION, block);
        }
    }
}
