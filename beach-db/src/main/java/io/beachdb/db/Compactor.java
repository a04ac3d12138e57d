package io.beachdb.db;

import io.beachdb.DatabaseListener.CompactionInfo;
import io.beachdb.Range;
import io.beachdb.base.BeachException;
import io.beachdb.base.ClosedException;
import io.beachdb.base.StorageException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.durability.SyncSite;
import io.beachdb.manifest.InternalKey;
import io.beachdb.manifest.LiveTable;
import io.beachdb.manifest.Version;
import io.beachdb.manifest.VersionEdit;
import io.beachdb.sstable.ReadOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Runs the compactions that {@link LeveledCompaction} picks, in the background, some at a time. */
final class Compactor {
    private static final long RETRY_NANOS = 500_000_000;
    private static final int MAX_RETRIES = 10;
    private static final long POLL_NANOS = 50_000_000;
    private static final long NANOS_PER_SECOND = 1_000_000_000;

    private final Engine engine;
    private final Opened opened;
    private final LeveledCompaction policy;
    private final int maxRunning;
    private final long bytesPerSecond;
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong count = new AtomicLong();
    private final AtomicLong moves = new AtomicLong();

    // Guarded by this; also TableHandle.compacting.
    private final List<CompactionPlan> running = new ArrayList<>(); // those that callers wait for included
    private int inBackground;
    private int failures; // in the background, since something last succeeded
    private boolean stopped;

    Compactor(Engine engine, Opened opened) {
        this.engine = engine;
        this.opened = opened;
        this.policy = new LeveledCompaction(engine.options());
        this.maxRunning = engine.options().compactionThreads();
        this.bytesPerSecond = engine.options().compactionBytesPerSecond();
    }

    /** Starts as many compactions as may run and are called for. */
    void schedule() {
        while (true) {
            CompactionPlan plan;
            synchronized (this) {
                plan = takeNext();
            }
            if (plan == null) {
                return;
            }
            try {
                engine.tasks().submit("compaction", () -> runAll(plan));
            } catch (RuntimeException | Error e) {
                release(plan, true); // no thread to be had
                throw e;
            }
        }
    }

    /** Picks the next plan and marks its tables; null when there is none, or none may run. Caller holds this. */
    private @Nullable CompactionPlan takeNext() {
        View view = engine.currentView();
        if (view == null
                || stopped
                || engine.isStopped()
                || engine.options().readOnly()
                || inBackground >= maxRunning) {
            return null;
        }
        CompactionPlan plan = policy.pick(view.tables.version, oldestSnapshot());
        if (plan == null || !take(plan)) {
            return null;
        }
        inBackground++;
        return plan;
    }

    /** Marks a plan's tables; returns false if something that runs is in the way. Caller holds this. */
    private boolean take(CompactionPlan plan) {
        if (plan.allInputs().stream().anyMatch(table -> table.compacting)
                || !running.stream().allMatch(plan::isApartFrom)) {
            return false;
        }
        plan.allInputs().forEach(table -> table.compacting = true);
        running.add(plan);
        return true;
    }

    private record KeyRange(
            @Nullable InternalKey smallest, @Nullable InternalKey largest) {}

    private long oldestSnapshot() {
        return engine.snapshots().boundaries(engine::visibleSequence)[0];
    }

    private void release(CompactionPlan plan, boolean background) {
        synchronized (this) {
            plan.allInputs().forEach(table -> table.compacting = false);
            running.remove(plan);
            inBackground -= background ? 1 : 0;
        }
        engine.progress().wake();
    }

    private void runAll(CompactionPlan first) {
        CompactionPlan plan = first;
        while (plan != null) {
            boolean done = runAndReport(plan);
            if (!done) {
                return;
            }
            synchronized (this) {
                plan = takeNext();
            }
        }
        schedule();
    }

    /** Runs a plan; returns whether to go on with further ones now. */
    private boolean runAndReport(CompactionPlan plan) {
        boolean retry = false;
        try {
            run(plan);
            return true;
        } catch (ClosedException | WriteRefusedException e) {
            return false; // given up for a close, or since something else failed
        } catch (StorageException e) {
            if (e.diskFull()) {
                engine.diskFull(true);
            } else if (opened.directory().failure() != null) {
                engine.fail(e);
            } else if (plan.optional()) {
                leaveAlone(plan);
            } else if (isOneTooMany()) {
                engine.fail(e); // else writers would be slowed and stopped, and nobody told why
            }
            engine.listener().onInfo("a compaction failed: " + plan.reason(), e);
            retry = true;
            return false;
        } catch (BeachException e) {
            if (plan.optional()) {
                leaveAlone(plan); // who reads the damaged place is told
                engine.listener().onInfo("a compaction failed: " + plan.reason(), e);
                return true;
            }
            engine.fail(e); // damage: what it would have read is not thrown away
            return false;
        } catch (RuntimeException | Error e) {
            engine.fail(new StorageException("a compaction met an error of its own: " + e, e));
            throw e;
        } finally {
            release(plan, true);
            if (retry) {
                engine.scheduler().after(RETRY_NANOS, "compaction-retry", this::schedule);
            }
        }
    }

    private synchronized boolean isOneTooMany() {
        failures++;
        boolean tooMany = failures == MAX_RETRIES;
        failures = tooMany ? 0 : failures; // a resume has as many tries again
        return tooMany;
    }

    private synchronized void succeeded() {
        failures = 0;
    }

    private static void leaveAlone(CompactionPlan plan) {
        plan.inputs().forEach(table -> table.mergeFailed = true);
    }

    private void run(CompactionPlan plan) {
        long start = engine.scheduler().clock().nanoTime();
        Engine.PinnedView pinned = engine.pinView();
        try {
            CompactionInfo info = plan.trivialMove() ? move(plan, start) : rewrite(plan, pinned.view(), start);
            count.incrementAndGet();
            succeeded();
            engine.diskFull(false); // also for one in the background that found it full, and has nothing to do any more
            engine.listener().onCompaction(info);
        } finally {
            engine.unpin(pinned.view(), pinned.stripe());
        }
    }

    private CompactionInfo move(CompactionPlan plan, long start) {
        VersionEdit.Builder edit = VersionEdit.builder();
        for (TableHandle table : plan.inputs()) {
            edit.moveTable(plan.fromLevel(), plan.toLevel(), table.number());
        }
        engine.install(edit.build(), null, List.of());
        moves.incrementAndGet();
        return info(plan, plan.inputs().size(), 0, start);
    }

    private CompactionInfo rewrite(CompactionPlan plan, View view, long start) {
        long[] boundaries = engine.snapshots().boundaries(engine::visibleSequence);
        Pace pace = new Pace();
        List<TableOutput.Output> outputs;
        try (RetainedEntries retained = new RetainedEntries(
                inputs(plan), boundaries, new Below(view.tables.version, plan.toLevel()), engine.account())) {
            outputs = opened.output()
                    .write(retained, engine.options().targetTableBytes(), SyncSite.TABLE_COMPACTION, pace::wrote);
        }
        VersionEdit.Builder edit = VersionEdit.builder();
        for (TableHandle table : plan.inputs()) {
            edit.dropTable(plan.fromLevel(), table.number());
        }
        for (TableHandle table : plan.overlapped()) {
            edit.dropTable(plan.toLevel(), table.number());
        }
        long written = 0;
        for (TableOutput.Output output : outputs) {
            edit.addTable(plan.toLevel(), output.entry(), output.file());
            written += output.file().size();
        }
        engine.install(edit.build(), null, plan.allInputs());
        bytes.addAndGet(written);
        markGarbage(plan, outputs, boundaries[0]);
        return info(plan, outputs.size(), written, start);
    }

    /** What this compaction could not drop, a later one can only when the oldest snapshot has moved. */
    private void markGarbage(CompactionPlan plan, List<TableOutput.Output> outputs, long oldestSnapshot) {
        View view = engine.currentView();
        if (view == null) {
            return;
        }
        for (LiveTable table : view.tables.version.tables(plan.toLevel())) {
            if (outputs.stream().anyMatch(output -> output.entry().number() == table.number())) {
                TableHandle.of(table).garbageAt = oldestSnapshot;
            }
        }
    }

    private CompactionInfo info(CompactionPlan plan, int outputs, long written, long start) {
        return new CompactionInfo(
                plan.fromLevel(),
                plan.toLevel(),
                plan.inputs().size() + plan.overlapped().size(),
                outputs,
                plan.inputBytes(),
                written,
                engine.scheduler().clock().nanoTime() - start,
                plan.trivialMove());
    }

    private static EntryCursor inputs(CompactionPlan plan) {
        List<EntryCursor> runs = new ArrayList<>();
        if (plan.fromLevel() == 0) {
            for (TableHandle table : plan.inputs()) {
                runs.add(table.reader.cursor(ReadOptions.COMPACTION));
            }
        } else {
            runs.add(new LevelCursor(plan.inputs().toArray(new TableHandle[0]), ReadOptions.COMPACTION));
        }
        if (!plan.overlapped().isEmpty()) {
            runs.add(new LevelCursor(plan.overlapped().toArray(new TableHandle[0]), ReadOptions.COMPACTION));
        }
        return runs.size() == 1 ? runs.getFirst() : new MergingCursor(runs.toArray(new EntryCursor[0]));
    }

    /** Whether a key can have older entries below the output level. */
    private record Below(Version version, int level) implements RetainedEntries.Bottom {
        @Override
        public boolean isBottom(MemorySegment key, long offset, int length) {
            for (int below = level + 1; below < Version.LEVELS; below++) {
                if (version.findTable(below, key, offset, length) >= 0) {
                    return false;
                }
            }
            return true;
        }
    }

    /** Gives up on a close, and keeps to the rate that the options set. */
    private final class Pace {
        private final long start = engine.scheduler().clock().nanoTime();
        private long written;

        void wrote(long more) {
            checkGoingOn();
            written += more;
            if (bytesPerSecond == 0) {
                return;
            }
            long due = (long) ((double) written / bytesPerSecond * NANOS_PER_SECOND);
            long ahead = due - (engine.scheduler().clock().nanoTime() - start);
            if (ahead > 0) {
                engine.scheduler().await(engine.progress(), engine::isStopped, ahead);
            }
        }
    }

    /**
     * Brings a range down to the last level, and makes one table there of neighbours that fit one; beside whatever else is
     * going on. On a caller's thread.
     */
    void compactRange(Range range) {
        byte[] from = range.lowerBound();
        byte[] to = range.upperBound();
        KeyRange keys =
                new KeyRange(from == null ? null : Engine.boundary(from), to == null ? null : Engine.boundary(to));
        bringDown(keys);
        mergeFitting(keys);
        schedule(); // tombstones in the last level
        awaitRest();
    }

    private void bringDown(KeyRange keys) {
        while (true) {
            checkGoingOn();
            CompactionPlan plan;
            synchronized (this) {
                Version version = versionToChange();
                if (!LeveledCompaction.isAboveLast(version, keys.smallest, keys.largest)) {
                    return;
                }
                plan = policy.pickRange(version, keys.smallest, keys.largest);
                if (plan != null && !take(plan)) {
                    plan = null;
                }
            }
            runNow(plan);
        }
    }

    /**
     * From the left, each table once: what a merge made is left alone, whatever size it came to, and so are keys that come
     * behind all that was there.
     */
    private void mergeFitting(KeyRange keys) {
        InternalKey merged = null;
        InternalKey last = null;
        while (true) {
            checkGoingOn();
            CompactionPlan plan;
            synchronized (this) {
                Version version = versionToChange();
                last = last == null ? LeveledCompaction.lastKey(version, keys.smallest, keys.largest) : last;
                plan = last == null ? null : policy.pickFitting(version, merged, keys.smallest, last);
                if (plan == null) {
                    return;
                }
                if (take(plan)) {
                    merged = plan.inputs().getLast().entry().largest();
                } else {
                    plan = null;
                }
            }
            runNow(plan);
        }
    }

    /** Returns the version to plan by; not once a close waits for what runs. Caller holds this. */
    private Version versionToChange() {
        View view = engine.currentView();
        if (stopped || view == null) {
            throw engine.closedException();
        }
        return view.tables.version;
    }

    private void checkGoingOn() {
        if (engine.isClosing()) {
            throw engine.closedException();
        }
        engine.checkNotFailed();
    }

    /**
     * Runs a plan that was taken, and waits for it; null: waits a little, since something in the way is busy. What it kept
     * from being done in the background comes next.
     */
    private void runNow(@Nullable CompactionPlan taken) {
        if (taken == null) {
            engine.scheduler().await(engine.progress(), engine::isStopped, POLL_NANOS);
            return;
        }
        boolean[] begun = new boolean[1];
        try {
            engine.tasks().call("compaction", () -> {
                begun[0] = true;
                try {
                    run(taken);
                } finally {
                    release(taken, false);
                }
                return true;
            });
        } finally {
            if (!begun[0]) {
                release(taken, false); // no thread to be had
            }
            schedule();
        }
    }

    private void awaitRest() {
        engine.scheduler().await(engine.progress(), () -> engine.isStopped() || isAtRest());
        checkGoingOn();
    }

    /** Returns whether nothing runs and nothing is called for. */
    boolean isAtRest() {
        synchronized (this) {
            View view = engine.currentView();
            return running.isEmpty() && (view == null || policy.pick(view.tables.version, oldestSnapshot()) == null);
        }
    }

    long debtBytes(Version version) {
        return policy.debtBytes(version);
    }

    synchronized void stop() {
        stopped = true;
    }

    void awaitIdle() {
        engine.scheduler().await(engine.progress(), () -> {
            synchronized (this) {
                return running.isEmpty();
            }
        });
    }

    long bytes() {
        return bytes.get();
    }

    long count() {
        return count.get();
    }

    long moves() {
        return moves.get();
    }
}
