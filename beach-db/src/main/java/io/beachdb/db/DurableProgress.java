package io.beachdb.db;

import io.beachdb.base.BeachException;
import io.beachdb.base.StorageException;
import io.beachdb.wal.WalWriter;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** How far writes are on disk, by logs and by flushes; and who waits for that. */
final class DurableProgress {
    // Set once.
    private final Engine engine;
    private final EngineHealth health;
    private final CommitPipeline pipeline;
    private final Flusher flusher;
    private final DurableWaiters waiters;

    // What the failed log had on disk: whatever memory shows beyond it is in doubt until a resume has brought it to
    // disk.
    private volatile long cap = Long.MAX_VALUE;

    DurableProgress(
            Engine engine, EngineHealth health, CommitPipeline pipeline, Flusher flusher, DurableWaiters waiters) {
        this.engine = engine;
        this.health = health;
        this.pipeline = pipeline;
        this.flusher = flusher;
        this.waiters = waiters;
    }

    /** The log takes nothing more; to be called before what failed becomes visible. */
    void logFailed() {
        cap = Math.min(cap, pipeline.wal().syncedSequence());
    }

    /** Returns what to say of writes that a failed log left in doubt, and no resume has brought to disk; null if there are none. */
    @Nullable
    StorageException inDoubt() {
        long durable = now();
        if (cap == Long.MAX_VALUE || durable >= pipeline.visibleSequence()) {
            return null;
        }
        return new StorageException(
                "the log failed, and no resume() has brought to disk what it left in doubt: of the writes after sequence "
                        + durable + " nobody knows.",
                health.failure());
    }

    /** All that memory shows is on disk. */
    void resumed() {
        cap = Long.MAX_VALUE;
    }

    /** As {@link #now}, for callers: of a closed database nobody learns any more what a failed close left open. */
    long sequence() {
        engine.viewForRead();
        return now();
    }

    /** Returns the largest sequence up to which every write is on disk. */
    long now() {
        if (engine.options().readOnly()) {
            return pipeline.visibleSequence();
        }
        // In this order: what is visible was handed over before, so a log that has synced all it was handed has synced
        // it; and a memtable that is gone from the view after that was flushed.
        long visible = pipeline.visibleSequence();
        WalWriter wal = pipeline.wal();
        long handedOver = wal.handedOverSequence();
        long synced = wal.syncedSequence();
        long inLogs = Math.min(cap, synced >= handedOver ? visible : Math.min(synced, visible));
        View view = engine.currentView();
        if (view == null) {
            return flusher.flushedSequence(); // closed: there is nobody to ask any more
        }
        return Math.max(flusher.flushedSequence(), Math.min(inLogs, view.firstUnlogged() - 1));
    }

    boolean hasUnlogged(long sequence) {
        return engine.viewForRead().firstUnlogged() <= sequence;
    }

    /** As {@link io.beachdb.BeachDB#awaitDurable}. */
    void await(long sequence) {
        // Looked at again after each wait: that was for the log of the moment, which a resume may have replaced by one
        // that
        // was never given what is asked for.
        while (sequence() < sequence) {
            health.checkWritable();
            checkGiven(sequence);
            if (hasUnlogged(sequence)) {
                engine.flushAll();
            } else {
                pipeline.wal().awaitSequence(sequence);
            }
        }
    }

    /** As {@link io.beachdb.BeachDB#whenDurable}. */
    CompletableFuture<Long> when(long sequence, Executor executor) {
        Objects.requireNonNull(executor, "executor");
        if (!health.isClosing()) {
            checkGiven(sequence);
        }
        CompletableFuture<Long> future = waiters.add(sequence, executor);
        BeachException first = health.failure();
        if (now() >= sequence) {
            tell();
        } else if (health.isClosing() || first != null) {
            waiters.failed(future, first == null ? health.closedException() : first);
        } else {
            engine.tasks().submit("when-durable", () -> reach(sequence, future));
        }
        return future;
    }

    private void checkGiven(long sequence) {
        if (sequence > pipeline.visibleSequence()) {
            throw new IllegalArgumentException(
                    "sequence is " + sequence + ", the newest write has " + pipeline.visibleSequence());
        }
    }

    private void reach(long sequence, CompletableFuture<Long> future) {
        try {
            if (hasUnlogged(sequence)) {
                engine.flushAll();
            } else {
                pipeline.wal().requestSync();
            }
            tell();
        } catch (BeachException e) {
            waiters.failed(future, e);
        } catch (RuntimeException | Error e) {
            waiters.failed(future, new StorageException("bringing it to disk met an error of its own.", e));
        }
    }

    /** Tells who waits for it how far writes are on disk now. */
    void tell() {
        waiters.durable(now());
    }
}
