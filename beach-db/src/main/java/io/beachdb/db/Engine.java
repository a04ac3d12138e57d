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
import io.beachdb.base.Mutex;
import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import io.beachdb.base.StorageException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.SyncSite;
import io.beachdb.manifest.InternalKey;
import io.beachdb.manifest.Version;
import io.beachdb.manifest.VersionEdit;
import io.beachdb.sstable.PointResult;
import io.beachdb.wal.WalWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One open database: joins log, memtables, tables and manifest, and owns what they share.
 *
 * <p>Start at {@link Writes} and {@link CommitPipeline} for the life of a write, {@link DbReader} for that of a read,
 * {@link Flusher} and {@link Compactor} for the background, {@link Opening} for recovery. What stops writes is in
 * {@link EngineHealth}, what makes them wait in {@link WriteRoom}, how far they are on disk in {@link DurableProgress}.
 */
public final class Engine implements CommitPipeline.Room {
    /*
     * E1  The view changes under state, the version (and the manifest) under manifestMutex, taken before state.
     * E2  Files are changed on engine threads only, since callers may be interrupted; the log also by callers, where an
     *     interrupt cannot harm it (decision 0012).
     * E3  After a failure of log, manifest or directory nothing is written until resume: writers are refused, flushes and
     *     compactions stop, reads go on. After damage the same, for good; but a close flushes, since new files can be made.
     */
    private static final long POLL_NANOS = 1_000_000;

    // Set once.
    private final Options options;
    private final Scheduler scheduler;
    private final Opened opened;
    private final MemoryAccount account;
    private final EngineTasks tasks;
    private final GuardedListener listener;
    private final Callbacks callbacks;
    private final Signal
            progress; // flushes, compactions, health, close: what stalled writers and waiting callers look at
    private final EngineHealth health;
    private final Mutex state;
    private final Mutex manifestMutex;
    private final Views views;
    private final SnapshotList snapshots = new SnapshotList();
    private final OpenCursors cursors = new OpenCursors(this);
    private final DbReader newest = DbReader.newest(this);
    private final CommitPipeline pipeline;
    private final RequestPool requests;
    private final WriteThrottle throttle;
    private final WriteRoom room;
    private final Writes writes;
    private final Flusher flusher;
    private final Compactor compactor;
    private final DurableWaiters durableWaiters;
    private final DurableProgress durable;
    private final Figures figures;
    private final Scheduler.Cancellable releaseListener;
    private volatile boolean filesFinished; // by a close: what is not in tables now will never be

    Engine(Options options, Opened opened, EngineTasks tasks) {
        this.options = options;
        this.opened = opened;
        this.tasks = tasks;
        this.listener = (GuardedListener) options.listener();
        this.callbacks = listener.callbacks();
        this.scheduler = options.seams().scheduler();
        MemoryBudget budget = opened.budget();
        this.account = opened.account();
        this.progress = scheduler.newSignal("progress", 0);
        this.durableWaiters = new DurableWaiters(scheduler, callbacks);
        this.health = new EngineHealth(options, opened.directory(), progress, durableWaiters::failed);
        this.state = new Mutex(scheduler, "state");
        this.manifestMutex = new Mutex(scheduler, "manifest");
        this.views = new Views(opened.epochs(), scheduler);
        this.pipeline = new CommitPipeline(scheduler, this, opened.lastSequence());
        this.requests = new RequestPool(() -> new WriteRequest(account, scheduler, () -> pipeline.broken() != null));
        this.throttle = new WriteThrottle(options, scheduler);
        this.flusher = new Flusher(this, opened);
        this.compactor = new Compactor(this, opened);
        this.room = new WriteRoom(this, health, pipeline, flusher, throttle, opened.firstSlot());
        this.writes =
                new Writes(pipeline, room, health, callbacks, requests, Limits.maxBatchBytes(budget.capacityBytes()));
        this.durable = new DurableProgress(this, health, pipeline, flusher, durableWaiters);
        this.figures = new Figures(opened, writes, pipeline, flusher, compactor, throttle, durable);
        views.publish(new View(opened.firstSlot(), new MemtableSlot[0], new TableSet(opened.version())));
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
            opened.directory().whenFailed(health::fail);
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
        if (isClosing()) {
            progress.wake();
        }
    }

    /** Ends a value's stay beyond its epoch. */
    void release(PointResult kept) {
        kept.close();
        if (isClosing()) {
            progress.wake();
        }
    }

    long visibleSequence() {
        return pipeline.visibleSequence();
    }

    /** As {@link OpenCursors#open}. */
    Cursor openCursor(View view, long sequence, Range range) {
        return cursors.open(view, sequence, range);
    }

    void closeCursor(DbCursor cursor, String by) {
        cursors.close(cursor, by);
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

    /** Returns whether the replaced views that are left are pinned: they go when their readers do. */
    boolean isSettledButForPins() {
        return views.isSettledButForPins();
    }

    void releaseSnapshot(long sequence) {
        if (snapshots.release(sequence) && !isClosing()) {
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

    public long put(byte[] key, byte[] value, Durability durability) {
        return writes.put(key, value, durability);
    }

    public long put(MemorySegment key, MemorySegment value, Durability durability) {
        return writes.put(key, value, durability);
    }

    public long delete(byte[] key, Durability durability) {
        return writes.delete(key, durability);
    }

    public long delete(MemorySegment key, Durability durability) {
        return writes.delete(key, durability);
    }

    /** Writes a batch of encoded operations; see {@link io.beachdb.WriteBatch}. */
    public long write(byte[] operations, int length, int count, Durability durability) {
        return writes.write(operations, length, count, durability);
    }

    @Override
    public MemtableSlot makeRoom(WriteRequest request) {
        return room.makeRoom(request);
    }

    @Override
    public void logFailed(StorageException cause) {
        durable.logFailed(); // before what failed becomes visible
        health.fail(cause);
    }

    @Override
    public void logSynced(long sequence) {
        durable.tell();
    }

    // ---- Health.

    public Health health() {
        return health.report();
    }

    void fail(BeachException cause) {
        health.fail(cause);
    }

    void diskFull(boolean full) {
        health.diskFull(full);
    }

    void checkNotFailed() {
        health.checkNotFailed();
    }

    boolean isStopped() {
        return health.isStopped();
    }

    boolean isClosing() {
        return health.isClosing();
    }

    ClosedException closedException() {
        return health.closedException();
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
        changeView(now -> now.with(new TableSet(version), flushed));
    }

    /** E1: publishes the view that follows the current one. */
    void changeView(UnaryOperator<View> change) {
        state.lock();
        try {
            views.publish(change.apply(viewForRead()));
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
        health.checkWritable();
        flushAll();
    }

    /** Brings everything written so far to tables, and waits for that. */
    void flushAll() {
        long tries = flusher.tries(); // what those met may be different by now
        long[] last = new long[1];
        pipeline.asLeader(() -> {
            health.checkWritable();
            room.rotateIfUsed(0);
            last[0] = pipeline.lastSequence();
        });
        awaitFlushed(last[0], tries);
    }

    private void awaitFlushed(long sequence, long tries) {
        while (true) {
            boolean last = filesFinished; // before the look at the flushes: a close may have made the last one
            if (flusher.flushedSequence() >= sequence) {
                return;
            }
            checkNotFailed();
            if (last) {
                throw closedException();
            }
            Flusher.NoRoom refusal = noRoomSince(tries);
            if (refusal != null) {
                throw new WriteRefusedException(
                        "the disk is full, and the options say to fail rather than wait; the flush is tried again until there is room",
                        refusal.cause());
            }
            scheduler.await(
                    progress,
                    () -> filesFinished
                            || health.failure() != null
                            || flusher.flushedSequence() >= sequence
                            || noRoomSince(tries) != null);
        }
    }

    private Flusher.@Nullable NoRoom noRoomSince(long tries) {
        Flusher.NoRoom found = flusher.noRoom();
        return options.failWhenDiskFull() && found != null && found.ofTry() > tries ? found : null;
    }

    void makeImmutableForClose() {
        room.makeImmutableForClose();
    }

    public void compact(Range range) {
        callbacks.checkOutside("compact");
        flush();
        compactor.compactRange(range);
    }

    /** As {@link io.beachdb.BeachDB#checkpoint}. */
    public void checkpoint(Path target) {
        Objects.requireNonNull(target, "target");
        callbacks.checkOutside("checkpoint");
        Path own = opened.directory().path().toAbsolutePath().normalize();
        Path wanted = target.toAbsolutePath().normalize();
        if (wanted.startsWith(own) && !wanted.equals(own)) {
            throw new IllegalArgumentException(
                    "a checkpoint in " + target + " would lie in the database's own directory");
        }
        flush();
        tasks.call("checkpoint", () -> {
            PinnedView pinned = pinView();
            try {
                opened.checkpoint(pinned.view().tables.version, target, this::checkOpen);
            } finally {
                unpin(pinned.view(), pinned.stripe());
            }
            return true;
        });
    }

    private void checkOpen() {
        if (isClosing()) {
            throw closedException();
        }
    }

    public void awaitRest() {
        callbacks.checkOutside("awaitRest");
        scheduler.await(progress, () -> isStopped() || (!flusher.isPending() && compactor.isAtRest()));
        checkOpen();
    }

    // ---- Durability.

    public long durableSequence() {
        return durable.sequence();
    }

    public void awaitDurable(long sequence) {
        callbacks.checkOutside("awaitDurable");
        durable.await(sequence);
    }

    public CompletableFuture<Long> whenDurable(long sequence, Executor executor) {
        return durable.when(sequence, executor);
    }

    void flushed() {
        progress.wake();
        durable.tell();
    }

    public void resume() {
        callbacks.checkOutside("resume");
        if (isClosing()) {
            throw closedException();
        }
        if (options.readOnly()) {
            throw new IllegalStateException(directory() + " was opened read-only; there is nothing to resume");
        }
        if (health.failure() == null) {
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
        if (isClosing()) {
            throw closedException(); // the close had the lead before us, and takes log and manifest for its own
        }
        if (health.failure() == null) {
            return;
        }
        checkNoDamage();
        StorageException poisoned = opened.directory().failure();
        if (poisoned != null) {
            throw new StorageException(
                    "cannot resume, since which names are on disk is unknown: " + EngineHealth.sentence(poisoned)
                            + " Close and reopen.",
                    poisoned);
        }
        StorageException broken = pipeline.broken();
        if (broken != null) {
            throw new StorageException(
                    "cannot resume, since a write ended midway in memory: " + EngineHealth.sentence(broken)
                            + " Close and reopen.",
                    broken);
        }
        awaitInserts();
        flusher.awaitIdle();
        compactor.awaitIdle();
        checkNoDamage(); // that one of them met at its end
        WalWriter old = pipeline.wal();
        WalWriter fresh = opened.followingWal(old, pipeline);
        old.abandon();
        pipeline.setWal(fresh);
        room.replaceActive(fresh.currentLog());
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
        durable.resumed();
        health.mended();
    }

    private void checkNoDamage() {
        BeachException failure = health.failure();
        if (failure != null && EngineHealth.isDamage(failure)) {
            throw new StorageException(
                    "cannot resume: " + EngineHealth.sentence(failure) + " Close, mend that, and reopen.", failure);
        }
    }

    /** P4: waits until everything that has a sequence is inserted; throws as {@link #awaitVisible}. */
    void awaitInserts() {
        awaitVisible(pipeline.lastSequence());
    }

    /**
     * Waits until all up to a sequence is inserted.
     *
     * @throws StorageException if it never will be (P7): in some memtable is half a batch, which must not come to a table
     */
    void awaitVisible(long sequence) {
        while (pipeline.visibleSequence() < sequence) {
            StorageException broken = pipeline.broken();
            if (broken != null) {
                throw broken;
            }
            scheduler.await(progress, () -> pipeline.visibleSequence() >= sequence, POLL_NANOS);
        }
    }

    // ---- Figures.

    public MemoryReport memory() {
        return figures.memory();
    }

    public DatabaseStats stats() {
        PinnedView pinned = pinView();
        try {
            return figures.stats(pinned.view().tables.version);
        } finally {
            unpin(pinned.view(), pinned.stripe());
        }
    }

    static InternalKey boundary(byte[] key) {
        return InternalKey.copyOf(key, InternalKeys.NEWEST_TRAILER);
    }

    // ---- Closing.

    public void close() {
        callbacks.checkOutside("close");
        if (!health.beginClosing()) {
            scheduler.await(progress, health::isClosed);
            return;
        }
        Closing problems = new Closing();
        problems.attempt(() -> pipeline.asLeader(this::awaitInserts));
        flusher.stop();
        compactor.stop();
        flusher.awaitIdle();
        compactor.awaitIdle();
        if (!options.readOnly()) {
            problems.attempt(() -> tasks.run("close", () -> finishFiles(problems)));
        }
        filesFinished = true;
        progress.wake();
        problems.attempt(tasks::awaitNone);
        problems.attempt(() -> requests.close(scheduler, progress, () -> pipeline.broken() != null));
        problems.attempt(cursors::closeAll);
        problems.attempt(this::awaitReaders);
        releaseListener.cancel();
        problems.attempt(() -> durableWaiters.failed(closedException()));
        problems.attempt(tasks::awaitNone);
        problems.attempt(() -> tasks.run("release", () -> opened.release(problems)));
        health.closed();
        listener().onHealth(health());
        problems.throwIfAny();
    }

    /** From here on nobody sees a view any more; waits for those who do. */
    private void awaitReaders() {
        views.publish(null);
        while (!views.isSettled() || !callbacks.isNone()) {
            views.collect();
            scheduler.await(progress, () -> views.isSettled() && callbacks.isNone(), POLL_NANOS);
        }
    }

    /** On an engine thread: brings to disk what is only in memory, ends log and manifest. */
    private void finishFiles(Closing problems) {
        BeachException first = health.failure();
        if (durable.hasUnlogged(visibleSequence())) {
            if (first == null || EngineHealth.isDamage(first)) { // new files read nothing of what is damaged
                problems.attempt(flusher::flushForClose);
            } else {
                problems.add(new StorageException(
                        "unlogged writes are not on disk: a failure stopped their flush: "
                                + EngineHealth.sentence(first),
                        first));
            }
        }
        WalWriter wal = pipeline.wal();
        if (wal.failure() == null) {
            problems.attempt(() -> wal.close(pipeline.lastSequence()));
            problems.add(durable.inDoubt());
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
