package io.beachdb.db;

import io.beachdb.Durability;
import io.beachdb.Options;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import io.beachdb.base.StorageException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.base.memory.NativePool;
import io.beachdb.memtable.Memtable;
import io.beachdb.wal.WalWriter;

/**
 * Makes room for writes, in memtable, log and memory, and behind compaction's debt. All of it as leader of the commit
 * pipeline, which waits here so that the others wait for it.
 */
final class WriteRoom {
    private static final long DISK_FULL_RETRY_NANOS = 200_000_000;
    private static final long MEMORY_RETRY_NANOS = 10_000_000;
    // Of an entry in a memtable, beside its encoded bytes: what decides when to rotate. Whether there is memory at all
    // is
    // asked with the most it can take, Memtable.ENTRY_OVERHEAD_BYTES.
    private static final long TYPICAL_OVERHEAD_BYTES = 32;

    // Set once.
    private final Engine engine;
    private final EngineHealth health;
    private final CommitPipeline pipeline;
    private final Flusher flusher;
    private final WriteThrottle throttle;
    private final Options options;
    private final Scheduler scheduler;
    private final Signal progress;
    private final MemoryAccount account;
    private final MemoryBudget budget;

    // The leader's.
    private MemtableSlot active;
    private long assignedBytes; // to the active memtable, by their typical size

    WriteRoom(
            Engine engine,
            EngineHealth health,
            CommitPipeline pipeline,
            Flusher flusher,
            WriteThrottle throttle,
            MemtableSlot active) {
        this.engine = engine;
        this.health = health;
        this.pipeline = pipeline;
        this.flusher = flusher;
        this.throttle = throttle;
        this.active = active;
        this.options = engine.options();
        this.scheduler = engine.scheduler();
        this.progress = engine.progress();
        this.account = engine.account();
        this.budget = account.budget();
    }

    /** Returns the most that encoded operations take in a memtable. */
    static long memtableBytes(long length, long count) {
        return length + count * Memtable.ENTRY_OVERHEAD_BYTES;
    }

    /** As {@link CommitPipeline.Room#makeRoom}. */
    MemtableSlot makeRoom(WriteRequest request) {
        health.checkWritable();
        long bytes = request.length + request.operations * TYPICAL_OVERHEAD_BYTES;
        if (throttle.isActive()) {
            pipeline.handOverPending();
            throttle.slow(bytes, progress, health::isStopped);
            health.checkWritable();
        }
        if (assignedBytes > 0
                && Math.max(assignedBytes, active.memtable.usedBytes()) + bytes > options.writeBufferBytes()) {
            rotate(request.length);
        }
        if (request.durability != Durability.UNLOGGED && !pipeline.wal().fits(request.length)) {
            pipeline.handOverPending();
            nextLog(request.length); // the memtable goes on: it needs both logs until its flush
        }
        makeMemory(memtableBytes(request.length, request.operations), request.length);
        assignedBytes += bytes;
        return active;
    }

    /** Waits until the memory is there, or will not be by anything of ours. */
    void makeMemory(long bytes, long payloadLength) {
        if (!hasMemoryFor(bytes)) {
            waitForMemory(bytes, payloadLength);
        }
    }

    private boolean hasMemoryFor(long bytes) {
        if (hasRoomNow(bytes)) {
            return true;
        }
        long needed = bytes + NativePool.CHUNK_BYTES;
        if (!account.tryCharge(MemoryUse.MEMTABLE, needed)) { // asks the caches to shrink
            return false;
        }
        account.release(MemoryUse.MEMTABLE, needed);
        return true;
    }

    private boolean hasRoomNow(long bytes) {
        return budget.usedBytes() + bytes + NativePool.CHUNK_BYTES <= budget.capacityBytes();
    }

    /** Memory is short though the caches have shrunk: flushes early, then waits for what flushes give back. */
    private void waitForMemory(long bytes, long payloadLength) {
        long start = scheduler.clock().nanoTime();
        rotateIfUsed(payloadLength);
        pipeline.handOverPending();
        while (!hasMemoryFor(bytes)) {
            health.checkWritable();
            if (!flusher.isPending() && engine.isSettledButForPins()) {
                break; // what is left belongs to others, who may wait for us: go over the number, as readers do
            }
            scheduler.await(progress, () -> health.isStopped() || hasRoomNow(bytes), MEMORY_RETRY_NANOS);
        }
        stalled("memory", start);
    }

    private void stalled(String reason, long start) {
        long nanos = scheduler.clock().nanoTime() - start;
        throttle.add(nanos);
        engine.listener().onStall(reason, nanos);
    }

    /** Makes the active memtable immutable, if anything was assigned to it, and goes on in a new one, with a new log. */
    void rotateIfUsed(long payloadLength) {
        if (assignedBytes > 0) {
            rotate(payloadLength);
        }
    }

    private void rotate(long payloadLength) {
        pipeline.handOverPending();
        awaitFlushes();
        replaceActive(nextLog(payloadLength));
        flusher.schedule();
    }

    /** Makes the active memtable immutable, and goes on in a new one, whose writes are in {@code log} and later ones. */
    void replaceActive(long log) {
        MemtableSlot fresh = new MemtableSlot(Opened.newMemtable(options, account), log);
        fresh.lastSequence = pipeline.lastSequence(); // an empty one's too: a flush says how far the tables are
        engine.changeView(now -> now.rotated(fresh));
        active = fresh;
        assignedBytes = 0;
    }

    /** For a close, after the last write: what is in the active memtable is to be flushed. */
    void makeImmutableForClose() {
        replaceActive(active.logNumber);
    }

    private int immutables() {
        return engine.viewForRead().immutables.length;
    }

    private void awaitFlushes() {
        if (immutables() < options.maxImmutableMemtables()) {
            return;
        }
        long start = scheduler.clock().nanoTime();
        scheduler.await(
                progress,
                () -> health.isStopped()
                        || (health.isDiskFull() && options.failWhenDiskFull())
                        || immutables() < options.maxImmutableMemtables());
        stalled("flush", start);
        health.checkWritable();
        if (immutables() >= options.maxImmutableMemtables()) {
            throw new WriteRefusedException("the disk is full, and the options say to fail rather than wait", null);
        }
    }

    private long nextLog(long payloadLength) {
        while (true) {
            WalWriter wal = pipeline.wal();
            try {
                long number = wal.rotate(payloadLength);
                health.diskFull(false);
                return number;
            } catch (StorageException e) {
                if (wal.failure() != null) {
                    health.fail(e);
                    throw e;
                }
                if (!e.diskFull()) {
                    throw e;
                }
                health.diskFull(true);
                if (options.failWhenDiskFull()) {
                    throw new WriteRefusedException("the disk is full: no log could be made", e);
                }
                scheduler.await(progress, health::isStopped, DISK_FULL_RETRY_NANOS);
                health.checkWritable();
            }
        }
    }
}
