package io.beachdb.base.memory;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;

/**
 * The parts of something that is being put together: if it comes to nothing, they are given back, the last one first.
 *
 * <pre>
 *   try (Parts parts = new Parts()) {
 *       this.first = parts.add(account.acquire(use, bytes), block -> account.release(use, block));
 *       this.second = parts.add(new Second());
 *       parts.complete();
 *   }
 * </pre>
 */
public final class Parts implements AutoCloseable {
    private final Deque<Runnable> releases = new ArrayDeque<>();

    /** Makes an empty collection. */
    public Parts() {}

    /** Adds a part, and how it is given back. */
    public <T> T add(T part, Consumer<? super T> release) {
        releases.push(() -> release.accept(part));
        return part;
    }

    /** Adds a part that is closed to give it back. */
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
