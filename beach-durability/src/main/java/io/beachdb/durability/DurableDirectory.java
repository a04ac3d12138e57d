package io.beachdb.durability;

import io.beachdb.base.Clock;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.DatabaseNotFoundException;
import io.beachdb.base.Mutex;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.durability.DurabilityEvent.Kind;
import io.beachdb.durability.Vfs.PathKind;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The only way to change a directory. It records every event in the directory, knows which are not yet on disk, and syncs
 * the directory once for all of them, at the last moment at which that is still correct. Its receipts
 * ({@link DurableFile}, {@link DurableLog}, {@link SyncedTo}, {@link DurableEdit}, {@link DurableSwitch},
 * {@link RecoveredState}) are minted only by the return of the system call; the calls that need something on disk take the
 * receipt of it. So the forgotten sync, the rename before the sync and the delete before the edit do not compile.
 *
 * <p>Call the changing methods on threads that nobody interrupts. Any number of threads. Errors are
 * {@link StorageException}. Why each sync is where it is: {@code docs/durability.md}.
 */
public final class DurableDirectory implements AutoCloseable {
    /*
     * D1  An event has a number, given after its system call returned. A sync makes durable the events numbered before it
     *     started, no others: who needs a later one syncs again.
     * D2  One directory sync at a time; who waited for it looks first whether it covered him.
     * D3  A failed directory sync is for good: which of the pending events are on disk is unknown from then on, and a later
     *     success would not tell.
     * D4  The handle that syncs is opened before the first change and closed after the last receipt.
     * D5  A file gets its final name last where its content decides what it is: a log is written under a temporary name,
     *     so a log with a bad header is damage, never a crash.
     * D6  No file is open here, or mapped, while its name goes or changes: not every system allows it (Windows). What somebody
     *     else has open is told; a deletion is tried again with the next one, and at the close.
     */

    /** How to open. */
    public enum Mode {
        /** Make the directory and its missing parents, each synced into its parent. */
        CREATE,
        /** The directory must exist. */
        EXISTING,
        /** The directory must exist, and nothing is created, changed, deleted or synced. */
        READ_ONLY
    }

    private static final long MAX_COPIED_BYTES = 1 << 30; // at once
    private static final String ORPHAN_HINT = "It is an orphan now; the next open deletes it.";
    private static final String DESTROY_HINT = "What is left can be destroyed again.";
    private static final String POISONED_HINT = "Which names are on disk is unknown; close the database and reopen it.";

    // Set once.
    private final Vfs vfs;
    private final Path path;
    private final @Nullable VfsDirectory handle; // null: read-only, or not syncable
    private final Syncability syncability;
    private final boolean readOnly;
    private final DurabilityListener listener;
    private final Clock clock;
    private final Mutex syncing;
    private final AtomicLong lastEvent = new AtomicLong();
    private final AtomicLongArray fileSyncs = new AtomicLongArray(SyncSite.values().length);
    private final AtomicLongArray directorySyncs = new AtomicLongArray(SyncSite.values().length);
    private final AtomicLongArray events = new AtomicLongArray(Kind.values().length);
    // Guarded by itself, never across a file operation.
    private final Set<String> undeleted = new LinkedHashSet<>(); // D6
    // Written by the holder of syncing.
    private volatile long syncedEvent;
    private volatile @Nullable StorageException poison;
    private volatile Consumer<StorageException> whenFailed = failure -> {};
    private volatile @Nullable DurableSwitch latestSwitch;
    private volatile boolean closed;

    private DurableDirectory(
            Vfs vfs, Path path, Mode mode, Opened opened, Scheduler scheduler, DurabilityListener listener) {
        this.vfs = vfs;
        this.path = path;
        this.readOnly = mode == Mode.READ_ONLY;
        this.handle = opened.handle;
        this.syncability = opened.syncability;
        this.listener = listener;
        this.clock = scheduler.clock();
        this.syncing = new Mutex(scheduler, "directory-sync");
    }

    private record Opened(@Nullable VfsDirectory handle, Syncability syncability) {}

    /** One directory sync that {@link #open} did, told to the listener once there is one to count it. */
    private record EarlySync(Path directory, SyncSite site, long nanos) {}

    /** The directory syncs of {@link #open} so far. */
    private record EarlySyncs(Clock clock, List<EarlySync> done) {
        void sync(VfsDirectory opened, Path directory, SyncSite site) throws IOException {
            long start = clock.nanoTime();
            opened.sync(site);
            done.add(new EarlySync(directory, site, clock.nanoTime() - start));
        }
    }

    /** Directories that {@link #make} made, and what their syncs came to: an {@link #open} that follows counts them as its own. */
    public static final class Made {
        private final List<Path> directories = new ArrayList<>();
        private final EarlySyncs syncs;
        private Syncability syncability = new Syncability.Syncable();

        private Made(Scheduler scheduler) {
            this.syncs = new EarlySyncs(scheduler.clock(), new ArrayList<>());
        }

        /** Returns that no directory was made. */
        public static Made nothing(Scheduler scheduler) {
            return new Made(scheduler);
        }
    }

    /**
     * Makes a directory and its missing parents, each synced into its parent; does nothing if it is there. For who must have
     * the directory before it may open it: its lock is a file in it.
     *
     * @throws StorageException if it cannot be made, or a sync fails
     */
    public static Made make(Vfs vfs, Path path, Scheduler scheduler) {
        Made made = Made.nothing(scheduler);
        try {
            Path resolved = vfs.resolve(path);
            if (vfs.kind(resolved) == PathKind.ABSENT) {
                makeDirectories(vfs, resolved, made);
            }
            return made;
        } catch (IOException e) {
            throw Failures.storage("making the directory", path, e, "No file in it was changed.");
        }
    }

    /**
     * Opens a directory. Unless read-only, the directory, its parent and its grandparent are synced first, whether new or
     * not: that a name exists does not mean it is on disk, since whoever made it may have died before its sync.
     *
     * @throws DatabaseNotFoundException if it does not exist and {@code mode} is not {@link Mode#CREATE}
     * @throws StorageException if it is a file, cannot be made, or a sync fails
     */
    public static DurableDirectory open(
            Vfs vfs, Path path, Mode mode, Scheduler scheduler, DurabilityListener listener) {
        return open(vfs, path, mode, Made.nothing(scheduler), scheduler, listener);
    }

    /** As {@link #open(Vfs, Path, Mode, Scheduler, DurabilityListener)}, after {@link #make} of the same path. */
    public static DurableDirectory open(
            Vfs vfs, Path path, Mode mode, Made made, Scheduler scheduler, DurabilityListener listener) {
        try {
            Path resolved = vfs.resolve(path);
            PathKind kind = vfs.kind(resolved);
            if (kind == PathKind.FILE || kind == PathKind.OTHER) {
                throw new StorageException(
                        path + " is a file, a database needs a directory. Nothing was changed.", null);
            }
            if (kind == PathKind.ABSENT && mode != Mode.CREATE) {
                throw new DatabaseNotFoundException(path + " does not exist. Nothing was changed.");
            }
            Opened opened;
            if (mode == Mode.READ_ONLY) {
                opened = new Opened(null, new Syncability.Syncable());
            } else {
                if (kind == PathKind.ABSENT) {
                    makeDirectories(vfs, resolved, made);
                }
                opened = openAndSync(vfs, resolved, made.syncability, made.syncs);
            }
            boolean done = false;
            try {
                DurableDirectory directory = new DurableDirectory(vfs, resolved, mode, opened, scheduler, listener);
                directory.tellOf(made);
                done = true;
                return directory;
            } finally {
                if (!done && opened.handle != null) {
                    opened.handle.close();
                }
            }
        } catch (IOException e) {
            throw Failures.storage("opening the directory", path, e, "No file in it was changed.");
        }
    }

    private void tellOf(Made made) {
        made.directories.forEach(m -> tell(Kind.MAKE_DIRECTORY, m.toString(), null, 0));
        made.syncs.done.forEach(s -> {
            directorySyncs.incrementAndGet(s.site.ordinal());
            tell(Kind.SYNC_DIRECTORY, s.directory.toString(), s.site, s.nanos);
        });
    }

    /**
     * Makes the missing directories from the top, each synced into its parent before the next. So at most the lowest that is
     * there may not be on disk, left by somebody who died before its sync: its name is synced first.
     */
    private static void makeDirectories(Vfs vfs, Path path, Made made) throws IOException {
        Deque<Path> missing = new ArrayDeque<>();
        Path there = path;
        while (there != null && vfs.kind(there) == PathKind.ABSENT) {
            missing.push(there);
            there = there.getParent();
        }
        if (there != null) {
            syncParent(vfs, there, made);
        }
        for (Path directory : missing) {
            try {
                vfs.makeDirectory(directory);
                made.directories.add(directory);
            } catch (FileAlreadyExistsException e) {
                // Made by another process since we looked, and maybe not synced yet: as if it were ours. If it is no
                // directory, the next step says so.
                syncParent(vfs, directory, made);
                continue;
            }
            try {
                syncParent(vfs, directory, made);
            } catch (IOException e) {
                takeBack(vfs, directory, e);
                throw e;
            }
        }
    }

    /** Removes a directory whose name will never surely be on disk: a later opening would find it, and sync it in vain. */
    private static void takeBack(Vfs vfs, Path directory, IOException syncFailure) {
        try {
            vfs.delete(directory);
        } catch (IOException e) {
            syncFailure.addSuppressed(e);
        }
    }

    private static void syncParent(Vfs vfs, Path directory, Made made) throws IOException {
        Path parent = directory.getParent();
        if (parent != null) {
            try {
                syncOnce(vfs, parent, SyncSite.DIRECTORY_CREATE, made.syncs);
            } catch (NotSyncableException e) {
                made.syncability = new Syncability.NotSyncable(e.reason());
            }
        }
    }

    private static void syncOnce(Vfs vfs, Path directory, SyncSite site, EarlySyncs syncs) throws IOException {
        try (VfsDirectory opened = vfs.openDirectory(directory)) {
            syncs.sync(opened, directory, site);
        }
    }

    private static Opened openAndSync(Vfs vfs, Path path, Syncability ancestors, EarlySyncs syncs) throws IOException {
        Path parent = path.getParent();
        Path grandparent = parent == null ? null : parent.getParent();
        Syncability outcome = ancestors;
        for (Path ancestor : new Path[] {grandparent, parent}) {
            if (ancestor != null) {
                try {
                    syncOnce(vfs, ancestor, SyncSite.OPEN, syncs);
                } catch (NotSyncableException e) {
                    outcome = new Syncability.NotSyncable(e.reason());
                }
            }
        }
        VfsDirectory handle;
        try {
            handle = vfs.openDirectory(path);
        } catch (NotSyncableException e) {
            return new Opened(null, new Syncability.NotSyncable(e.reason()));
        }
        try {
            syncs.sync(handle, path, SyncSite.OPEN);
            return new Opened(handle, outcome);
        } catch (IOException e) {
            handle.close();
            throw e;
        }
    }

    /** Returns the directory's path, absolute, links resolved. */
    public Path path() {
        return path;
    }

    /** Returns where a file of this name is, or would be; for messages. */
    public String pathOf(String name) {
        return path.resolve(name).toString();
    }

    /** Returns whether names in the directory, and its own name, can be made durable. */
    public Syncability syncability() {
        return syncability;
    }

    /** Returns the plain names in the directory, sorted. */
    public List<String> list() {
        try {
            return vfs.list(path);
        } catch (IOException e) {
            throw Failures.storage("listing", path, e, "Nothing was changed.");
        }
    }

    /** Returns whether a file of this name exists (which does not mean that its name is on disk). */
    public boolean exists(String name) {
        try {
            return vfs.kind(path.resolve(name)) == PathKind.FILE;
        } catch (IOException e) {
            throw Failures.storage("looking for", pathOf(name), e, "Nothing was changed.");
        }
    }

    /** Opens a file for reading; the caller closes it. */
    public ReadableFile open(String name) {
        try {
            return new ReadableFile(path.resolve(name), vfs.openForRead(path.resolve(name)));
        } catch (IOException e) {
            throw Failures.storage("opening", pathOf(name), e, "Nothing was changed.");
        }
    }

    /** Makes a new file. Its name must be free. */
    public PendingFile create(String name) {
        checkWritable();
        try {
            VfsFile file = vfs.create(path.resolve(name));
            return new PendingFile(this, name, file, happened(Kind.CREATE, name));
        } catch (IOException e) {
            throw Failures.storage("creating", pathOf(name), e, "Nothing was changed.");
        }
    }

    /** Makes one file durable. */
    public DurableFile commit(PendingFile file, SyncSite site) {
        return commit(List.of(file), site).getFirst();
    }

    /**
     * Syncs the data of each file, then the directory once for all of them. After a failure none is durable: abandon them,
     * write them again under new names.
     */
    public List<DurableFile> commit(Collection<PendingFile> files, SyncSite site) {
        checkWritable();
        long lastNeeded = 0;
        for (PendingFile pending : files) {
            pending.checkIn(this);
            pending.checkPending();
            finish(pending, site);
            lastNeeded = Math.max(lastNeeded, pending.event());
        }
        syncThrough(lastNeeded, site);
        List<DurableFile> durable = new ArrayList<>(files.size());
        for (PendingFile pending : files) {
            pending.committed();
            vfs.relyOn(path.resolve(pending.name()), pending.position(), "receipt of a file", site);
            durable.add(new DurableFile(this, pending.name(), pending.position()));
        }
        return durable;
    }

    /** Syncs a file's data and closes it, unless that was done. */
    private void finish(PendingFile pending, SyncSite site) {
        if (pending.isClosed()) {
            return;
        }
        try {
            syncFile(pending.file(), pending.name(), true, site);
        } catch (IOException e) {
            throw Failures.storage("syncing", pathOf(pending.name()), e, "The file is dropped.");
        }
        try {
            pending.close();
        } catch (IOException e) {
            throw Failures.storage("closing", pathOf(pending.name()), e, "The file is dropped.");
        }
    }

    /**
     * Gives files of another directory, which are on disk and never change, second names here, with one directory sync for all.
     * What the system cannot link (it is on another file system, say) is copied.
     *
     * @param sizes the files' sizes by their names, which must be free here
     * @param buffer memory to copy by
     * @param mayGoOn asked often; throws what is to end it all
     * @return receipts in the order of {@code sizes}
     */
    public List<DurableFile> link(
            DurableDirectory from,
            SequencedMap<String, Long> sizes,
            MemorySegment buffer,
            Runnable mayGoOn,
            SyncSite site) {
        checkWritable();
        Map<String, PendingFile> copies = new HashMap<>();
        boolean done = false;
        try {
            long lastNeeded = 0;
            for (Map.Entry<String, Long> file : sizes.entrySet()) {
                String name = file.getKey();
                mayGoOn.run();
                vfs.relyOn(from.path.resolve(name), file.getValue(), "link", site);
                if (linked(from, name)) {
                    lastNeeded = happened(Kind.LINK, name);
                } else {
                    PendingFile copy = create(name);
                    copies.put(name, copy);
                    copy(from, name, file.getValue(), buffer, copy, mayGoOn);
                    finish(copy, site); // one by one: there may be more of them than files that can be open
                }
            }
            if (!copies.isEmpty()) {
                commit(copies.values(), site);
            }
            syncThrough(lastNeeded, site);
            List<DurableFile> durable = new ArrayList<>(sizes.size());
            sizes.forEach((name, size) -> {
                vfs.relyOn(path.resolve(name), size, "receipt of a link", site);
                durable.add(new DurableFile(this, name, size));
            });
            done = true;
            return durable;
        } finally {
            if (!done) {
                copies.values().forEach(PendingFile::abandonQuietly);
            }
        }
    }

    /** Returns false if the system has no second names for such a file in such a place. */
    private boolean linked(DurableDirectory from, String name) {
        try {
            vfs.link(from.path.resolve(name), path.resolve(name));
            return true;
        } catch (FileAlreadyExistsException | NoSuchFileException e) {
            throw Failures.storage("linking", pathOf(name), e, "Nothing was changed.");
        } catch (UnsupportedOperationException | FileSystemException e) {
            return false; // if it is something else, copying meets it too, and says so
        } catch (IOException e) {
            throw Failures.storage("linking", pathOf(name), e, "It may have happened all the same.");
        }
    }

    private static void copy(
            DurableDirectory from, String name, long size, MemorySegment buffer, PendingFile copy, Runnable mayGoOn) {
        try (ReadableFile file = from.open(name)) {
            copy(file, size, buffer, copy, mayGoOn);
        }
    }

    private static void copy(ReadableFile file, long size, MemorySegment buffer, PendingFile copy, Runnable mayGoOn) {
        int part = (int) Math.min(buffer.byteSize(), MAX_COPIED_BYTES);
        while (copy.position() < size) {
            mayGoOn.run();
            int read = file.read(copy.position(), buffer, 0, (int) Math.min(part, size - copy.position()));
            if (read <= 0) {
                throw new CorruptionException(
                        file.path(),
                        copy.position(),
                        "the file ends here, it should have " + size + " bytes. " + CorruptionException.RESTORE_TABLE);
            }
            copy.write(buffer, 0, read);
        }
    }

    void abandon(PendingFile pending) {
        try {
            try {
                pending.close();
            } finally {
                vfs.delete(path.resolve(pending.name()));
            }
            happened(Kind.DELETE, pending.name());
        } catch (IOException e) {
            throw Failures.storage("dropping", pathOf(pending.name()), e, ORPHAN_HINT);
        }
    }

    /** Notes a file that could not be dropped; told to the listener, since nobody else hears of it. */
    void orphaned(String name, StorageException why) {
        tell(Kind.ORPHANED, name + ": " + why.getMessage(), null, 0);
    }

    /**
     * Makes a log: file and header under a temporary name, space allocated, synced, then renamed and the directory synced.
     * Meant to run in the background, ahead of need.
     *
     * @param header bytes for the start of the file
     * @param allocateBytes size to allocate with zeros, header included; 0 for a log that grows
     */
    public DurableLog createLog(
            String name, MemorySegment header, long headerLength, long allocateBytes, SyncSite site) {
        checkWritable();
        String temporary = name + ".tmp";
        try {
            deleteStray(temporary);
            make(temporary, header, headerLength, allocateBytes, site);
            return named(temporary, name, Kind.RENAME, Math.max(allocateBytes, 0), headerLength, site);
        } catch (IOException e) {
            throw Failures.storage("making the log", pathOf(name), e, "Nothing was written to it.");
        }
    }

    /** Leaves nothing behind if it fails: what found no room must not keep it. */
    private void make(String name, MemorySegment header, long headerLength, long allocateBytes, SyncSite site)
            throws IOException {
        VfsFile file = vfs.create(path.resolve(name));
        boolean done = false;
        try {
            try (file) {
                happened(Kind.CREATE, name);
                file.write(0, header, 0, headerLength);
                file.allocate(allocateBytes);
                syncFile(file, name, true, site);
            }
            done = true;
        } finally {
            if (!done) {
                dropQuietly(name);
            }
        }
    }

    private void dropQuietly(String name) {
        try {
            deleteStray(name);
        } catch (IOException e) {
            orphaned(name, Failures.storage("dropping", pathOf(name), e, ORPHAN_HINT));
        }
    }

    /**
     * Makes a log from an old one whose blocks are allocated already: the new header over the old, synced, then renamed and
     * the directory synced. The old records stay behind the header: every fragment carries its log's number.
     *
     * @param proof shows that nothing on disk needs the old log
     */
    public DurableLog recycleLog(
            String oldName,
            String newName,
            DeletionProof proof,
            MemorySegment header,
            long headerLength,
            SyncSite site) {
        checkWritable();
        checkProof(proof, oldName);
        try {
            long allocated;
            try (VfsFile file = vfs.openForWrite(path.resolve(oldName))) {
                file.write(0, header, 0, headerLength);
                syncFile(file, oldName, false, site);
                allocated = file.size();
            }
            return named(oldName, newName, Kind.RECYCLE, allocated, headerLength, site);
        } catch (IOException e) {
            throw Failures.storage("recycling " + oldName + " as", newName, e, "Nothing was written to it.");
        }
    }

    private DurableLog named(
            String oldName, String newName, Kind kind, long allocated, long headerLength, SyncSite site)
            throws IOException {
        vfs.rename(path.resolve(oldName), path.resolve(newName));
        syncThrough(happened(kind, newName), site);
        vfs.relyOn(path.resolve(newName), headerLength, "receipt of a log", site);
        VfsFile file = vfs.openForWrite(path.resolve(newName));
        return new DurableLog(this, newName, file, allocated, allocated > 0 ? mapIfPossible(file, allocated) : null);
    }

    private static @Nullable VfsMapping mapIfPossible(VfsFile file, long length) {
        try {
            return file.map(length);
        } catch (IOException | UnsupportedOperationException e) {
            return null; // shown by DurableLog.isMapped; callers write instead
        }
    }

    /**
     * Points {@code name} (CURRENT) at a manifest that is on disk: temporary file, sync, rename, directory sync.
     *
     * @param manifest shows that the manifest's first snapshot is on disk
     * @param letsGo which files nothing needs once the switch is on disk: older manifests
     * @throws StorageException if it failed; the switch may have happened all the same, so both manifests must stay
     */
    public DurableSwitch switchTo(
            String name, MemorySegment content, long length, SyncedTo manifest, Predicate<String> letsGo) {
        checkWritable();
        String temporary = name + ".tmp";
        try {
            deleteStray(temporary);
            latestSwitch = null; // from here to the end CURRENT is the old one or the new one
            vfs.relyOn(manifest.log().path(), manifest.offset(), "switch of CURRENT", SyncSite.CURRENT_SWITCH);
            try (VfsFile file = vfs.create(path.resolve(temporary))) {
                happened(Kind.CREATE, temporary);
                file.write(0, content, 0, length);
                syncFile(file, temporary, true, SyncSite.CURRENT_SWITCH);
            }
            vfs.rename(path.resolve(temporary), path.resolve(name));
            syncThrough(happened(Kind.RENAME, name), SyncSite.CURRENT_SWITCH);
            vfs.relyOn(path.resolve(name), length, "receipt of a switch", SyncSite.CURRENT_SWITCH);
            DurableSwitch receipt = new DurableSwitch(this, path.resolve(name), length, letsGo);
            latestSwitch = receipt;
            return receipt;
        } catch (IOException e) {
            throw Failures.storage(
                    "switching", pathOf(name), e, "It may have happened all the same; both manifests are kept.");
        }
    }

    /** Returns the switch by which CURRENT led away from a manifest; null if none did, or one is going on. */
    @Nullable
    DurableSwitch switchAwayFrom(Path manifest) {
        DurableSwitch latest = latestSwitch;
        return latest != null && latest.allows(String.valueOf(manifest.getFileName())) ? latest : null;
    }

    boolean isLatestSwitch(DurableSwitch receipt) {
        return latestSwitch == receipt;
    }

    private void deleteStray(String temporary) throws IOException {
        if (vfs.kind(path.resolve(temporary)) != PathKind.ABSENT) {
            vfs.delete(path.resolve(temporary));
            happened(Kind.DELETE, temporary);
        }
    }

    /**
     * Mints the receipt of a manifest edit that has been synced.
     *
     * @param endOffset where the edit's record ends in the manifest
     * @param added every file the edit names that the manifest did not name before
     * @param dropped which files nothing needs once the edit is on disk
     */
    public DurableEdit edit(SyncedTo synced, long endOffset, Collection<DurableFile> added, Predicate<String> dropped) {
        if (synced.offset() < endOffset) {
            throw new IllegalArgumentException(
                    "manifest is synced up to " + synced.offset() + ", the edit ends at " + endOffset);
        }
        for (DurableFile file : added) {
            if (file.directory() != this) {
                throw new IllegalArgumentException(file.name() + " belongs to another directory");
            }
            vfs.relyOn(path.resolve(file.name()), file.size(), "manifest edit", SyncSite.MANIFEST_EDIT);
        }
        return new DurableEdit(this, synced.log().path(), endOffset, dropped);
    }

    /** Returns the receipt of recovery: adopts the files that the recovered manifest names. */
    public RecoveredState recovered(Set<String> named) {
        return new RecoveredState(this, named);
    }

    /**
     * Deletes a file that {@code proof} lets go of. On disk with the next directory sync that somebody needs.
     *
     * @throws StorageException if the system refused, as it may while somebody else has the file open: it is tried again with the
     *     next deletion, and at the close
     */
    public void delete(String name, DeletionProof proof) {
        checkWritable();
        checkProof(proof, name);
        deleteAgain();
        deleteOrKeep(name);
    }

    private void deleteOrKeep(String name) {
        try {
            deleteNow(name, "It only takes space. It is tried again with the next deletion, and by the next open.");
        } catch (StorageException e) {
            if (!(e.getCause() instanceof NoSuchFileException)) {
                synchronized (undeleted) {
                    undeleted.add(name);
                }
            }
            throw e;
        }
    }

    /** Tries again what the system refused to delete: what let go of it then still does, since no name is used twice. */
    private void deleteAgain() {
        for (String name : undeleted()) {
            if (isDeletedNow(name)) {
                synchronized (undeleted) {
                    undeleted.remove(name);
                }
            }
        }
    }

    private boolean isDeletedNow(String name) {
        try {
            vfs.delete(path.resolve(name));
            happened(Kind.DELETE, name);
            return true;
        } catch (NoSuchFileException e) {
            return true; // by somebody else
        } catch (IOException e) {
            return false; // was told when it was refused first, and what is left of it is at the close
        }
    }

    private List<String> undeleted() {
        synchronized (undeleted) {
            return List.copyOf(undeleted);
        }
    }

    /** Deletes a log that nothing was ever appended to. */
    void deleteUnused(String name) {
        checkWritable();
        deleteOrKeep(name);
    }

    private void deleteNow(String name, String holds) {
        try {
            vfs.delete(path.resolve(name));
            happened(Kind.DELETE, name);
        } catch (IOException e) {
            throw Failures.storage("deleting", pathOf(name), e, holds);
        }
    }

    private void checkProof(DeletionProof proof, String name) {
        if (!proof.allows(name)) {
            throw new IllegalArgumentException(proof.getClass().getSimpleName() + " does not let go of " + name);
        }
        proof.relyOn(vfs);
    }

    /**
     * Deletes files for good, {@code first} before all others: so what a cut leaves has it and is whole, or has it not and is
     * seen to be none. The one deletion that needs no proof, since nothing is to be left that could miss a file.
     *
     * @param first the file that leads to all others; deleted, and that synced, before them
     * @param others deleted after it
     */
    public void destroy(String first, Collection<String> others) {
        checkWritable();
        boolean wasThere = exists(first);
        if (wasThere) {
            deleteNow(first, DESTROY_HINT);
        }
        syncThrough(lastEvent.get(), SyncSite.DESTROY);
        if (wasThere) { // else an earlier try deleted it: if the sync of that failed, it may come back, leading nowhere
            vfs.relyOnAbsence(path.resolve(first), "deletion of what it leads to", SyncSite.DESTROY);
        }
        others.forEach(name -> deleteNow(name, DESTROY_HINT));
        syncThrough(lastEvent.get(), SyncSite.DESTROY);
    }

    /**
     * Deletes the directory itself, which holds nothing but {@code last}, files that are deleted with it; and syncs its parent.
     * Nothing more can be done with it then but to close it.
     *
     * @param lock held on it until its file is gone: nobody else comes to hold what is deleted
     * @return false if there is something else in it; then nothing was deleted
     */
    public boolean destroyItself(List<String> last, DirectoryLock lock) {
        checkWritable();
        if (!last.containsAll(list())) {
            return false;
        }
        try {
            for (String name : last) {
                deleteLocked(name, lock);
            }
            vfs.delete(path);
            tell(Kind.DELETE, path.toString(), null, 0);
            Path parent = path.getParent();
            if (parent != null) {
                try (VfsDirectory opened = vfs.openDirectory(parent)) {
                    long start = clock.nanoTime();
                    opened.sync(SyncSite.DESTROY);
                    directorySyncs.incrementAndGet(SyncSite.DESTROY.ordinal());
                    tell(Kind.SYNC_DIRECTORY, parent.toString(), SyncSite.DESTROY, clock.nanoTime() - start);
                } catch (NotSyncableException e) {
                    return true; // as the making of directories here: the outcome was told by syncability
                }
            }
            vfs.relyOnAbsence(path, "destruction", SyncSite.DESTROY);
            return true;
        } catch (IOException e) {
            throw Failures.storage("deleting the directory", path, e, "It holds no database any more.");
        }
    }

    private void deleteLocked(String name, DirectoryLock lock) throws IOException {
        if (!exists(name)) {
            return;
        }
        try {
            vfs.delete(path.resolve(name));
        } catch (FileSystemException e) {
            // The lock holds its file open, and the system deletes none that is (D6): so it is not deleted either if
            // somebody else comes to hold it once it is let go of.
            lock.close();
            vfs.delete(path.resolve(name));
        }
        happened(Kind.DELETE, name);
    }

    /** Syncs the directory if an event in it is not on disk yet. */
    public void sync(SyncSite site) {
        checkWritable();
        syncThrough(lastEvent.get(), site);
    }

    private void syncThrough(long event, SyncSite site) {
        if (handle == null || syncedEvent >= event) {
            return;
        }
        StorageException failure = syncOnce(handle, event, site);
        if (failure != null) {
            whenFailed.accept(failure);
            throw failure;
        }
    }

    /** Returns what failed, for good; null if nothing did. */
    private @Nullable StorageException syncOnce(VfsDirectory opened, long event, SyncSite site) {
        syncing.lock();
        try {
            checkNotPoisoned();
            if (syncedEvent >= event) {
                return null;
            }
            long covered = lastEvent.get();
            long start = clock.nanoTime();
            try {
                opened.sync(site);
            } catch (IOException e) {
                tell(Kind.SYNC_FAILED, path.toString(), site, clock.nanoTime() - start);
                StorageException failure = Failures.storage("syncing the directory", path, e, POISONED_HINT);
                poison = failure;
                return failure;
            }
            syncedEvent = covered;
            directorySyncs.incrementAndGet(site.ordinal());
            tell(Kind.SYNC_DIRECTORY, path.toString(), site, clock.nanoTime() - start);
            return null;
        } finally {
            syncing.unlock();
        }
    }

    void syncFile(VfsFile file, String name, boolean metadata, SyncSite site) throws IOException {
        long start = clock.nanoTime();
        try {
            file.sync(metadata, site);
        } catch (IOException e) {
            tell(Kind.SYNC_FAILED, name, site, clock.nanoTime() - start);
            throw e;
        }
        fileSyncs.incrementAndGet(site.ordinal());
        tell(Kind.SYNC_FILE, name, site, clock.nanoTime() - start);
    }

    private long happened(Kind kind, String name) {
        tell(kind, name, null, 0);
        return lastEvent.incrementAndGet();
    }

    private void tell(Kind kind, String name, @Nullable SyncSite site, long nanos) {
        events.incrementAndGet(kind.ordinal());
        listener.onEvent(new DurabilityEvent(kind, name, site, nanos));
    }

    private void checkWritable() {
        if (closed) {
            throw new io.beachdb.base.ClosedException("the directory " + path + " is closed");
        }
        if (readOnly) {
            throw new IllegalStateException(path + " is open read-only");
        }
        checkNotPoisoned();
    }

    private void checkNotPoisoned() {
        StorageException first = poison;
        if (first != null) {
            throw new StorageException("an earlier sync of the directory " + path + " failed. " + POISONED_HINT, first);
        }
    }

    /** Returns the directory sync that failed, after which nothing in it may change; null while all is well. */
    public @Nullable StorageException failure() {
        return poison;
    }

    /**
     * Has {@code action} told of a failed sync of the directory, at once if there was one: who made it may have nobody to tell.
     * To be called once.
     */
    public void whenFailed(Consumer<StorageException> action) {
        whenFailed = action;
        StorageException first = poison;
        if (first != null) {
            action.accept(first);
        }
    }

    /** Returns the counts since open. */
    public DurabilityStats stats() {
        return new DurabilityStats(
                counts(SyncSite.class, fileSyncs), counts(SyncSite.class, directorySyncs), counts(Kind.class, events));
    }

    private static <E extends Enum<E>> Map<E, Long> counts(Class<E> type, AtomicLongArray counters) {
        Map<E, Long> map = new EnumMap<>(type);
        for (E constant : type.getEnumConstants()) {
            map.put(constant, counters.get(constant.ordinal()));
        }
        return map;
    }

    Vfs vfs() {
        return vfs;
    }

    /** Lets go of the directory. Not a sync: sync what matters before. Closing twice is harmless. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (poison == null) {
            deleteAgain();
            undeleted().forEach(name -> tell(Kind.ORPHANED, name + ": the system refused to delete it", null, 0));
        }
        if (handle != null) {
            try {
                handle.close();
            } catch (IOException e) {
                throw Failures.storage("closing the directory", path, e, "Everything synced stays synced.");
            }
        }
    }
}
