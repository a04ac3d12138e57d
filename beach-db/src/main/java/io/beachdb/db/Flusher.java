package io.beachdb.db;

import io.beachdb.base.BeachException;
import io.beachdb.base.ClosedException;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.SyncSite;
import io.beachdb.manifest.VersionEdit;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Brings immutable memtables to level 0, oldest first, one at a time, in the background. */
final class Flusher {
    private static final long RETRY_NANOS = 200_000_000;
    private static final int MAX_RETRIES = 3;

    private final Engine engine;
    private final Opened opened;
    private final AtomicBoolean running = new AtomicBoolean();
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong count = new AtomicLong();
    private final AtomicLong tries = new AtomicLong(); // begun
    private volatile long flushedSequence;
    private volatile @Nullable NoRoom noRoom;
    private volatile boolean stopped;

    Flusher(Engine engine, Opened opened) {
        this.engine = engine;
        this.opened = opened;
        this.flushedSequence = opened.lastSequence();
    }

    /** Starts the work if there is any and it is not going on. */
    void schedule() {
        if (!stopped && running.compareAndSet(false, true)) {
            try {
                engine.tasks().submit("flush", this::run);
            } catch (RuntimeException | Error e) {
                running.set(false); // no thread to be had: the next rotation tries again
                throw e;
            }
        }
    }

    private void run() {
        int failures = 0;
        try {
            while (!stopped && !engine.isStopped()) {
                MemtableSlot oldest = oldestImmutable();
                if (oldest == null) {
                    break;
                }
                failures = flushOrRetry(oldest, failures);
            }
        } finally {
            running.set(false);
            engine.progress().wake();
            // Somebody may have rotated after our last look, and found us running.
            if (!stopped && !engine.isStopped() && oldestImmutable() != null) {
                schedule();
            }
        }
    }

    private int flushOrRetry(MemtableSlot oldest, int failures) {
        tries.incrementAndGet();
        try {
            flush(oldest);
            noRoom = null;
            engine.diskFull(false);
            return 0;
        } catch (ClosedException e) {
            return failures; // the loop sees that the engine is stopped
        } catch (StorageException e) {
            if (e.diskFull()) {
                noRoom = new NoRoom(tries.get(), e);
                engine.diskFull(true);
                engine.progress().wake(); // also if it was full before
            } else if (opened.directory().failure() != null || failures + 1 >= MAX_RETRIES) {
                engine.fail(e);
                return failures;
            }
            engine.listener().onInfo("a flush failed and is tried again", e);
            engine.scheduler().await(engine.progress(), engine::isStopped, RETRY_NANOS);
            return e.diskFull() ? failures : failures + 1;
        } catch (BeachException e) {
            engine.fail(e);
            return failures;
        } catch (RuntimeException | Error e) {
            engine.fail(new StorageException("a flush met an error of its own.", e));
            throw e;
        }
    }

    private @Nullable MemtableSlot oldestImmutable() {
        MemtableSlot[] immutables = engine.viewForRead().immutables;
        return immutables.length == 0 ? null : immutables[immutables.length - 1];
    }

    /** Flushes one memtable; on an engine thread. */
    private void flush(MemtableSlot slot) {
        long start = engine.scheduler().clock().nanoTime();
        engine.awaitVisible(slot.lastSequence); // P4: all its entries are in
        List<TableOutput.Output> tables;
        long entries = slot.memtable.entries();
        long[] boundaries = engine.snapshots().boundaries(engine::visibleSequence);
        try (RetainedEntries retained = new RetainedEntries(
                slot.memtable.cursor(), boundaries, RetainedEntries.Bottom.never(), engine.account())) {
            tables = opened.output().write(retained, Long.MAX_VALUE, SyncSite.TABLE_FLUSH, written -> checkGoOn());
        }
        long oldestLog = logAfter(slot);
        VersionEdit.Builder edit = VersionEdit.builder().oldestLog(oldestLog).lastSequence(slot.lastSequence);
        long written = 0;
        for (TableOutput.Output table : tables) {
            edit.addTable(0, table.entry(), table.file());
            written += table.file().size();
        }
        DurableEdit receipt = engine.install(edit.build(), slot, List.of());
        flushedSequence = slot.lastSequence;
        bytes.addAndGet(written);
        count.incrementAndGet();
        opened.letGoOfLogs(oldestLog, receipt);
        engine.flushed();
        long number = tables.isEmpty() ? 0 : tables.getFirst().entry().number();
        engine.listener()
                .onFlush(number, entries, written, engine.scheduler().clock().nanoTime() - start);
        engine.compactionMayBeDue();
    }

    private void checkGoOn() {
        if (stopped) {
            throw engine.closedException();
        }
    }

    /** The log of the memtable after this one: the oldest that is still needed once this one is in tables. */
    private long logAfter(MemtableSlot slot) {
        View view = engine.viewForRead();
        long log = view.active.logNumber;
        for (MemtableSlot newer : view.immutables) {
            if (newer == slot) {
                break;
            }
            log = newer.logNumber;
        }
        return log;
    }

    /** Flushes everything immutable here and now: for a resume, which holds the lead. On an engine thread. */
    void flushAllNow() {
        for (MemtableSlot oldest = oldestImmutable(); oldest != null; oldest = oldestImmutable()) {
            flush(oldest);
        }
    }

    /** Flushes what was never logged, active memtable included: for a close, after the last write. On an engine thread. */
    void flushForClose() {
        stopped = false;
        engine.makeImmutableForClose();
        flushAllNow();
    }

    /** Returns whether a memtable waits for its flush, or one is going on. */
    boolean isPending() {
        return running.get() || engine.viewForRead().immutables.length > 0;
    }

    void stop() {
        stopped = true;
    }

    void awaitIdle() {
        Scheduler scheduler = engine.scheduler();
        scheduler.await(engine.progress(), () -> !running.get());
    }

    /** A try that met a full disk, by its number. */
    record NoRoom(long ofTry, StorageException cause) {}

    /** Returns what the last try met, if that was a full disk. */
    @Nullable
    NoRoom noRoom() {
        return noRoom;
    }

    /** Returns how many tries have begun. */
    long tries() {
        return tries.get();
    }

    /** Returns the sequence up to which everything is in tables. */
    long flushedSequence() {
        return flushedSequence;
    }

    long bytes() {
        return bytes.get();
    }

    long count() {
        return count.get();
    }
}
