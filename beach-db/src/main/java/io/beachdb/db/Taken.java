package io.beachdb.db;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What an opening has taken so far: files, memory, the lock. If the opening fails, all of it is given back, the latest
 * first; if it succeeds, it is the engine's.
 */
final class Taken {
    private final Deque<Runnable> releases = new ArrayDeque<>();

    /** @param release gives back what was taken just now; harmless if its new owner has done so already */
    void add(Runnable release) {
        releases.push(release);
    }

    /** @param failure of the opening; what goes wrong here as well is added to it */
    @SuppressWarnings(
            "ReferenceEquality") // a file throws its first failure again, and no failure may be added to itself
    void giveBack(Throwable failure) {
        while (!releases.isEmpty()) {
            try {
                releases.pop().run();
            } catch (RuntimeException | Error e) {
                if (e != failure) {
                    failure.addSuppressed(e);
                }
            }
        }
    }
}
