package io.beachdb.testkit;

import io.beachdb.durability.DirectoryLock;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.DiskModel.DirectoryNode;
import io.beachdb.testkit.DiskModel.FileNode;
import io.beachdb.testkit.DiskModel.Node;
import io.beachdb.testkit.DiskOperation.Kind;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A disk in memory that forgets what was not synced. The processes of one simulated machine share it, each through a
 * {@link SimulatedVfs} of its own.
 *
 * <p>After {@link #cutPower} there is what was synced and, of the rest, what a {@link CutPolicy} chooses among all that a
 * POSIX system is free to keep: a sync of a file saves no name; bytes, sizes, creations, renames and deletions that
 * nobody synced may or may not have happened. After {@link SimulatedVfs#kill} all is kept, and still pending.
 *
 * <p>It is a race detector too: at each {@link SimulatedVfs#relyOn} it checks that what is counted on is on disk at that
 * moment, and throws a {@link DurabilityViolation} if not, without any cut.
 *
 * <p>Each operation is numbered, recorded, may be made to fail, and is a point at which the power may be cut and, with a
 * {@link SimulatedScheduler}, another task may go on. Safe for many threads.
 */
public final class SimulatedDisk {
    private static final int TRACE_OPERATIONS = 100_000;

    /** What an operation does, once it is its turn. Called with the disk locked. */
    interface Action<T> {
        T run() throws IOException;

        /** Does nothing, and says it was done. */
        default T ignore() {
            throw new IllegalArgumentException("only a sync can be ignored");
        }

        /** Loses what it was to save, says it was done, and lets the next one of its kind fail with {@code message}. */
        default T failLater(String message) {
            throw new IllegalArgumentException("only a sync can fail one later");
        }

        /** Does what a failing operation leaves behind. */
        default void runFailed(DiskModel.Saved saved) throws IOException {
            if (saved == DiskModel.Saved.ALL) {
                run();
            }
        }
    }

    /** The result of an operation that has none. */
    enum Done {
        DONE
    }

    /** A fault and what is left of it. */
    private static final class Armed {
        private final Fault fault;
        private long toSkip;
        private boolean spent;

        Armed(Fault fault) {
            this.fault = fault;
            this.toSkip = fault.skip;
        }

        boolean strikes(DiskOperation operation) {
            if (spent || !fault.on.test(operation) || toSkip-- > 0) {
                return false;
            }
            spent = !fault.sticky;
            return true;
        }
    }

    /** How often operations take long, and how long at most. */
    private record Stalls(SimulatedRandom random, int oneIn, long maxNanos) {}

    /** Who holds a lock on a file. */
    private record Held(SimulatedVfs by, boolean shared) {}

    private volatile @Nullable SimulatedScheduler scheduler;
    // Guarded by this.
    private final DiskModel model;
    private final List<SimulatedVfs> processes = new ArrayList<>();
    private final Map<FileNode, List<Held>> locks = new HashMap<>();
    private final List<Armed> faults = new ArrayList<>();
    private final List<Consumer<DiskOperation>> listeners = new ArrayList<>();
    private final ArrayDeque<DiskOperation> trace = new ArrayDeque<>();
    private final List<DurabilityViolation> violations = new ArrayList<>();
    private long traceHash;
    private long operations;
    private long cutPoints;
    private long cutAt;
    private boolean powerOff;
    private long capacityBytes = Long.MAX_VALUE;
    private long usedBytes;
    private boolean readOnly;
    private boolean links = true;
    private boolean checksReliance = true;
    private boolean openFilesHeld = HeldFiles.AT_FIRST;
    private int interruptSafeBytes = 64 << 10;
    private volatile @Nullable Stalls stalls;
    private long reliances;

    /** Makes an empty disk for ordinary threads. */
    public SimulatedDisk() {
        this(new DiskModel(false), null);
    }

    /** Makes an empty disk each operation of which is a point where {@code scheduler} may let another task go on. */
    public SimulatedDisk(SimulatedScheduler scheduler) {
        this(new DiskModel(false), scheduler);
    }

    /** Makes each operation from now on a point where {@code scheduler} may let another task go on; null: no more. */
    public void setScheduler(@Nullable SimulatedScheduler scheduler) {
        this.scheduler = scheduler;
    }

    private SimulatedDisk(DiskModel model, @Nullable SimulatedScheduler scheduler) {
        this.model = model;
        this.scheduler = scheduler;
    }

    // ---- processes

    /** Starts a process: what it does to files it does through the result. */
    public synchronized SimulatedVfs start(String processName) {
        if (powerOff) {
            throw new IllegalStateException("the power is off; cutPower(policy) decides what survives and turns it on");
        }
        SimulatedVfs process = new SimulatedVfs(this, new SimulatedProcess(processName));
        processes.add(process);
        return process;
    }

    void kill(SimulatedVfs process) {
        end(process, new ProcessKilled(process.process() + " was killed"));
        SimulatedScheduler scheduled = scheduler;
        if (scheduled != null) {
            scheduled.crash(process.process());
        }
    }

    private synchronized void end(SimulatedVfs process, SimulatedEnd end) {
        if (!process.end(end)) {
            return;
        }
        processes.remove(process);
        DirectoryLock.forget(process);
        locks.values().forEach(held -> held.removeIf(h -> h.by == process));
        process.takeOpenFiles().forEach(this::letGo);
    }

    /** Turns the power off before the operation that is the {@code number}-th cut point, from 1: it does not happen. */
    public synchronized void cutAt(long number) {
        cutAt = number;
    }

    /** Turns the power off: every process ends at its next operation. */
    public void powerOff() {
        List<SimulatedVfs> ended;
        synchronized (this) {
            ended = powerOff("the power was cut");
        }
        SimulatedScheduler scheduled = scheduler;
        if (scheduled != null) {
            ended.forEach(process -> scheduled.crash(process.process()));
        }
    }

    private List<SimulatedVfs> powerOff(String how) {
        powerOff = true;
        List<SimulatedVfs> ended = List.copyOf(processes);
        ended.forEach(process -> end(process, new PowerCut(how)));
        return ended;
    }

    /** Returns whether the power is off, by {@link #cutAt} or {@link #powerOff}. */
    public synchronized boolean isPowerOff() {
        return powerOff;
    }

    /**
     * Cuts the power, if it is not off already, loses what {@code policy} does not keep, and turns it on again. Every
     * process has ended; start new ones.
     *
     * @return what was kept and lost, for messages
     */
    public CutDecision cutPower(CutPolicy policy) {
        powerOff();
        synchronized (this) {
            CutDecision decision = model.pending();
            policy.decide(decision);
            model.cut(decision);
            recountSpace(); // no process is left that has files open
            locks.clear();
            cutAt = 0;
            powerOff = false;
            return decision;
        }
    }

    /**
     * Returns a second disk in the same state, settings and violations so far included, without processes, faults, listeners and
     * scheduler: for trying another way on from here. Bytes are shared until written.
     */
    public synchronized SimulatedDisk copy() {
        SimulatedDisk copy = new SimulatedDisk(model.copy(), null);
        copy.capacityBytes = capacityBytes;
        copy.usedBytes = usedBytes;
        copy.readOnly = readOnly;
        copy.checksReliance = checksReliance;
        copy.openFilesHeld = openFilesHeld;
        copy.links = links;
        copy.interruptSafeBytes = interruptSafeBytes;
        copy.violations.addAll(violations);
        return copy;
    }

    // ---- the machine

    /** Makes directories that were there, and on disk, before everything. */
    public synchronized SimulatedDisk makeDirectories(Path path) {
        Path at = path.getRoot();
        for (Path name : path) {
            at = at == null ? name : at.resolve(name);
            if (model.find(at) == null) {
                model.setDurable(directoryOf(at), name.toString(), model.newDirectory());
            }
        }
        return this;
    }

    /** Puts a file with these bytes in place, on disk, as if from outside; its directory exists. */
    public synchronized void install(Path path, byte[] bytes) {
        DirectoryNode directory = directoryOf(path);
        FileNode file;
        if (model.find(path) instanceof FileNode present) {
            file = present;
            usedBytes -= blocks(file.live.size());
        } else {
            file = model.newFile(path);
            model.setDurable(directory, DiskModel.lastName(path), file);
        }
        file.live.truncate(0);
        file.live.write(0, bytes, 0, bytes.length);
        model.setDurable(file, bytes.length);
        usedBytes += blocks(bytes.length);
    }

    /** Returns the bytes of a file as they are now. */
    public synchronized byte[] bytes(Path path) {
        if (!(model.find(path) instanceof FileNode file)) {
            throw new IllegalArgumentException("there is no file " + path);
        }
        int length = Math.toIntExact(file.live.size());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Math.max(1, length));
            file.live.read(0, bytes, 0, length);
            return bytes.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /** Returns the names in a directory as they are now, sorted; none if there is no such directory. */
    public synchronized List<String> names(Path path) {
        return model.find(path) instanceof DirectoryNode directory ? List.copyOf(directory.live.keySet()) : List.of();
    }

    /** Returns whether a path leads to something now. */
    public synchronized boolean exists(Path path) {
        return model.find(path) != null;
    }

    private DirectoryNode directoryOf(Path path) {
        if (path.getNameCount() > 0 && model.find(path.getParent()) instanceof DirectoryNode directory) {
            return directory;
        }
        throw new IllegalArgumentException("there is no directory for " + path);
    }

    /** Sets how many bytes files may take, in blocks of 4 KiB. Less than is used now: no file can grow. */
    public synchronized void setCapacity(long bytes) {
        capacityBytes = bytes;
    }

    /** Returns how many bytes files take, in blocks of 4 KiB, deleted ones that are still open included. */
    public synchronized long usedBytes() {
        return usedBytes;
    }

    /** Sets whether a file may have second names, as it may at first; else each link fails, as one between file systems does. */
    public synchronized void setLinks(boolean allowed) {
        links = allowed;
    }

    boolean links() {
        return links;
    }

    /**
     * Sets whether a file that a process has open, mapped or locked can be neither renamed, replaced nor deleted, and a mapped one
     * not be cut, as on Windows; each fails with the error that Windows gives. On a POSIX system all of it goes, and so it does at
     * first; with the system property {@code beach.openFilesHeld} it does not, for whole suites of tests.
     */
    public synchronized void setOpenFilesHeld(boolean held) {
        openFilesHeld = held;
    }

    boolean openFilesHeld() {
        return openFilesHeld;
    }

    /** Makes every change of names and bytes fail, or not any more. */
    public synchronized void setReadOnly(boolean refuses) {
        readOnly = refuses;
    }

    /**
     * Sets what files say of {@link io.beachdb.durability.VfsFile#interruptSafeBytes}: as on Linux, 64 KiB, at first; with
     * {@code false} nothing is safe, as on other systems.
     */
    public synchronized void setInterruptSafe(boolean safe) {
        interruptSafeBytes = safe ? 64 << 10 : 0;
    }

    /**
     * Makes a sync of a file save its names too, and those of the directories above it, as journalling file systems do; at first it
     * saves none. A mistake that shows here shows on most machines; one that does not, on some.
     */
    public synchronized void setJournalling(boolean journalling) {
        model.journalling = journalling;
    }

    synchronized int interruptSafeBytes() {
        return interruptSafeBytes;
    }

    /**
     * Says that no directory can be synced, as on Windows. The names in them are on disk when a cut so chooses, and
     * {@link SimulatedVfs#relyOn} looks at bytes only.
     */
    public synchronized void refuseDirectorySyncs() {
        model.refuseDirectorySyncs();
    }

    /** Says that this one directory cannot be synced, as one that may not be opened. */
    public synchronized void refuseDirectorySyncs(Path path) {
        if (!(model.find(path) instanceof DirectoryNode directory)) {
            throw new IllegalArgumentException("there is no directory " + path);
        }
        directory.syncable = false;
    }

    // ---- faults

    /** Makes operations fail. Of several that match, the first given strikes. */
    public synchronized void inject(Fault fault) {
        faults.add(new Armed(fault));
    }

    public synchronized void clearFaults() {
        faults.clear();
    }

    /** Makes one in {@code oneIn} operations take up to {@code maxNanos} of simulated time, in which others go on. */
    public synchronized void setStalls(SimulatedRandom random, int oneIn, long maxNanos) {
        stalls = new Stalls(random, oneIn, maxNanos);
    }

    public synchronized void clearStalls() {
        stalls = null;
    }

    private long drawStall() {
        Stalls drawn = stalls;
        return drawn == null || drawn.random.nextInt(drawn.oneIn) > 0 ? 0 : drawn.random.between(1, drawn.maxNanos);
    }

    // ---- what happened

    /**
     * Calls {@code listener} right before each operation takes effect, with the disk locked. It may {@link #copy} the disk,
     * end processes and turn the power off, not use files.
     */
    public synchronized void onOperation(Consumer<DiskOperation> listener) {
        listeners.add(listener);
    }

    /** Returns the number of operations so far. */
    public synchronized long operations() {
        return operations;
    }

    /** Returns the number of operations so far that were cut points: those that write or sync. */
    public synchronized long cutPoints() {
        return cutPoints;
    }

    /** Returns the last operations, {@value #TRACE_OPERATIONS} at most. */
    public synchronized List<DiskOperation> trace() {
        return List.copyOf(trace);
    }

    /** Returns a number that is equal for equal histories of operations. */
    public synchronized long traceHash() {
        return traceHash;
    }

    /** Returns a number that is equal for equal trees of names and bytes, as they are now. */
    public synchronized long fingerprint() {
        return model.fingerprint();
    }

    /** Returns how many changes are not on disk yet. */
    public synchronized int pendingChanges() {
        return model.pending().events().size();
    }

    /** Returns how many of the changes that are not on disk yet are changes of names. */
    public synchronized int pendingNames() {
        return (int) model.pending().events().stream()
                .filter(CutDecision.Event::isName)
                .count();
    }

    /** Returns of each change that is not on disk yet, in order, whether it is one of names. */
    synchronized List<Boolean> pendingAreNames() {
        return model.pending().events().stream().map(CutDecision.Event::isName).toList();
    }

    /** Returns all files and directories by path, with the sizes of files, as they are now. */
    public synchronized List<String> tree() {
        return model.tree();
    }

    /** Returns what is not on disk yet, one change each, in order. */
    public synchronized List<String> pending() {
        return model.pending().events().stream().map(Object::toString).toList();
    }

    // ---- reliance

    /**
     * Switches off or on the checks of {@link SimulatedVfs#relyOn} and of renames over other files, which count on the new
     * bytes. They are on at first.
     */
    public synchronized void checkReliance(boolean on) {
        checksReliance = on;
    }

    /** Returns how often something was counted on, and checked. */
    public synchronized long reliances() {
        return reliances;
    }

    /** Returns the violations so far, also those whose error somebody caught. */
    public synchronized List<DurabilityViolation> violations() {
        return List.copyOf(violations);
    }

    synchronized void relyOn(SimulatedVfs process, Path path, long bytes, String what, @Nullable SyncSite site) {
        process.checkAlive();
        if (checksReliance) {
            reliances++;
            throwIfFound(Reliance.check(model, path, bytes, what, site));
        }
    }

    synchronized void relyOnAbsence(SimulatedVfs process, Path path, String what, @Nullable SyncSite site) {
        process.checkAlive();
        if (checksReliance) {
            reliances++;
            throwIfFound(Reliance.checkAbsence(model, path, what, site));
        }
    }

    /** Called with the disk locked. */
    void relyOnRename(Node node, @Nullable Node replaced, Path from, Path to) {
        if (checksReliance) {
            throwIfFound(Reliance.checkRename(node, replaced, from, to));
        }
    }

    private void throwIfFound(@Nullable DurabilityViolation violation) {
        if (violation == null) {
            return;
        }
        violations.add(violation);
        SimulatedScheduler scheduled = scheduler;
        if (scheduled != null) {
            scheduled.fail(violation); // the run fails, whoever may catch it
        }
        throw violation;
    }

    // ---- operations

    /** Does one operation: a point of the scheduler, a cut, a fault, and its effect. */
    <T> T perform(SimulatedVfs process, Kind kind, Path path, Action<T> action) throws IOException {
        return perform(process, kind, path, null, 0, 0, null, action);
    }

    <T> T perform(
            SimulatedVfs process,
            Kind kind,
            Path path,
            @Nullable Path other,
            long offset,
            long length,
            @Nullable SyncSite site,
            Action<T> action)
            throws IOException {
        process.checkAlive();
        reach(kind.point);
        stall();
        List<SimulatedVfs> ended = List.of();
        try {
            T result;
            synchronized (this) {
                process.checkAlive();
                DiskOperation operation = new DiskOperation(
                        ++operations, process.process().name(), kind, path, other, offset, length, site);
                if (kind.isCutPoint() && ++cutPoints == cutAt) {
                    ended = powerOff("the power was cut before operation " + operation);
                    process.checkAlive();
                }
                record(operation);
                listeners.forEach(listener -> listener.accept(operation));
                process.checkAlive();
                result = performNow(operation, action);
            }
            if (kind.isCutPoint()) {
                reach(kind.pointAfter);
            }
            return result;
        } finally {
            SimulatedScheduler scheduled = scheduler;
            if (scheduled != null) {
                ended.forEach(e -> scheduled.crash(e.process()));
            }
        }
    }

    private void record(DiskOperation operation) {
        traceHash = SimulatedRandom.mix(traceHash ^ operation.fingerprint());
        if (trace.size() == TRACE_OPERATIONS) {
            trace.removeFirst();
        }
        trace.addLast(operation);
    }

    private <T> T performNow(DiskOperation operation, Action<T> action) throws IOException {
        Kind kind = operation.kind();
        if (readOnly && (kind.writes() || kind == Kind.OPEN_FOR_WRITE)) {
            throw new FileSystemException(operation.path().toString(), null, "Read-only file system");
        }
        for (Armed armed : faults) {
            if (armed.strikes(operation)) {
                if (armed.fault.effect == Fault.Effect.IGNORED) {
                    return action.ignore();
                }
                if (armed.fault.effect == Fault.Effect.FAILS_ONE_LATER) {
                    return action.failLater(armed.fault.message);
                }
                action.runFailed(
                        switch (armed.fault.effect) {
                            case FAILS, FAILS_ONE_LATER, IGNORED -> DiskModel.Saved.NOTHING;
                            case FAILS_AND_REVERTS -> DiskModel.Saved.REVERTED;
                            case FAILS_HALFWAY -> DiskModel.Saved.HALF;
                            case FAILS_BUT_HAPPENED -> DiskModel.Saved.ALL;
                        });
                throw new FileSystemException(operation.path().toString(), null, armed.fault.message);
            }
        }
        return action.run();
    }

    private void reach(String point) {
        SimulatedScheduler scheduled = scheduler;
        if (scheduled != null) {
            scheduled.reach(point);
        }
    }

    private void stall() {
        SimulatedScheduler scheduled = scheduler;
        if (scheduled != null && stalls != null) {
            long nanos = drawStall();
            if (nanos > 0) {
                scheduled.sleep(nanos);
            }
        }
    }

    DiskModel model() {
        return model;
    }

    // ---- space; called with the disk locked

    private static long blocks(long size) {
        return (size + SparseBytes.PAGE_BYTES - 1) / SparseBytes.PAGE_BYTES * SparseBytes.PAGE_BYTES;
    }

    /** Returns up to which size the file can grow, at most {@code wanted}. */
    long room(FileNode file, long wanted) {
        long free = Math.max(0, capacityBytes - usedBytes);
        long reach = blocks(file.live.size());
        return wanted - reach <= free ? wanted : reach + free / SparseBytes.PAGE_BYTES * SparseBytes.PAGE_BYTES;
    }

    /** Takes note that the file's size was {@code before}. */
    void resized(FileNode file, long before) {
        usedBytes += blocks(file.live.size()) - blocks(before);
    }

    /** Takes note that names and sizes may have changed anywhere. */
    void recountSpace() {
        Set<FileNode> files = new HashSet<>();
        model.forEachFile(files::add);
        processes.forEach(process -> files.addAll(process.openFiles()));
        usedBytes = 0;
        files.forEach(file -> usedBytes += blocks(file.live.size()));
    }

    /** Takes note that a name or handle of the file is gone. */
    void dropIfGone(@Nullable Node node) {
        if (node instanceof FileNode file && file.links == 0 && file.open == 0) {
            usedBytes -= blocks(file.live.size());
        }
    }

    private void letGo(FileNode file) {
        file.open--;
        dropIfGone(file);
    }

    /** Closes a handle; with any handle of a file go the locks that the process has on it, as POSIX has it. */
    void closed(SimulatedVfs process, FileNode file) {
        List<Held> held = locks.get(file);
        if (held != null) {
            held.removeIf(h -> h.by == process);
        }
        letGo(file);
    }

    boolean lock(SimulatedVfs process, FileNode file, boolean shared) {
        List<Held> held = locks.computeIfAbsent(file, f -> new ArrayList<>());
        for (Held other : held) {
            if (other.by == process || !(shared && other.shared)) {
                return false;
            }
        }
        held.add(new Held(process, shared));
        return true;
    }
}
