package io.beachdb.manifest;

import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FileName;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.DurableSwitch;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.SyncedTo;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Writes the manifest: each edit is one synced record, and the receipt of it is what lets files go. Every run of a database
 * has a manifest of its own, that begins with the whole state; when it has grown enough, a new one takes over.
 *
 * <p>One task at a time uses a writer, on threads that nobody interrupts.
 */
public final class ManifestWriter implements AutoCloseable {
    /*
     *   CREATED ──switchCurrent──▶ OPEN ──append, rollOver──▶ OPEN
     *                              OPEN ──something fails───▶ FAILED ──rollOver succeeds──▶ OPEN
     *   any ──close──▶ CLOSED
     *
     * W1  The version changes only after the edit that makes it is on disk in the manifest that CURRENT leads to.
     * W2  After a failure nobody knows whether the edit is on disk (F3), nor, where CURRENT was being switched, which
     *     manifest it leads to (F4). So no receipt is minted: the files of both sides stay. A manifest that failed is never
     *     written again. Only a new one that CURRENT leads to, on disk, settles it: the edit in doubt is then no more.
     * W3  Snapshot on disk, name on disk, then CURRENT, then the old manifest may go (O2).
     */

    /** Size from which a new manifest takes over, unless the snapshot alone is about as large. */
    public static final long DEFAULT_ROLL_OVER_BYTES = 4L << 20;

    // A new manifest costs a snapshot; so rolled over, at least half of what is written is edits.
    private static final int SNAPSHOTS_TO_ROLL_OVER = 2;

    // Set once.
    private final DurableDirectory directory;
    private final DatabaseId databaseId;
    private final FileNumbers numbers;
    private final MemoryAccount account;
    private final long rollOverBytes;

    // Changed by the one task that uses the writer.
    private Version version;
    private @Nullable ManifestLog log; // null after a failure
    private @Nullable SyncedTo unswitched; // the snapshot, until CURRENT leads to it
    private long snapshotBytes;
    private @Nullable DurableSwitch lastSwitch;
    private @Nullable Throwable failure; // the first since CURRENT was switched
    private boolean closed;
    private final Set<Long> manifests = new HashSet<>(); // numbers begun in this run that may be on disk
    private final Set<Long> tablesInDoubt = new HashSet<>(); // added by edits that failed
    private final Set<String> obsolete = new TreeSet<>(); // what switches have let go of

    private ManifestWriter(
            DurableDirectory directory,
            DatabaseId databaseId,
            FileNumbers numbers,
            MemoryAccount account,
            long rollOverBytes,
            Version version) {
        this.directory = directory;
        this.databaseId = databaseId;
        this.numbers = numbers;
        this.account = account;
        this.rollOverBytes = rollOverBytes;
        this.version = version;
    }

    /**
     * Makes the manifest of this run, with the whole of {@code recovered} and {@code edit} in it, and syncs it. CURRENT does
     * not lead to it yet: {@link #switchCurrent} must follow.
     *
     * @param recovered what was read at open; {@link Version#empty} for a new database
     * @param edit what recovery adds: the tables made from logs, and below which number no log is needed
     * @param account what the buffers are charged to
     * @param rollOverBytes see {@link #DEFAULT_ROLL_OVER_BYTES}; 1 and more
     */
    public static ManifestWriter create(
            DurableDirectory directory,
            DatabaseId databaseId,
            FileNumbers numbers,
            MemoryAccount account,
            long rollOverBytes,
            Version recovered,
            VersionEdit edit) {
        TableEntry.checkRange("rollOverBytes", rollOverBytes, 1, Long.MAX_VALUE);
        ManifestWriter writer = new ManifestWriter(directory, databaseId, numbers, account, rollOverBytes, recovered);
        long number = numbers.next();
        VersionEdit stamped = edit.withNextFileNumber(numbers.peek());
        Version next = recovered.apply(stamped);
        try {
            SyncedTo snapshot = writer.begin(number, next);
            // Not given out: until CURRENT leads here, the manifest before still needs what this would let go of.
            writer.mint(snapshot, edit, next);
            writer.unswitched = snapshot;
        } catch (RuntimeException | Error e) {
            writer.fail(stamped, e);
            throw e;
        }
        writer.version = next;
        return writer;
    }

    /** Makes CURRENT lead to the manifest that {@link #create} made. The first edit may follow. */
    public DurableSwitch switchCurrent() {
        checkOpen();
        SyncedTo snapshot = unswitched;
        if (snapshot == null) {
            throw new IllegalStateException("CURRENT was switched already");
        }
        try {
            return switchTo(manifestNumber(), snapshot, version);
        } catch (RuntimeException | Error e) {
            fail(VersionEdit.none(), e);
            throw e;
        }
    }

    /**
     * Records an edit. When it returns, the edit is on disk and {@link #version} is the one after it. Rolls over first when
     * the manifest has grown enough: then {@link #takeObsolete} has something to say.
     *
     * @return lets go of the tables that the edit drops, and of logs below the oldest needed
     * @throws AssertionError naming the invariant, if the edit does not fit the version; nothing is written then
     * @throws StorageException if it failed: whether the edit is on disk is unknown, no file may be deleted on its account,
     *     and only {@link #rollOver} can go on
     */
    public DurableEdit append(VersionEdit edit) {
        checkOpen();
        ManifestLog current = log;
        if (current == null) {
            throw new StorageException(
                    "the manifest takes no edits since an earlier failure; this edit did not happen. Resume or reopen the"
                            + " database.",
                    failure);
        }
        if (unswitched != null) {
            throw new IllegalStateException("CURRENT does not lead to the new manifest yet");
        }
        if (current.size() >= Math.max(rollOverBytes, SNAPSHOTS_TO_ROLL_OVER * snapshotBytes)) {
            return rollOver(edit);
        }
        VersionEdit stamped = edit.withNextFileNumber(numbers.peek());
        ManifestLog.recordLength(stamped.fields());
        Version next = version.apply(stamped);
        DurableEdit receipt;
        try {
            current.append(ManifestFormat.EDIT, stamped.fields());
            receipt = mint(current.sync(SyncSite.MANIFEST_EDIT), edit, next);
        } catch (RuntimeException | Error e) {
            fail(edit, e);
            throw e;
        }
        version = next;
        return receipt;
    }

    /**
     * Goes on in a new manifest, which begins with the version after {@code edit}, and makes CURRENT lead to it. Also after
     * a failure: what was in doubt is settled then, the edit that failed is no more (unless it is given here again).
     *
     * @param edit recorded with the snapshot; {@link VersionEdit#none} for nothing new
     * @return as for {@link #append}
     * @throws StorageException if it failed; it may be tried again
     */
    public DurableEdit rollOver(VersionEdit edit) {
        checkOpen();
        long number = numbers.next();
        VersionEdit stamped = edit.withNextFileNumber(numbers.peek());
        Version next = version.apply(stamped);
        DurableEdit receipt;
        try {
            closeLog();
            SyncedTo snapshot = begin(number, next);
            receipt = mint(snapshot, edit, next);
            switchTo(number, snapshot, next);
        } catch (RuntimeException | Error e) {
            fail(edit, e);
            throw e;
        }
        version = next;
        failure = null;
        return receipt;
    }

    /** Makes a manifest with the whole of {@code next}; it is on disk when this returns. */
    private SyncedTo begin(long number, Version next) {
        manifests.add(number);
        ManifestLog fresh = ManifestLog.create(
                directory,
                FileHeader.plain(ManifestFormat.MANIFEST_MAGIC, ManifestFormat.VERSION, databaseId, number),
                account);
        log = fresh;
        fresh.appendSnapshot(next);
        SyncedTo snapshot = fresh.sync(SyncSite.MANIFEST_CREATE);
        snapshotBytes = fresh.size();
        return snapshot;
    }

    private DurableEdit mint(SyncedTo synced, VersionEdit edit, Version next) {
        Set<Long> dropped = edit.droppedNumbers();
        long oldestLog = next.oldestLog();
        return directory.edit(synced, synced.offset(), edit.receipts(), name -> {
            FileName file = FileName.parse(name);
            return file != null
                    && switch (file.kind()) {
                        case LOG -> file.number() < oldestLog;
                        case TABLE -> dropped.contains(file.number());
                        case MANIFEST, OPTIONS, CURRENT, TEMPORARY, LOCK, LOCK_HOLDER -> false;
                    };
        });
    }

    private DurableSwitch switchTo(long number, SyncedTo snapshot, Version next) {
        Set<String> settled = new HashSet<>();
        for (long table : tablesInDoubt) {
            settled.add(FileName.table(table));
        }
        settled.removeAll(next.tableNames());
        Set<String> tables = Set.copyOf(settled);
        DurableSwitch receipt = CurrentFile.write(
                directory,
                databaseId,
                number,
                snapshot,
                name -> tables.contains(name) || isManifestBefore(number, name),
                account);
        obsolete.addAll(tables);
        for (long manifest : manifests) {
            if (manifest != number) {
                obsolete.add(FileName.manifest(manifest));
                obsolete.add(FileName.manifest(manifest) + FileName.TEMPORARY_SUFFIX);
            }
        }
        manifests.removeIf(manifest -> manifest != number);
        tablesInDoubt.clear();
        unswitched = null;
        lastSwitch = receipt;
        return receipt;
    }

    /** Numbers only grow, so every manifest with a smaller one, whole or being made, is from before. */
    private static boolean isManifestBefore(long number, String name) {
        FileName file = FileName.parse(
                name.endsWith(FileName.TEMPORARY_SUFFIX)
                        ? name.substring(0, name.length() - FileName.TEMPORARY_SUFFIX.length())
                        : name);
        return file != null && file.kind() == FileName.Kind.MANIFEST && file.number() < number;
    }

    /** Notes a failure of what would have recorded {@code edit}; the manifest at hand is not touched again. */
    private void fail(VersionEdit edit, Throwable cause) {
        if (failure == null) {
            failure = cause;
        }
        tablesInDoubt.addAll(edit.addedNumbers());
        unswitched = null;
        try {
            closeLog();
        } catch (StorageException e) {
            cause.addSuppressed(e);
        }
    }

    private void closeLog() {
        ManifestLog current = log;
        log = null;
        if (current != null) {
            current.close();
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new ClosedException("the manifest writer is closed");
        }
    }

    /** Returns the version that is on disk. */
    public Version version() {
        return version;
    }

    /** Returns the number of the newest manifest begun. */
    public long manifestNumber() {
        return Collections.max(manifests);
    }

    /** Returns the failure since which only {@link #rollOver} goes on; null while all is well. */
    public @Nullable Throwable failure() {
        return failure;
    }

    /**
     * Returns the files, of those there are, that switches of CURRENT have let go of since the last call: manifests before,
     * and tables of edits that failed. {@link #lastSwitch} allows their deletion.
     */
    public List<String> takeObsolete() {
        List<String> names = obsolete.stream().filter(directory::exists).toList();
        obsolete.clear();
        return names;
    }

    /** Returns the receipt of the newest switch of CURRENT, of which there has been one. */
    public DurableSwitch lastSwitch() {
        DurableSwitch receipt = lastSwitch;
        if (receipt == null) {
            throw new IllegalStateException("CURRENT does not lead to the new manifest yet");
        }
        return receipt;
    }

    /**
     * Ends the manifest: what is wrong in it from now on is damage. Nothing acknowledged needs this, so it is not synced.
     * Closing twice is harmless.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        ManifestLog current = log;
        if (current == null) {
            return;
        }
        try {
            current.append(ManifestFormat.END, List.of());
        } finally {
            closeLog();
        }
    }
}
