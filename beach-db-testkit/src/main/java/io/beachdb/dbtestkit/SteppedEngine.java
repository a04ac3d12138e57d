package io.beachdb.dbtestkit;

import io.beachdb.BeachDB;
import io.beachdb.Options;
import io.beachdb.Seams;
import io.beachdb.base.BeachException;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.Signal;
import io.beachdb.durability.Vfs;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedRandom;
import io.beachdb.testkit.SimulatedScheduler;
import io.beachdb.testkit.SimulatedVfs;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One engine on a simulated disk, driven step by step. A step has ended when all that it set off in the background
 * has come to rest, timers aside: so what happens in a step belongs to it alone.
 */
final class SteppedEngine implements AutoCloseable {
    private final long seed;
    private final SimulatedScheduler scheduler;
    private final SimulatedDisk disk;
    private final Signal never;
    private final @Nullable MemoryBudget shared;
    private boolean schedulesDisk;
    private Function<SimulatedVfs, Vfs> files = process -> process;
    private @Nullable SimulatedVfs vfs;
    private @Nullable MemoryBudget budget;
    private @Nullable BeachDB db;

    /** Makes a disk on which there is the directory {@code /data}. */
    SteppedEngine(long seed) {
        this.shared = null;
        this.seed = seed;
        this.scheduler = new SimulatedScheduler(seed);
        this.disk = new SimulatedDisk(scheduler).makeDirectories(Path.of("/data"));
        this.never = scheduler.newSignal("passing time", 0);
    }

    /** Takes a disk as it is; its operations are no points of the schedule. */
    SteppedEngine(long seed, SimulatedDisk disk) {
        this(seed, disk, null);
    }

    /** @param shared the memory of all openings, which close what they open; null: each has its own */
    SteppedEngine(long seed, SimulatedDisk disk, @Nullable MemoryBudget shared) {
        this.shared = shared;
        this.seed = seed;
        this.scheduler = new SimulatedScheduler(seed);
        this.disk = disk;
        this.never = scheduler.newSignal("passing time", 0);
    }

    /** Makes the operations of its disk points of the schedule too, until it is closed. */
    SteppedEngine withScheduledDisk() {
        disk.setScheduler(scheduler);
        schedulesDisk = true;
        return this;
    }

    /** Sets what the engine gets for the files of its process. */
    SteppedEngine through(Function<SimulatedVfs, Vfs> wrapped) {
        files = wrapped;
        return this;
    }

    /** Returns another machine on which the power was cut now, nothing is open, and all syncs are done. */
    SteppedEngine afterCut(CutPolicy policy) {
        SimulatedDisk copy = disk.copy();
        copy.cutPower(policy);
        return new SteppedEngine(seed, copy);
    }

    SimulatedDisk disk() {
        return disk;
    }

    BeachDB db() {
        return Objects.requireNonNull(db, "nothing is open");
    }

    /** Returns what the process that is open, or was last, has open. */
    List<Path> openPaths() {
        return Objects.requireNonNull(vfs, "nothing was open").openPaths();
    }

    /** Bounds the steps of the schedule: a run that never ends is an error then. */
    void setMaxSteps(long points) {
        scheduler.setMaxSteps(points);
    }

    /** Returns what the process that is open, or was last, has charged to its memory budget. */
    long chargedBytes() {
        return Objects.requireNonNull(budget, "nothing was open").usedBytes();
    }

    /** Starts a process and opens; the options are small ones, changed by {@code change}. */
    void open(Path directory, UnaryOperator<Options.Builder> change) {
        open(directory, 8L << 20, change);
    }

    void open(Path directory, long budgetBytes, UnaryOperator<Options.Builder> change) {
        Options options = start(budgetBytes, change);
        task("open", () -> db = BeachDB.open(directory, options));
    }

    /** Starts a process. */
    private Options start(long budgetBytes, UnaryOperator<Options.Builder> change) {
        free();
        SimulatedVfs process = disk.start("engine");
        MemoryBudget memory = shared == null ? MemoryBudget.ofBytes(budgetBytes) : shared;
        vfs = process;
        budget = memory;
        db = null;
        return change.apply(smallOptions(memory, files.apply(process), scheduler, seed))
                .build();
    }

    /** What came of an opening: a database or a refusal. */
    interface Opening {
        void ended(@Nullable BeachDB db, @Nullable BeachException refusal);
    }

    /** As {@link #open(Path, UnaryOperator)}, where the opening may be refused. */
    void tryOpen(Path directory, UnaryOperator<Options.Builder> change, Opening opening) {
        Options options = start(8L << 20, change);
        task("open", () -> {
            BeachException refusal = null;
            try {
                db = BeachDB.open(directory, options);
            } catch (BeachException e) {
                refusal = e;
            }
            opening.ended(db, refusal);
        });
    }

    /** Returns whether there is a database to make steps on. */
    boolean isOpen() {
        return db != null && vfs != null && vfs.isAlive();
    }

    /** A step has closed the database. */
    void closed() {
        db = null;
    }

    /** What came of a destruction: whether there was something to delete, or a refusal. */
    interface Destruction {
        void ended(boolean deleted, @Nullable BeachException refusal);
    }

    /** Destroys the database, which is closed. */
    void tryDestroy(Path directory, Destruction destruction) {
        Options options = start(8L << 20, builder -> builder);
        task("destroy", () -> {
            boolean deleted = false;
            BeachException refusal = null;
            try {
                deleted = BeachDB.destroy(directory, options);
            } catch (BeachException e) {
                refusal = e;
            }
            destruction.ended(deleted, refusal);
        });
    }

    /** Options under which little is enough for everything to happen, and nothing is compacted that nobody asked for. */
    static Options.Builder smallOptions(MemoryBudget memory, Vfs process, SimulatedScheduler scheduler, long seed) {
        return Options.builder()
                .memoryBudget(memory)
                .writeBufferBytes(64 << 10)
                .level0CompactionTables(32)
                .level0StopTables(64)
                .baseLevelBytes(1 << 20)
                .seams(new Seams(process, scheduler, new SimulatedRandom(seed)));
    }

    /** Does something to the database, as a client, and lets everything come to rest. */
    void step(Consumer<BeachDB> action) {
        BeachDB opened = db();
        task("client", () -> action.accept(opened));
    }

    /** Starts a client without letting it run yet; the next step does. */
    void begin(String name, Consumer<BeachDB> action) {
        BeachDB opened = db();
        scheduler.spawn(Objects.requireNonNull(vfs).process(), name, () -> action.accept(opened));
    }

    /** Lets time pass, and timers fire that are due. */
    void pass(long nanos) {
        task("time", () -> pause(nanos));
    }

    /** As {@link #pass}, within a step. */
    void pause(long nanos) {
        scheduler.await(never, () -> false, nanos);
    }

    private void task(String name, Runnable body) {
        scheduler.spawn(Objects.requireNonNull(vfs).process(), name, body);
        scheduler.run();
    }

    /** Kills the process: what it handed over is kept by the machine. */
    void kill() {
        SimulatedVfs process = Objects.requireNonNull(vfs);
        process.kill();
        scheduler.crash(process.process()); // a disk that knows no scheduler leaves its timers
    }

    void cutPower(CutPolicy policy) {
        disk.cutPower(policy);
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        if (vfs != null && vfs.isAlive()) {
            vfs.kill(); // or its lock would be remembered, and the whole disk with it
        }
        scheduler.close();
        if (schedulesDisk) {
            disk.setScheduler(null);
        }
        free();
    }

    /** The pool, not the budget: what a process that was killed had charged stays charged. */
    private void free() {
        if (budget != null && shared == null) {
            budget.pool().close();
        }
    }
}
