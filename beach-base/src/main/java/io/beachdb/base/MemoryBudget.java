package io.beachdb.base;

import io.beachdb.base.memory.NativePool;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.stream.Collectors;

/**
 * One number that bounds the native memory of one database or of several that share it.
 *
 * <p>Everything native is charged here, by use, through a {@link MemoryAccount}. When a charge does not fit, the caches
 * that registered give back memory first; who may wait (a writer) waits, who may not (a reader) goes over the number,
 * and that shows as overdraft. The budget owns the {@link NativePool} all its databases take memory from: close it after
 * the last of them. A database opened without a budget makes and closes one of its own.
 */
public final class MemoryBudget implements AutoCloseable {
    /** Smallest budget: a memtable, a little cache and buffers. */
    public static final long MIN_BYTES = 4L << 20;

    /** Something that can give memory back when asked: a cache. */
    @FunctionalInterface
    public interface Reclaimer {
        /**
         * Tries to release at least {@code bytes}. Called without locks, from whichever thread needs the memory; must not
         * wait. What it frees it also releases from its account.
         *
         * @return bytes released by this call
         */
        long reclaim(long bytes);
    }

    private final long capacityBytes;
    private final NativePool pool = new NativePool(ArenaCloser.INSTANCE);
    private final AtomicLong usedBytes = new AtomicLong();
    private final AtomicLong peakBytes = new AtomicLong();
    private final AtomicLongArray usedByUse = new AtomicLongArray(MemoryUse.values().length);
    private final List<Reclaimer> reclaimers = new CopyOnWriteArrayList<>();
    private final List<Runnable> releaseListeners = new CopyOnWriteArrayList<>();

    private MemoryBudget(long capacityBytes) {
        this.capacityBytes = capacityBytes;
    }

    /**
     * Makes a budget.
     *
     * @param bytes {@value #MIN_BYTES} and more
     */
    public static MemoryBudget ofBytes(long bytes) {
        if (bytes < MIN_BYTES) {
            throw new IllegalArgumentException(
                    "memory budget is " + bytes + " bytes, allowed " + MIN_BYTES + " and more");
        }
        return new MemoryBudget(bytes);
    }

    /** Returns the bound. */
    public long capacityBytes() {
        return capacityBytes;
    }

    /** Returns all bytes charged now. */
    public long usedBytes() {
        return usedBytes.get();
    }

    /** Returns the most bytes ever charged at one time. */
    public long peakBytes() {
        return peakBytes.get();
    }

    /** Returns the bytes charged now for one use. */
    public long usedBytes(MemoryUse use) {
        return usedByUse.get(use.ordinal());
    }

    /** Returns how far use is above the bound: pins and reads that could not wait. 0 when it is not. */
    public long overdraftBytes() {
        return Math.max(0, usedBytes() - capacityBytes);
    }

    /** Returns the pool that the memory comes from. */
    @SuppressWarnings("exports") // for the sibling modules, which see the package
    public NativePool pool() {
        return pool;
    }

    /** Returns a fresh account: one for each database or part whose use is to be told apart. */
    public MemoryAccount openAccount() {
        return new MemoryAccount(this);
    }

    /** Registers a cache; the returned handle takes it off again. */
    public Scheduler.Cancellable addReclaimer(Reclaimer reclaimer) {
        reclaimers.add(reclaimer);
        return () -> reclaimers.remove(reclaimer);
    }

    /** Registers something to run (briefly, without waiting) after memory was released: a waiter's wake-up. */
    public Scheduler.Cancellable onRelease(Runnable listener) {
        releaseListeners.add(listener);
        return () -> releaseListeners.remove(listener);
    }

    boolean tryCharge(MemoryUse use, long bytes) {
        if (bytes > capacityBytes) {
            return false; // and no cache is emptied in vain
        }
        while (true) {
            long used = usedBytes.get();
            long missing = used + bytes - capacityBytes;
            if (missing > 0) {
                if (reclaim(missing) <= 0) {
                    return false;
                }
            } else if (usedBytes.compareAndSet(used, used + bytes)) {
                charged(use, bytes, used + bytes);
                return true;
            }
        }
    }

    void charge(MemoryUse use, long bytes) {
        long used = usedBytes.addAndGet(bytes);
        charged(use, bytes, used);
        if (used > capacityBytes && bytes > 0) {
            reclaim(used - capacityBytes);
        }
    }

    private void charged(MemoryUse use, long bytes, long used) {
        usedByUse.addAndGet(use.ordinal(), bytes);
        if (used > peakBytes.get()) {
            peakBytes.accumulateAndGet(used, Math::max);
        }
    }

    void release(MemoryUse use, long bytes) {
        usedByUse.addAndGet(use.ordinal(), -bytes);
        if (usedBytes.addAndGet(-bytes) < 0) {
            throw new AssertionError("more memory released than charged, use " + use);
        }
        for (Runnable listener : releaseListeners) {
            listener.run();
        }
    }

    private String usesText() {
        return Arrays.stream(MemoryUse.values())
                .filter(use -> usedBytes(use) > 0)
                .map(use -> use + " " + usedBytes(use))
                .collect(Collectors.joining(", "));
    }

    private long reclaim(long bytes) {
        long freed = 0;
        for (Reclaimer reclaimer : new ArrayList<>(reclaimers)) {
            if (freed < bytes) {
                freed += reclaimer.reclaim(bytes - freed);
            }
        }
        return freed;
    }

    /**
     * Frees the pool. Closing twice is harmless.
     *
     * @throws IllegalStateException if something is charged still: a database that shares the budget is open. The budget stays usable
     */
    @Override
    public void close() {
        long used = usedBytes();
        if (used > 0) {
            throw new IllegalStateException("the memory budget is in use: " + used + " bytes are charged (" + usesText()
                    + "). Close the databases that share it first.");
        }
        pool.close();
    }
}
