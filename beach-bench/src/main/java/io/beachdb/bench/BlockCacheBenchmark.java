package io.beachdb.bench;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.memory.Epochs;
import io.beachdb.sstable.BlockCache;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** The block cache alone: what a lookup costs beside the search in the block, and what a block costs to put in. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class BlockCacheBenchmark {
    private static final int BLOCK_BYTES = 4096;
    private static final long CACHE_BYTES = 256L << 20;
    private static final long FILE = 12;

    /** How many blocks are looked up: few stay in the processor's caches, many do not. */
    @Param({"256", "40000"})
    private int blocks;

    private final MemoryBudget budget = MemoryBudget.ofBytes(CACHE_BYTES * 2);
    private final MemoryAccount account = budget.openAccount();
    private final Epochs<ReaderSlot> epochs = new Epochs<>(16, ReaderSlot::new);
    private final BlockCache cache = new BlockCache(account, epochs, CACHE_BYTES);

    private static final class ReaderSlot extends Epochs.Slot {}

    @Setup
    public void load() {
        for (int i = 0; i < blocks; i++) {
            put(FILE, (long) i * BLOCK_BYTES);
        }
    }

    @TearDown
    public void close() {
        cache.close();
        budget.close();
    }

    private void put(long file, long offset) {
        long handle = cache.allocate(BLOCK_BYTES);
        cache.memory(handle).set(ValueLayout.JAVA_LONG_UNALIGNED, cache.offset(handle), offset);
        cache.unpin(cache.publish(handle, file, offset, BlockCache.Priority.DATA));
    }

    private long randomOffset() {
        return (long) ThreadLocalRandom.current().nextInt(blocks) * BLOCK_BYTES;
    }

    /** A hit in an epoch, and one read of the block. */
    @Benchmark
    public long hit() {
        ReaderSlot slot = epochs.enter();
        try {
            long handle = cache.find(FILE, randomOffset());
            return cache.memory(handle).get(ValueLayout.JAVA_LONG_UNALIGNED, cache.offset(handle));
        } finally {
            epochs.exit(slot);
        }
    }

    /** What {@link #hit} costs beside the cache. */
    @Benchmark
    public long epochAlone() {
        ReaderSlot slot = epochs.enter();
        try {
            return randomOffset();
        } finally {
            epochs.exit(slot);
        }
    }

    /** A hit that is pinned and unpinned: what a cursor does for each block. */
    @Benchmark
    public long hitPinned() {
        ReaderSlot slot = epochs.enter();
        long handle;
        try {
            handle = cache.find(FILE, randomOffset());
            cache.pin(handle);
        } finally {
            epochs.exit(slot);
        }
        cache.unpin(handle);
        return handle;
    }

    @Benchmark
    public long miss() {
        ReaderSlot slot = epochs.enter();
        try {
            return cache.find(FILE + 1, randomOffset());
        } finally {
            epochs.exit(slot);
        }
    }

    /** A miss and a new block in a full cache, eviction included; filling the block is not. */
    @Benchmark
    public long missAndPut() {
        long offset = ThreadLocalRandom.current().nextLong() & Long.MAX_VALUE;
        ReaderSlot slot = epochs.enter();
        try {
            long handle = cache.find(FILE + 2, offset);
            if (handle == 0) {
                put(FILE + 2, offset);
            }
            return handle;
        } finally {
            epochs.exit(slot);
        }
    }
}
