package io.beachdb.db;

import io.beachdb.Health;
import io.beachdb.Options;
import io.beachdb.base.BeachException;
import io.beachdb.base.ClosedException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.Signal;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.durability.DurableDirectory;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Whether a database works: its first failure, a full disk, its closing; and what those hear who want it to work. */
final class EngineHealth {
    // Set once.
    private final Options options;
    private final DurableDirectory directory;
    private final Signal progress;
    private final Consumer<BeachException> onFailure;

    private volatile @Nullable BeachException failure;
    private volatile boolean diskFull;
    private volatile boolean closing;
    private volatile boolean closed;

    /**
     * @param progress woken at each change
     * @param onFailure told of the first failure, once, after it can be seen here
     */
    EngineHealth(Options options, DurableDirectory directory, Signal progress, Consumer<BeachException> onFailure) {
        this.options = options;
        this.directory = directory;
        this.progress = progress;
        this.onFailure = onFailure;
    }

    Health report() {
        BeachException first = failure();
        if (closed) {
            return new Health(Health.State.CLOSED, first, directory.syncability());
        }
        if (first != null) {
            return new Health(Health.State.READ_ONLY_AFTER_FAILURE, first, directory.syncability());
        }
        if (options.readOnly()) {
            return new Health(Health.State.OPENED_READ_ONLY, null, directory.syncability());
        }
        return new Health(diskFull ? Health.State.DISK_FULL : Health.State.OK, null, directory.syncability());
    }

    /**
     * Returns the failure since which nothing is written; null while there is none. A failed sync of the directory is one for
     * whoever it was made: also where what it was for is done without, or done later.
     */
    @Nullable
    BeachException failure() {
        BeachException first = failure;
        return first == null ? directory.failure() : first;
    }

    /** Takes no more writes; the first failure counts, or the first damage, which no resume mends. */
    void fail(BeachException cause) {
        boolean first;
        boolean news;
        synchronized (this) {
            BeachException before = failure;
            first = before == null;
            news = before == null || isDamage(cause) && !isDamage(before);
            if (news) {
                failure = cause;
            }
        }
        if (news) {
            options.listener().onHealth(report());
        }
        if (first) {
            onFailure.accept(cause);
        }
        progress.wake();
    }

    /** All that a failure left in doubt is on disk, so there was room. The caller tells of it once nothing else is to come. */
    void mended() {
        failure = null;
        diskFull = false;
    }

    void diskFull(boolean full) {
        if (diskFull != full) {
            diskFull = full;
            options.listener().onHealth(report());
            progress.wake();
        }
    }

    boolean isDiskFull() {
        return diskFull;
    }

    /** From now on calls are refused; returns whether this was the first to close. */
    boolean beginClosing() {
        boolean first;
        synchronized (this) {
            first = !closing;
            closing = true;
        }
        progress.wake();
        return first;
    }

    void closed() {
        closed = true;
        progress.wake();
    }

    boolean isClosing() {
        return closing;
    }

    boolean isClosed() {
        return closed;
    }

    /** Returns whether nothing is written any more, for now or for good. */
    boolean isStopped() {
        return closing || failure() != null;
    }

    void checkWritable() {
        if (closing) {
            throw closedException();
        }
        if (options.readOnly()) {
            throw new WriteRefusedException(
                    directory.path() + " is open for reading only. Open it without readOnly to write.", null);
        }
        checkNotFailed();
    }

    void checkNotFailed() {
        BeachException first = failure();
        if (first != null) {
            throw new WriteRefusedException(
                    directory.path() + " takes no writes since a failure: " + sentence(first)
                            + (isDamage(first) ? " Mend that, then reopen." : " Mend that, then resume() or reopen."),
                    first);
        }
    }

    /** Returns whether a failure is in bytes on disk, which no new file of ours can mend. */
    static boolean isDamage(BeachException failure) {
        return failure instanceof CorruptionException || failure instanceof UnsupportedFormatException;
    }

    /** Returns what a failure says, to stand before another sentence. */
    static String sentence(BeachException failure) {
        String text = String.valueOf(failure.getMessage());
        return text.endsWith(".") ? text : text + ".";
    }

    ClosedException closedException() {
        return new ClosedException("the database in " + directory.path() + " is closed");
    }
}
