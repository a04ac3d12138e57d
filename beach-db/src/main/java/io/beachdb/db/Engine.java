package io.beachdb.db;

import io.beachdb.Cursor;
import io.beachdb.DatabaseListener;
import io.beachdb.DatabaseStats;
import io.beachdb.Durability;
import io.beachdb.Health;
import io.beachdb.MemoryReport;
import io.beachdb.Options;
import io.beachdb.Range;
import io.beachdb.Reader;
import io.beachdb.Snapshot;
import io.beachdb.base.BeachException;
import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Mutex;
import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import io.beachdb.base.StorageException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.KeyHash;
import io.beachdb.base.format.Varint;
import io.beachdb.base.memory.NativePool;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Syncability;
import io.beachdb.manifest.InternalKey;
import io.beachdb.manifest.LiveTable;
import io.beachdb.manifest.Version;
import io.beachdb.manifest.VersionEdit;
import io.beachdb.memtable.Memtable;
import io.beachdb.sstable.PointResult;
import io.beachdb.sstable.ReadOptions;
import io.beachdb.wal.WalWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * One open database: joins log, memtables, tables and manifest, and owns what they share.
 *
 * <p>Start at {@link CommitPipeline} for the life of a write, {@link DbReader} for that of a read, {@link Flusher} and
 * {@link Compactor} for the background, {@link Opening} for recovery.
 */
public final class Engine implements CommitPipeline.Room {
    /*
     * E1  The view changes under state, the version (and the manifest) under manifestMutex, taken before state.
     * E2  Files are changed on engine threads only, since callers may be interrupted; the log also by callers, where an
     *     interrupt cannot harm it (decision 0012).
     * E3  After a failure of log, manifest or directory nothing is written until resume: writers are refused, flushes and
     *     compactions stop, reads go on.
     */
    private static final long DISK_FULL_RETRY_NANOS = 200_000_000;
    private static final long POLL_NANOS = 1_000_000;
    private static final long TYPICAL_OVERHEAD_BYTES = 32; // of an entry in a memtable, beside its encoded bytes

    // Set once.
    private final Options options;
    private final Scheduler scheduler;
    private final Opened opened;
    private final MemoryBudget budget;
    private final MemoryAccount account;
    private final Views views;
    private final SnapshotList snapshots = new SnapshotList();
    private final CommitPipeline pipeline;
    private final RequestPool requests;
    private final EngineTasks tasks;
    private final Flusher flusher;
    private final Compactor compactor;
    private final WriteThrottle throttle;
    private final DurableWaiters durableWaiters;
    private final GuardedListener listener;
    private final Callbacks callbacks;
    private final DbReader newest = DbReader.newest(this);
    private final Mutex state;
    private final Mutex manifestMutex;
    private final Signal
            progress; // flushes, compactions, health, close: what stalled writers and waiting callers look at
    private final Scheduler.Cancellable releaseListener;
    private final Set<DbCursor> cursors = ConcurrentHashMap.newKeySet();
    private final long maxBatchBytes;
    final LongAdder userBytes = new LongAdder();

    // The leader's.
    private MemtableSlot active;
    private long assignedBytes;

    private volatile @Nullable BeachException failure;
    // What the failed log had on disk: whatever memory shows beyond it is in doubt until a resume has brought it to
    // disk.
    private volatile long durableCap = Long.MAX_VALUE;
    private volatile boolean diskFull;
    private volatile boolean closing;
    private volatile boolean closed;

    Engine(Options options, Opened opened, EngineTasks tasks) {
        this.options = options;
        this.opened = opened;
        this.tasks = tasks;
        this.listener = (GuardedListener) options.listener();
        this.callbacks = listener.callbacks();
        this.scheduler = options.seams().scheduler();
        this.budget = opened.budget();
        this.account = opened.account();
        this.maxBatchBytes = Limits.maxBatchBytes(budget.capacityBytes());
        this.state = new Mutex(scheduler, "state");
        this.manifestMutex = new Mutex(scheduler, "manifest");
        this.progress = scheduler.newSignal("progress", 0);
        this.views = new Views(opened.epochs(), scheduler);
        this.pipeline = new CommitPipeline(scheduler, this, opened.lastSequence());
        this.requests = new RequestPool(() -> new WriteRequest(account, scheduler, () -> pipeline.broken() != null));
        this.durableWaiters = new DurableWaiters(scheduler, callbacks);
        this.throttle = new WriteThrottle(options, scheduler);
        this.flusher = new Flusher(this, opened);
        this.compactor = new Compactor(this, opened);
        this.active = opened.firstSlot();
        views.publish(new View(active, new MemtableSlot[0], new TableSet(opened.version())));
        retune();
        // What follows takes what others see; all before is garbage if it fails, and the opening gives back the rest.
        this.releaseListener = budget.onRelease(progress::wake);
        boolean done = false;
        try {
            if (!options.readOnly()) {
                pipeline.setWal(opened.newWal(pipeline));
            }
            done = true;
        } finally {
            if (!done) {
                releaseListener.cancel();
            }
        }
    }

    /** Opens a database; see {@link io.beachdb.BeachDB#open(Path, Options)}. */
    public static Engine open(Path directory, Options options) {
        Objects.requireNonNull(directory, "directory");
        Objects.requireNonNull(options, "options");
        EngineTasks tasks = new EngineTasks(options.seams().scheduler());
        Options guarded = options.toBuilder()
                .listener(new GuardedListener(options.listener()))
                .build();
        Engine engine = tasks.call("open", () -> Opening.open(directory, guarded, tasks));
        try {
            engine.start();
        } catch (RuntimeException | Error e) {
            engine.closeAfter(e);
            throw e;
        }
        return engine;
    }

    /** Closes a database that nobody got, since something failed. */
    private void closeAfter(Throwable failure) {
        try {
            close();
        } catch (RuntimeException | Error e) {
            failure.addSuppressed(e);
        }
    }

    private void start() {
        if (!options.readOnly()) {
            tasks.submit("after-open", opened::afterOpen);
            compactor.schedule();
        }
    }

    /** Returns the options as they were given. */
    public Options userOptions() {
        return options.toBuilder().listener(listener.inner()).build();
    }

    public Options options() {
        return options;
    }

    public Path directory() {
        return opened.directory().path();
    }

    MemoryAccount account() {
        return account;
    }

    Scheduler scheduler() {
        return scheduler;
    }

    EngineTasks tasks() {
        return tasks;
    }

    Callbacks callbacks() {
        return callbacks;
    }

    SnapshotList snapshots() {
        return snapshots;
    }

    DatabaseListener listener() {
        return listener;
    }

    Signal progress() {
        return progress;
    }

    public Reader newest() {
        return newest;
    }

    // ---- Reading.

    /** Begins a point read; {@link #exit} ends it. What a close frees, it frees once nobody is inside. */
    ReadContext enter() {
        ReadContext context = opened.epochs().enter();
        if (views.current() == null) {
            opened.epochs().exit(context);
            throw closedException();
        }
        return context;
    }

    void exit(ReadContext context) {
        opened.epochs().exit(context);
    }

    View viewForRead() {
        View view = views.current();
        if (view == null) {
            throw closedException();
        }
        return view;
    }

    @Nullable
    View currentView() {
        return views.current();
    }

    void compactionMayBeDue() {
        compactor.schedule();
    }

    /** Pins the current view for work that lasts; {@link #unpin} it. */
    PinnedView pinView() {
        ReadContext context = enter();
        try {
            View view = viewForRead();
            return new PinnedView(view, view.pin());
        } finally {
            exit(context);
        }
    }

    record PinnedView(View view, int stripe) {}

    void unpin(View view, int stripe) {
        view.unpin(stripe);
        if (views.current() != view) {
            views.collect();
        }
        if (closing) {
            progress.wake();
        }
    }

    /** Ends a value's stay beyond its epoch. */
    void release(PointResult kept) {
        kept.close();
        if (closing) {
            progress.wake();
        }
    }

    long visibleSequence() {
        return pipeline.visibleSequence();
    }

    /** Opens a cursor over a view; called inside the epoch in which the view was loaded. */
    Cursor openCursor(View view, long sequence, Range range) {
        int stripe = view.pin();
        DbCursor cursor;
        boolean done = false;
        try {
            List<EntryCursor> runs = new ArrayList<>();
            addMemtable(runs, view.active);
            for (MemtableSlot slot : view.immutables) {
                addMemtable(runs, slot);
            }
            for (TableHandle table : view.tables.level0) {
                runs.add(table.reader.cursor(ReadOptions.CURSOR));
            }
            for (TableHandle[] run : view.tables.runs) {
                runs.add(new LevelCursor(run, ReadOptions.CURSOR));
            }
            EntryCursor input =
                    runs.size() == 1 ? runs.getFirst() : new MergingCursor(runs.toArray(new EntryCursor[0]));
            cursor = new DbCursor(this, input, view, stripe, sequence, range);
            cursors.add(cursor);
            done = true;
        } finally {
            if (!done) {
                view.unpin(stripe);
            }
        }
        if (closing) {
            closeCursor(cursor, "the close of the database");
        }
        return cursor;
    }

    private static void addMemtable(List<EntryCursor> runs, MemtableSlot slot) {
        if (!slot.memtable.isEmpty()) {
            runs.add(slot.memtable.cursor());
        }
    }

    void closeCursor(DbCursor cursor, String by) {
        if (cursor.markClosed(by)) {
            while (cursor.isBusy()) { // a step in another thread, which looks at nothing of ours to wake us

                scheduler.await(progress, () -> !cursor.isBusy(), POLL_NANOS);
            }
            cursors.remove(cursor);
            cursor.free();
        }
    }

    public Snapshot snapshot() {
        ReadContext context = enter();
        try {
            viewForRead();
            return DbReader.at(this, snapshots.take(pipeline::visibleSequence));
        } finally {
            exit(context);
        }
    }

    void releaseSnapshot(long sequence) {
        if (snapshots.release(sequence) && !closing) {
            compactor.schedule();
        }
    }

    public long approximateBytes(Range range) {
        PinnedView pinned = pinView();
        try {
            return RangeSizes.approximateBytes(pinned.view().tables, range, account);
        } finally {
            unpin(pinned.view(), pinned.stripe());
        }
    }

    // ---- Writing.

    // Arrays are copied as arrays: a heap segment around each would be an allocation, and a second kind of memory at
    // the
    // copies below.

    public long put(byte[] key, byte[] value, Durability durability) {
        WriteRequest request = beginPut(key.length, value.length, durability);
        try {
            long at = BatchFormat.beginOperation(request.memory, request.start, InternalKeys.KIND_PUT, key.length);
            BatchFormat.copy(key, 0, request.memory, at, key.length);
            at = Varint.put(request.memory, at + key.length, value.length);
            BatchFormat.copy(value, 0, request.memory, at, value.length);
            return commit(request);
        } finally {
            requests.giveBack(request);
        }
    }

    public long put(MemorySegment key, MemorySegment value, Durability durability) {
        long keyLength = key.byteSize();
        long valueLength = value.byteSize();
        WriteRequest request = beginPut(keyLength, valueLength, durability);
        try {
            long at = BatchFormat.beginOperation(request.memory, request.start, InternalKeys.KIND_PUT, keyLength);
            MemorySegment.copy(key, 0, request.memory, at, keyLength);
            at = Varint.put(request.memory, at + keyLength, valueLength);
            MemorySegment.copy(value, 0, request.memory, at, valueLength);
            return commit(request);
        } finally {
            requests.giveBack(request);
        }
    }

    private WriteRequest beginPut(long keyLength, long valueLength, Durability durability) {
        Limits.checkKeyLength(keyLength);
        checkLength(keyLength + Math.min(valueLength, Integer.MAX_VALUE)); // no sum overflows
        callbacks.checkOutside("put");
        return begin(BatchFormat.putLength(keyLength, valueLength), 1, keyLength + valueLength, durability);
    }

    public long delete(byte[] key, Durability durability) {
        WriteRequest request = beginDelete(key.length, durability);
        try {
            long at = BatchFormat.beginOperation(request.memory, request.start, InternalKeys.KIND_DELETE, key.length);
            BatchFormat.copy(key, 0, request.memory, at, key.length);
            return commit(request);
        } finally {
            requests.giveBack(request);
        }
    }

    public long delete(MemorySegment key, Durability durability) {
        long keyLength = key.byteSize();
        WriteRequest request = beginDelete(keyLength, durability);
        try {
            long at = BatchFormat.beginOperation(request.memory, request.start, InternalKeys.KIND_DELETE, keyLength);
            MemorySegment.copy(key, 0, request.memory, at, keyLength);
            return commit(request);
        } finally {
            requests.giveBack(request);
        }
    }

    private WriteRequest beginDelete(long keyLength, Durability durability) {
        Limits.checkKeyLength(keyLength);
        callbacks.checkOutside("delete");
        return begin(BatchFormat.deleteLength(keyLength), 1, keyLength, durability);
    }

    /** Takes a request with room for operations of {@code bytes}; they go to its {@code start}. */
    private WriteRequest begin(long bytes, int count, long usersBytes, Durability durability) {
        Objects.requireNonNull(durability, "durability");
        checkWritable();
        if (bytes > NativePool.CHUNK_BYTES) {
            // Large ones wait for their buffer too: many at once would take the budget several times over.
            pipeline.asLeader(() -> {
                checkWritable();
                if (!hasMemoryFor(bytes)) {
                    waitForMemory(bytes, 0);
                }
            });
        }
        WriteRequest request = requests.take();
        boolean done = false;
        try {
            request.begin(1 + BatchFormat.headerLength(count) + bytes, count, durability);
            userBytes.add(usersBytes);
            done = true;
            return request;
        } finally {
            if (!done) {
                requests.giveBack(request);
            }
        }
    }

    private long commit(WriteRequest request) {
        request.seal();
        return pipeline.commit(request);
    }

    /** Writes a batch of encoded operations; see {@link io.beachdb.WriteBatch}. */
    public long write(byte[] operations, int length, int count, Durability durability) {
        Objects.requireNonNull(durability, "durability");
        checkBatch(length, count);
        callbacks.checkOutside("write");
        if (count == 0) {
            checkWritable();
            return visibleSequence();
        }
        WriteRequest request = begin(length, count, length, durability);
        try {
            BatchFormat.copy(operations, 0, request.memory, request.start, length);
            return commit(request);
        } finally {
            requests.giveBack(request);
        }
    }

    private void checkLength(long length) {
        if (length > maxBatchBytes) {
            throw new IllegalArgumentException("value or batch has " + length + " bytes, allowed up to " + maxBatchBytes
                    + " (a quarter of the memory budget, at most 1 GiB)");
        }
    }

    /** Many tiny entries take several times their own bytes in a memtable: what they take there is what counts. */
    private void checkBatch(long length, int count) {
        checkLength(length);
        if (count > 1 && memtableBytes(length, count) > maxBatchBytes) {
            throw new IllegalArgumentException("batch has " + count + " operations of " + length
                    + " bytes together, which take " + memtableBytes(length, count) + " bytes in memory, allowed up to "
                    + maxBatchBytes + " (a quarter of the memory budget, at most 1 GiB): write it in parts");
        }
    }

    /** Returns the most that encoded operations take in a memtable. */
    private static long memtableBytes(long length, long count) {
        return length + count * Memtable.ENTRY_OVERHEAD_BYTES;
    }

    private void checkWritable() {
        if (closing) {
            throw closedException();
        }
        if (options.readOnly()) {
            throw new WriteRefusedException(
                    directory() + " is open for reading only. Open it without readOnly to write.", null);
        }
        checkNotFailed();
    }

    void checkNotFailed() {
        BeachException first = failure;
        if (first != null) {
            throw new WriteRefusedException(
                    "the database takes no writes since an earlier failure, which is the cause. Mend that, then resume() or reopen.",
                    first);
        }
    }

    ClosedException closedException() {
        return new ClosedException("the database in " + directory() + " is closed");
    }

    // ---- CommitPipeline.Room: called by the leader.

    @Override
    public MemtableSlot makeRoom(WriteRequest request) {
        checkWritable();
        long bytes = request.length + request.operations * TYPICAL_OVERHEAD_BYTES;
        if (throttle.isActive()) {
            pipeline.handOverPending();
            throttle.slow(bytes, progress, () -> closing || failure != null);
            checkWritable();
        }
        if (assignedBytes > 0
                && Math.max(assignedBytes, active.memtable.usedBytes()) + bytes > options.writeBufferBytes()) {
            rotate(request.length);
        }
        if (request.durability != Durability.UNLOGGED && !pipeline.wal().fits(request.length)) {
            pipeline.handOverPending();
            nextLog(request.length); // the memtable goes on: it needs both logs until its flush
        }
        long memory = memtableBytes(request.length, request.operations);
        if (!hasMemoryFor(memory)) {
            waitForMemory(memory, request.length);
        }
        assignedBytes += bytes;
        return active;
    }

    private boolean hasMemoryFor(long bytes) {
        long needed = bytes + NativePool.CHUNK_BYTES;
        if (budget.usedBytes() + needed <= budget.capacityBytes()) {
            return true;
        }
        if (!account.tryCharge(MemoryUse.MEMTABLE, needed)) { // asks the caches to shrink
            return false;
        }
        account.release(MemoryUse.MEMTABLE, needed);
        return true;
    }

    /** Memory is short though the caches have shrunk: flushes early, then waits for what flushes give back. */
    private void waitForMemory(long bytes, long payloadLength) {
        long start = scheduler.clock().nanoTime();
        if (assignedBytes > 0) {
            rotate(payloadLength);
        }
        pipeline.handOverPending();
        while (!hasMemoryFor(bytes)) {
            checkWritable();
            if (!flusher.isPending() && views.isSettledButForPins()) {
                break; // what is left belongs to others, who may wait for us: go over the number, as readers do
            }
            scheduler.await(progress, () -> closing || failure != null || hasRoomNow(bytes), 10 * POLL_NANOS);
        }
        stalled("memory", start);
    }

    private boolean hasRoomNow(long bytes) {
        return budget.usedBytes() + bytes + NativePool.CHUNK_BYTES <= budget.capacityBytes();
    }

    private void stalled(String reason, long start) {
        long nanos = scheduler.clock().nanoTime() - start;
        throttle.add(nanos);
        listener().onStall(reason, nanos);
    }

    /** Makes the active memtable immutable and goes on in a new one, with a new log; as leader. */
    private void rotate(long payloadLength) {
        pipeline.handOverPending();
        awaitFlushes();
        long log = nextLog(payloadLength);
        MemtableSlot fresh = newSlot(log);
        replaceActive(active, fresh);
        active = fresh;
        assignedBytes = 0;
        flusher.schedule();
    }

    MemtableSlot newSlot(long log) {
        MemtableSlot slot = new MemtableSlot(Opened.newMemtable(options, account), log);
        slot.lastSequence = pipeline.lastSequence(); // an empty one's too: a flush says how far the tables are
        return slot;
    }

    private void awaitFlushes() {
        if (viewForRead().immutables.length < options.maxImmutableMemtables()) {
            return;
        }
        long start = scheduler.clock().nanoTime();
        scheduler.await(
                progress,
                () -> closing
                        || failure != null
                        || (diskFull && options.failWhenDiskFull())
                        || viewForRead().immutables.length < options.maxImmutableMemtables());
        stalled("flush", start);
        checkWritable();
        if (viewForRead().immutables.length >= options.maxImmutableMemtables()) {
            throw new WriteRefusedException("the disk is full, and the options say to fail rather than wait", null);
        }
    }

    private long nextLog(long payloadLength) {
        while (true) {
            WalWriter wal = pipeline.wal();
            try {
                long number = wal.rotate(payloadLength);
                diskFull(false);
                return number;
            } catch (StorageException e) {
                if (wal.failure() != null) {
                    fail(e);
                    throw e;
                }
                if (!e.diskFull()) {
                    throw e;
                }
                diskFull(true);
                if (options.failWhenDiskFull()) {
                    throw new WriteRefusedException("the disk is full: no log could be made", e);
                }
                scheduler.await(progress, () -> closing || failure != null, DISK_FULL_RETRY_NANOS);
                checkWritable();
            }
        }
    }

    @Override
    public void logFailed(StorageException cause) {
        durableCap = Math.min(durableCap, pipeline.wal().syncedSequence()); // before what failed becomes visible
        fail(cause);
    }

    @Override
    public void logSynced(long sequence) {
        durableWaiters.durable(durableNow());
    }

    /** Takes no more writes; the first failure counts. */
    void fail(BeachException cause) {
        boolean first;
        synchronized (this) {
            first = failure == null;
            if (first) {
                failure = cause;
            }
        }
        if (first) {
            listener().onHealth(health());
            durableWaiters.failed(cause);
        }
        progress.wake();
    }

    void diskFull(boolean full) {
        if (diskFull != full) {
            diskFull = full;
            listener().onHealth(health());
            progress.wake();
        }
    }

    boolean isStopped() {
        return closing || failure != null;
    }

    boolean isClosing() {
        return closing;
    }

    // ---- Installing what flushes and compactions made.

    /**
     * Records an edit and publishes what it leads to.
     *
     * @param flushed the memtable whose entries are in tables now; null for a compaction
     * @param dropped tables that the edit drops; deleted once nobody reads them
     */
    DurableEdit install(VersionEdit edit, @Nullable MemtableSlot flushed, List<TableHandle> dropped) {
        DurableEdit receipt;
        manifestMutex.lock();
        try {
            try {
                receipt = opened.manifest().append(edit);
            } catch (BeachException e) {
                fail(e);
                throw e;
            }
            publishTables(flushed, dropped, receipt);
            opened.deleteObsoleteManifests();
        } finally {
            manifestMutex.unlock();
        }
        retune();
        progress.wake();
        return receipt;
    }

    private void publishTables(@Nullable MemtableSlot flushed, List<TableHandle> dropped, DurableEdit receipt) {
        Version version = opened.manifest().version();
        opened.attachHandles(version);
        for (TableHandle handle : dropped) {
            handle.dropped(receipt);
        }
        state.lock();
        try {
            View now = viewForRead();
            MemtableSlot[] immutables = Arrays.stream(now.immutables)
                    .filter(slot -> slot != flushed)
                    .toArray(MemtableSlot[]::new);
            views.publish(new View(now.active, immutables, new TableSet(version)));
        } finally {
            state.unlock();
        }
    }

    private void retune() {
        View view = views.current();
        if (view != null) {
            throttle.retune(view.tables.version.tableCount(0), compactor.debtBytes(view.tables.version));
        }
    }

    // ---- Asking for work.

    public void flush() {
        callbacks.checkOutside("flush");
        checkWritable();
        flushAll();
    }

    private void flushAll() {
        MemtableSlot[] last = new MemtableSlot[1];
        pipeline.asLeader(() -> {
            checkWritable();
            if (assignedBytes > 0) {
                rotate(0);
            }
            MemtableSlot[] waiting = viewForRead().immutables;
            last[0] = waiting.length == 0 ? null : waiting[0];
        });
        MemtableSlot newestWaiting = last[0];
        if (newestWaiting != null) {
            scheduler.await(progress, () -> closed || failure != null || isFlushed(newestWaiting));
            if (!isFlushed(newestWaiting)) {
                checkNotFailed();
                throw closedException();
            }
        }
    }

    void makeImmutableForClose(MemtableSlot slot) {
        MemtableSlot fresh = newSlot(slot.logNumber);
        replaceActive(slot, fresh);
        active = fresh;
    }

    /** Publishes a view in which {@code old} is immutable and {@code fresh} takes its place. */
    private void replaceActive(MemtableSlot old, MemtableSlot fresh) {
        state.lock();
        try {
            View now = viewForRead();
            MemtableSlot[] immutables = new MemtableSlot[now.immutables.length + 1];
            immutables[0] = old;
            System.arraycopy(now.immutables, 0, immutables, 1, now.immutables.length);
            views.publish(new View(fresh, immutables, now.tables));
        } finally {
            state.unlock();
        }
    }

    private boolean isFlushed(MemtableSlot slot) {
        return flusher.flushedSequence() >= slot.lastSequence;
    }

    public void compact(Range range) {
        callbacks.checkOutside("compact");
        flush();
        compactor.compactRange(range);
    }

    public void awaitRest() {
        callbacks.checkOutside("awaitRest");
        scheduler.await(progress, () -> isStopped() || (!flusher.isPending() && compactor.isAtRest()));
        if (closing) {
            throw closedException();
        }
    }

    // ---- Durability.

    /** As {@link #durableNow}, for callers: of a closed database nobody learns any more what a failed close left open. */
    public long durableSequence() {
        if (views.current() == null) {
            throw closedException();
        }
        return durableNow();
    }

    private long durableNow() {
        if (options.readOnly()) {
            return visibleSequence();
        }
        // In this order: what is visible was handed over before, so a log that has synced all it was handed has synced
        // it;
        // and a memtable that is gone from the view after that was flushed.
        long visible = pipeline.visibleSequence();
        WalWriter wal = pipeline.wal();
        long handedOver = wal.handedOverSequence();
        long synced = wal.syncedSequence();
        long inLogs = Math.min(durableCap, synced >= handedOver ? visible : Math.min(synced, visible));
        View view = views.current();
        if (view == null) {
            return flusher.flushedSequence(); // closed: there is nobody to ask any more
        }
        long unlogged = view.active.firstUnlogged;
        for (MemtableSlot slot : view.immutables) {
            unlogged = Math.min(unlogged, slot.firstUnlogged);
        }
        return Math.max(flusher.flushedSequence(), Math.min(inLogs, unlogged - 1));
    }

    public void awaitDurable(long sequence) {
        callbacks.checkOutside("awaitDurable");
        if (durableSequence() >= sequence) {
            return;
        }
        checkWritable();
        if (sequence > visibleSequence()) {
            throw new IllegalArgumentException(
                    "sequence is " + sequence + ", the newest write has " + visibleSequence());
        }
        if (hasUnlogged(sequence)) {
            flushAll();
            return;
        }
        pipeline.wal().awaitSequence(sequence);
    }

    private boolean hasUnlogged(long sequence) {
        View view = viewForRead();
        boolean found = view.active.firstUnlogged <= sequence;
        for (MemtableSlot slot : view.immutables) {
            found |= slot.firstUnlogged <= sequence;
        }
        return found;
    }

    public CompletableFuture<Long> whenDurable(long sequence, Executor executor) {
        Objects.requireNonNull(executor, "executor");
        if (!closing && sequence > visibleSequence()) {
            throw new IllegalArgumentException(
                    "sequence is " + sequence + ", the newest write has " + visibleSequence());
        }
        CompletableFuture<Long> future = durableWaiters.add(sequence, executor);
        BeachException first = failure;
        if (closing || first != null) {
            durableWaiters.failed(first == null ? closedException() : first);
        } else if (durableNow() >= sequence) {
            durableWaiters.durable(durableNow());
        } else {
            tasks.submit("when-durable", () -> reachDurable(sequence, future));
        }
        return future;
    }

    private void reachDurable(long sequence, CompletableFuture<Long> future) {
        try {
            if (hasUnlogged(sequence)) {
                flushAll();
            } else {
                pipeline.wal().requestSync();
            }
            durableWaiters.durable(durableNow());
        } catch (BeachException e) {
            durableWaiters.failed(future, e);
        }
    }

    void flushed() {
        progress.wake();
        durableWaiters.durable(durableNow());
    }

    public Health health() {
        BeachException first = failure;
        Syncability syncability = opened.directory().syncability();
        if (closed) {
            return new Health(Health.State.CLOSED, first, syncability);
        }
        if (first != null) {
            return new Health(Health.State.READ_ONLY_AFTER_FAILURE, first, syncability);
        }
        if (options.readOnly()) {
            return new Health(Health.State.OPENED_READ_ONLY, null, syncability);
        }
        return new Health(diskFull ? Health.State.DISK_FULL : Health.State.OK, null, syncability);
    }

    public void resume() {
        callbacks.checkOutside("resume");
        if (closing) {
            throw closedException();
        }
        if (options.readOnly()) {
            throw new IllegalStateException(directory() + " was opened read-only; there is nothing to resume");
        }
        if (failure == null) {
            return;
        }
        tasks.call("resume", () -> {
            pipeline.asLeader(this::resumeAsLeader);
            return true;
        });
        listener().onHealth(health());
        progress.wake();
        compactor.schedule();
    }

    /** As leader, so that no write is acknowledged before everything older is on disk. */
    private void resumeAsLeader() {
        BeachException first = failure;
        if (first == null) {
            return;
        }
        StorageException poisoned = opened.directory().failure();
        if (poisoned != null) {
            throw new StorageException(
                    "cannot resume: a sync of the directory failed, so which names are on disk is unknown. Close and reopen.",
                    poisoned);
        }
        StorageException broken = pipeline.broken();
        if (broken != null) {
            throw new StorageException("cannot resume: a write ended midway in memory. Close and reopen.", broken);
        }
        awaitInserts();
        flusher.awaitIdle();
        compactor.awaitIdle();
        WalWriter old = pipeline.wal();
        WalWriter fresh = opened.followingWal(old, pipeline);
        old.abandon();
        pipeline.setWal(fresh);
        MemtableSlot slot = newSlot(fresh.currentLog());
        replaceActive(active, slot);
        active = slot;
        assignedBytes = 0;
        manifestMutex.lock();
        try {
            if (opened.manifest().failure() != null) {
                DurableEdit receipt = opened.manifest().rollOver(VersionEdit.none());
                publishTables(null, List.of(), receipt);
                opened.deleteObsoleteManifests();
            }
        } finally {
            manifestMutex.unlock();
        }
        flusher.flushAllNow();
        durableCap = Long.MAX_VALUE;
        failure = null;
    }

    /** P4: waits until everything that has a sequence is inserted. */
    void awaitInserts() {
        awaitVisible(pipeline.lastSequence());
    }

    void awaitVisible(long sequence) {
        while (pipeline.visibleSequence() < sequence && pipeline.broken() == null) {
            scheduler.await(progress, () -> pipeline.visibleSequence() >= sequence, POLL_NANOS);
        }
    }

    // ---- Figures.

    public MemoryReport memory() {
        Map<MemoryUse, Long> uses = new EnumMap<>(MemoryUse.class);
        for (MemoryUse use : MemoryUse.values()) {
            uses.put(use, account.usedBytes(use));
        }
        return new MemoryReport(
                budget.capacityBytes(), budget.usedBytes(), budget.overdraftBytes(), account.usedBytes(), uses);
    }

    public DatabaseStats stats() {
        PinnedView pinned = pinView();
        try {
            Version version = pinned.view().tables.version;
            List<DatabaseStats.Level> levels = new ArrayList<>();
            for (int level = 0; level < Version.LEVELS; level++) {
                levels.add(level(version, level));
            }
            return new DatabaseStats(
                    levels,
                    userBytes.sum(),
                    pipeline.loggedBytes(),
                    flusher.bytes(),
                    compactor.bytes(),
                    flusher.count(),
                    compactor.count(),
                    compactor.moves(),
                    throttle.stallNanos(),
                    opened.directory().stats(),
                    opened.cache().stats().hits(),
                    opened.cache().stats().misses(),
                    opened.codec(),
                    KeyHash.provider(),
                    visibleSequence(),
                    durableNow());
        } finally {
            unpin(pinned.view(), pinned.stripe());
        }
    }

    private static DatabaseStats.Level level(Version version, int level) {
        long raw = 0;
        long entries = 0;
        long tombstones = 0;
        for (LiveTable table : version.tables(level)) {
            raw += table.entry().rawBytes();
            entries += table.entry().entries();
            tombstones += table.entry().tombstones();
        }
        return new DatabaseStats.Level(
                level, version.tableCount(level), version.bytes(level), raw, entries, tombstones);
    }

    static InternalKey boundary(byte[] key) {
        return InternalKey.copyOf(key, InternalKeys.NEWEST_TRAILER);
    }

    // ---- Closing.

    public void close() {
        callbacks.checkOutside("close");
        boolean first;
        synchronized (this) {
            first = !closing;
            closing = true;
        }
        progress.wake();
        if (!first) {
            scheduler.await(progress, () -> closed);
            return;
        }
        Closing problems = new Closing();
        problems.attempt(() -> pipeline.asLeader(this::awaitInserts));
        flusher.stop();
        compactor.stop();
        flusher.awaitIdle();
        compactor.awaitIdle();
        if (!options.readOnly()) {
            problems.attempt(() -> tasks.call("close", () -> {
                finishFiles(problems);
                return true;
            }));
        }
        tasks.awaitNone();
        for (DbCursor cursor : cursors) {
            closeCursor(cursor, "the close of the database");
        }
        views.publish(null);
        while (!views.isSettled() || !callbacks.isNone()) {
            views.collect();
            scheduler.await(progress, () -> views.isSettled() && callbacks.isNone(), POLL_NANOS);
        }
        releaseListener.cancel();
        requests.free();
        durableWaiters.failed(closedException());
        problems.attempt(tasks::awaitNone);
        problems.attempt(() -> tasks.call("release", () -> {
            opened.release(problems);
            return true;
        }));
        closed = true;
        progress.wake();
        listener().onHealth(health());
        problems.throwIfAny();
    }

    /** On an engine thread: brings to disk what is only in memory, ends log and manifest. */
    private void finishFiles(Closing problems) {
        BeachException first = failure;
        if (hasUnlogged(visibleSequence())) {
            if (first == null) {
                problems.attempt(() -> flusher.flushForClose(active));
            } else {
                problems.add(new StorageException(
                        "unlogged writes are not on disk: an earlier failure, which is the cause, stopped their flush.",
                        first));
            }
        }
        WalWriter wal = pipeline.wal();
        if (wal.failure() == null) {
            problems.attempt(wal::close);
        } else {
            problems.add(wal.failure());
            wal.abandon();
        }
        problems.attempt(() -> opened.manifest().close());
        if (opened.directory().failure() == null) {
            problems.attempt(() -> opened.directory().sync(SyncSite.CLOSE));
        }
    }
}
