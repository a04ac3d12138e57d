package io.beachdb.base;

import io.beachdb.base.memory.NativeBlock;
import io.beachdb.base.memory.NativePool;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

/** What one database (or part) has charged to a {@link MemoryBudget}, by use. Safe for many threads. */
public final class MemoryAccount {
    private final MemoryBudget budget;
    private final AtomicLongArray used = new AtomicLongArray(MemoryUse.values().length);

    MemoryAccount(MemoryBudget budget) {
        this.budget = budget;
    }

    /** Returns the budget that this account charges. */
    public MemoryBudget budget() {
        return budget;
    }

    /** Charges {@code bytes} if they fit, after asking the caches to shrink; returns whether they did. */
    public boolean tryCharge(MemoryUse use, long bytes) {
        if (!budget.tryCharge(use, bytes)) {
            return false;
        }
        used.addAndGet(use.ordinal(), bytes);
        return true;
    }

    /** Charges {@code bytes} in any case; the caches are asked to shrink, what still exceeds shows as overdraft. */
    public void charge(MemoryUse use, long bytes) {
        used.addAndGet(use.ordinal(), bytes);
        boolean done = false;
        try {
            budget.charge(use, bytes);
            done = true;
        } finally {
            if (!done) {
                release(use, bytes); // a cache failed to shrink: whoever wanted the memory will not take it
            }
        }
    }

    /** Takes back an earlier charge. */
    public void release(MemoryUse use, long bytes) {
        if (used.addAndGet(use.ordinal(), -bytes) < 0) {
            throw new AssertionError("more memory released than charged, use " + use);
        }
        budget.release(use, bytes);
    }

    /** Takes a block of at least {@code bytes} and charges its true size, in any case. */
    @SuppressWarnings("exports") // for the sibling modules, which see the package
    public NativeBlock acquire(MemoryUse use, long bytes) {
        charge(use, NativePool.roundUp(bytes));
        return acquireCharged(use, bytes);
    }

    /** Takes a block and charges it if it fits the budget; null if not. */
    @SuppressWarnings("exports") // for the sibling modules, which see the package
    public @Nullable NativeBlock tryAcquire(MemoryUse use, long bytes) {
        return tryCharge(use, NativePool.roundUp(bytes)) ? acquireCharged(use, bytes) : null;
    }

    private NativeBlock acquireCharged(MemoryUse use, long bytes) {
        NativeBlock block = null;
        try {
            block = budget.pool().acquire(bytes);
            return block;
        } finally {
            if (block == null) {
                // The machine had no such memory, or the pool is closed: what was not taken is not charged.
                release(use, NativePool.roundUp(bytes));
            }
        }
    }

    /** Gives back a block that came from {@link #acquire} or {@link #tryAcquire} with the same use. */
    @SuppressWarnings("exports") // for the sibling modules, which see the package
    public void release(MemoryUse use, NativeBlock block) {
        long bytes = block.bytes();
        block.release();
        release(use, bytes);
    }

    /** Returns the bytes charged now for one use. */
    public long usedBytes(MemoryUse use) {
        return used.get(use.ordinal());
    }

    /** Returns all bytes charged now. */
    public long usedBytes() {
        long sum = 0;
        for (int i = 0; i < used.length(); i++) {
            sum += used.get(i);
        }
        return sum;
    }
}
