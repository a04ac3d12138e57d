package io.beachdb.sstable;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Gathers key hashes of one partition and makes its filter, whose size depends on their number. */
final class FilterBuilder implements AutoCloseable {
    private final MemoryAccount account;
    private final int bitsPerKey;
    private @Nullable NativeBlock hashes;
    private int count;

    FilterBuilder(MemoryAccount account, int bitsPerKey) {
        this.account = account;
        this.bitsPerKey = bitsPerKey;
        if (bitsPerKey > 0) {
            hashes = account.acquire(MemoryUse.COMPACTION, 64 << 10);
        }
    }

    /** Returns whether no filter is to be made. */
    boolean isOff() {
        return bitsPerKey == 0;
    }

    int count() {
        return count;
    }

    int probes() {
        return Filter.probes(bitsPerKey);
    }

    long bytes() {
        return count == 0 ? 0 : Filter.bytes(count, bitsPerKey);
    }

    void add(long hash) {
        NativeBlock block = hashes;
        if (block == null) {
            return;
        }
        if ((count + 1L) * Long.BYTES > block.bytes()) {
            block = grow(block);
        }
        Bytes.putU64(block.memory(), (long) count * Long.BYTES, hash);
        count++;
    }

    private NativeBlock grow(NativeBlock full) {
        NativeBlock larger = account.acquire(MemoryUse.COMPACTION, 2 * full.bytes());
        MemorySegment.copy(full.memory(), 0, larger.memory(), 0, full.bytes());
        account.release(MemoryUse.COMPACTION, full);
        hashes = larger;
        return larger;
    }

    /** Writes the filter of {@link #bytes} and begins the next partition. */
    void build(MemorySegment out, long offset) {
        NativeBlock block = hashes;
        if (block == null || count == 0) {
            throw new AssertionError("a filter needs keys");
        }
        int length = (int) bytes();
        out.asSlice(offset, length).fill((byte) 0);
        MemorySegment memory = block.memory();
        int probes = probes();
        for (int i = 0; i < count; i++) {
            Filter.add(out, offset, length, probes, Bytes.getU64(memory, (long) i * Long.BYTES));
        }
        count = 0;
    }

    @Override
    public void close() {
        NativeBlock block = hashes;
        if (block != null) {
            hashes = null;
            account.release(MemoryUse.COMPACTION, block);
        }
    }
}
