package io.beachdb.base.memory;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The parts of something that is being put together: if it comes to nothing, they are given back, the last one first.
 *
 * <pre>
 *   try (Parts parts = new Parts()) {
 *       this.first = parts.acquire(account, use, bytes);
 *       this.second = parts.add(new Second());
 *       parts.complete();
 *   }
 * </pre>
 */
public final class Parts implements AutoCloseable {
    private final Deque<Runnable> releases = new ArrayDeque<>();

    /** Makes an empty collection. */
    public Parts() {}

    /** Takes a block of memory, as {@link MemoryAccount#acquire} does. */
    public NativeBlock acquire(MemoryAccount account, MemoryUse use, long bytes) {
        NativeBlock block = account.acquire(use, bytes);
        releases.push(() -> account.release(use, block));
        return block;
    }

    /** Adds a part. */
    public <T extends AutoCloseable> T add(T part) {
        releases.push(() -> {
            try {
                part.close();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException("a part of something unfinished could not be given back", e);
            }
        });
        return part;
    }

    /** All parts are there, and belong to what they make up. */
    public void complete() {
        releases.clear();
    }

    @Override
    public void close() {
        RuntimeException failure = null;
        while (!releases.isEmpty()) {
            try {
                releases.pop().run();
            } catch (RuntimeException e) {
                failure = e;
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
