package io.beachdb.dbtestkit;

import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsDirectory;
import io.beachdb.durability.VfsFile;
import io.beachdb.durability.VfsMapping;
import io.beachdb.testkit.DiskOperation.Kind;
import io.beachdb.testkit.SimulatedVfs;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.ClosedChannelException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The files of a process, with one mistake in the code that uses them: what it calls is turned into what the mistake would call. */
final class MutantVfs implements Vfs {

    /** Mistakes in a sync; and two others, with files that are read. */
    enum Mistake {
        /** It is forgotten. */
        SKIP,
        /** It is done once somebody has been told that it was. */
        LATE,
        /** It is done before the change that it is for. */
        BEFORE,
        /**
         * It is asked of a handle that is closed, another one of the same file or directory, and nobody looks at what that says
         * (T4; T3, where there is no handle, looks as SKIP).
         */
        CLOSED_HANDLE,
        /** The errors that it meets are dropped (F5). */
        SWALLOW,
        /** The directory above is synced instead. */
        WRONG_DIRECTORY,
        /** Only the database's own directory is ever synced, none above it. Of all sites. */
        NO_PARENTS,
        /** What cannot be read is zeros. Of all files that are opened for reading. */
        ZEROS_FOR_ERRORS,
        /** They are never closed. */
        NEVER_CLOSED;

        /** Returns whether the syncs of one site, of this kind, can be mistaken so. */
        boolean fits(Kind kind) {
            return switch (this) {
                case SKIP, LATE, BEFORE, CLOSED_HANDLE, SWALLOW -> true;
                case WRONG_DIRECTORY -> kind == Kind.SYNC_DIRECTORY;
                case NO_PARENTS, ZEROS_FOR_ERRORS, NEVER_CLOSED -> false;
            };
        }
    }

    /** Mistakes in the order of things. */
    @SuppressWarnings("ImmutableEnumChecker") // the sets are of Set.of
    enum Order {
        /** An edit of the MANIFEST is synced before the tables that it names. */
        MANIFEST_BEFORE_TABLES(Set.of(SyncSite.TABLE_FLUSH, SyncSite.TABLE_COMPACTION), SyncSite.MANIFEST_EDIT, null),
        /** CURRENT leads to a MANIFEST before that is on disk. */
        SWITCH_BEFORE_MANIFEST(Set.of(SyncSite.MANIFEST_CREATE), SyncSite.CURRENT_SWITCH, null),
        /** A file gets its final name before its bytes are synced. */
        RENAME_BEFORE_SYNC(
                Set.of(SyncSite.CURRENT_SWITCH, SyncSite.LOG_CREATE, SyncSite.LOG_RECYCLE), null, Kind.RENAME),
        /** What an edit dropped is deleted before the edit is on disk. */
        DELETE_BEFORE_EDIT(Set.of(SyncSite.MANIFEST_EDIT), null, Kind.DELETE),
        /** The old MANIFEST is deleted before CURRENT leads to the new one. */
        UNLINK_BEFORE_SWITCH(Set.of(), null, null),
        /** A new log is written to before the one before it is synced. */
        WRITE_BEFORE_ROTATE_SYNC(Set.of(SyncSite.LOG_ROTATE), SyncSite.LOG_GROUP, null);

        private final Set<SyncSite> delayed;
        private final @Nullable SyncSite behindSync;
        private final @Nullable Kind behindKind;

        Order(Set<SyncSite> delayed, @Nullable SyncSite behindSync, @Nullable Kind behindKind) {
            this.delayed = delayed;
            this.behindSync = behindSync;
            this.behindKind = behindKind;
        }
    }

    /**
     * One mistake.
     *
     * @param mistake in the syncs of {@code site}, of files or of directories; null: {@code order}
     */
    record Mutant(
            @Nullable Mistake mistake,
            @Nullable SyncSite site,
            @Nullable Kind kind,
            @Nullable Order order) {

        static Mutant of(Mistake mistake, SyncSite site, Kind kind) {
            return new Mutant(mistake, site, kind, null);
        }

        static Mutant of(Mistake everywhere) {
            return new Mutant(everywhere, null, null, null);
        }

        static Mutant of(Order order) {
            return new Mutant(null, null, null, order);
        }

        private boolean is(Mistake wanted, SyncSite at, Kind what) {
            return mistake == wanted && site == at && kind == what;
        }

        @Override
        public String toString() {
            return order != null ? order.name() : mistake + (site == null ? "" : " " + site + " " + kind);
        }
    }

    /** A call on the real files. */
    private interface Call {
        void run() throws IOException;
    }

    private final SimulatedVfs real;
    private final Mutant mutant;
    private final List<Call> delayed = new ArrayList<>();
    private final Set<Path> gone = new HashSet<>(); // deleted ahead of time

    MutantVfs(SimulatedVfs real, Mutant mutant) {
        this.real = real;
        this.mutant = mutant;
    }

    private void sync(SyncSite site, Kind kind, Call sync, Call late, Call syncClosed, @Nullable Call aboveInstead)
            throws IOException {
        if (mutant.order != null) {
            if (mutant.order.delayed.contains(site)) {
                delayed.add(late);
                return;
            }
            sync.run();
            if (site == mutant.order.behindSync) {
                catchUp();
            }
        } else if (mutant.is(Mistake.SKIP, site, kind) || mutant.is(Mistake.BEFORE, site, kind)) {
            return;
        } else if (mutant.is(Mistake.CLOSED_HANDLE, site, kind)) {
            syncClosed.run();
        } else if (mutant.is(Mistake.LATE, site, kind)) {
            delayed.add(late);
        } else if (mutant.is(Mistake.SWALLOW, site, kind)) {
            try {
                sync.run();
            } catch (IOException dropped) {
                return;
            }
        } else if (mutant.is(Mistake.WRONG_DIRECTORY, site, kind) && aboveInstead != null) {
            aboveInstead.run();
        } else {
            sync.run();
        }
    }

    /** What a closed handle says, for nobody to look at. */
    private static void checkRefused(Call sync) throws IOException {
        try {
            sync.run();
        } catch (ClosedChannelException dropped) {
            return;
        }
        throw new IllegalStateException("a closed handle was synced");
    }

    private void catchUp() throws IOException {
        List<Call> late = List.copyOf(delayed);
        delayed.clear();
        for (Call sync : late) {
            sync.run();
        }
    }

    private void done(Kind kind) throws IOException {
        if (mutant.order != null && mutant.order.behindKind == kind) {
            catchUp();
        }
    }

    /** A change of names is about to come. */
    private void beforeChangeIn(Path path) throws IOException {
        if (mutant.mistake == Mistake.BEFORE && mutant.kind == Kind.SYNC_DIRECTORY) {
            syncDirectory(path.getParent());
        }
    }

    private void syncDirectory(@Nullable Path directory) throws IOException {
        if (directory != null) {
            try (VfsDirectory opened = real.openDirectory(directory)) {
                opened.sync();
            }
        }
    }

    @Override
    public void relyOn(Path file, long bytes, String what, @Nullable SyncSite site) {
        real.relyOn(file, bytes, what, site);
        countedOn();
    }

    @Override
    public void relyOnAbsence(Path path, String what, @Nullable SyncSite site) {
        real.relyOnAbsence(path, what, site);
        countedOn();
    }

    private void countedOn() {
        if (mutant.mistake == Mistake.LATE) {
            try {
                catchUp();
            } catch (IOException e) {
                throw new IllegalStateException("a late sync failed", e);
            }
        }
    }

    @Override
    public VfsFile create(Path path) throws IOException {
        beforeChangeIn(path);
        return new MutantFile(real.create(path), path);
    }

    @Override
    public VfsFile openForWrite(Path path) throws IOException {
        return new MutantFile(real.openForWrite(path), path);
    }

    @Override
    public VfsFile openForRead(Path path) throws IOException {
        VfsFile opened = real.openForRead(path);
        boolean careless = mutant.mistake == Mistake.ZEROS_FOR_ERRORS || mutant.mistake == Mistake.NEVER_CLOSED;
        return careless ? new MutantFile(opened, path) : opened;
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        beforeChangeIn(to);
        if (mutant.order == Order.UNLINK_BEFORE_SWITCH && to.endsWith("CURRENT")) {
            unlinkManifests(to.resolveSibling("."));
        }
        real.rename(from, to);
        done(Kind.RENAME);
    }

    /** All but the newest, which CURRENT is to lead to. */
    private void unlinkManifests(Path directory) throws IOException {
        List<String> manifests = real.list(directory).stream()
                .filter(name -> name.startsWith("MANIFEST-"))
                .toList();
        for (String name : manifests.subList(0, Math.max(0, manifests.size() - 1))) {
            Path manifest = directory.resolve(name).normalize();
            real.delete(manifest);
            gone.add(manifest);
        }
    }

    @Override
    public void link(Path existing, Path link) throws IOException {
        beforeChangeIn(link);
        real.link(existing, link);
    }

    @Override
    public void delete(Path path) throws IOException {
        beforeChangeIn(path);
        try {
            real.delete(path);
        } catch (NoSuchFileException e) {
            if (!gone.contains(path)) {
                throw e;
            }
        }
        done(Kind.DELETE);
    }

    @Override
    public void makeDirectory(Path path) throws IOException {
        beforeChangeIn(path);
        real.makeDirectory(path);
    }

    @Override
    public VfsDirectory openDirectory(Path path) throws IOException {
        VfsDirectory opened = real.openDirectory(path);
        return new VfsDirectory() {
            @Override
            public void sync() throws IOException {
                opened.sync();
            }

            @Override
            public void sync(SyncSite site) throws IOException {
                if (mutant.mistake == Mistake.NO_PARENTS
                        && !path.equals(Stage.DIRECTORY)
                        && !path.equals(Stage.TARGET)) {
                    return;
                }
                MutantVfs.this.sync(
                        site,
                        Kind.SYNC_DIRECTORY,
                        () -> opened.sync(site),
                        () -> syncDirectory(path),
                        () -> syncClosed(site),
                        () -> syncDirectory(path.getParent()));
            }

            private void syncClosed(SyncSite site) throws IOException {
                VfsDirectory another = real.openDirectory(path);
                another.close();
                checkRefused(() -> another.sync(site));
            }

            @Override
            public void close() throws IOException {
                opened.close();
            }
        };
    }

    @Override
    public List<String> list(Path directory) throws IOException {
        return real.list(directory);
    }

    @Override
    public PathKind kind(Path path) throws IOException {
        return real.kind(path);
    }

    @Override
    public Path resolve(Path path) {
        return real.resolve(path);
    }

    @Override
    public @Nullable VfsLock tryLock(Path path, boolean shared) throws IOException {
        return real.tryLock(path, shared);
    }

    /** A file whose last close waits for syncs that are late. */
    private final class MutantFile implements VfsFile {
        private final VfsFile opened;
        private final Path path; // at first
        private int owed;
        private boolean closed;

        MutantFile(VfsFile opened, Path path) {
            this.opened = opened;
            this.path = path;
        }

        @Override
        public int read(long position, MemorySegment destination, long at, int length) throws IOException {
            try {
                return opened.read(position, destination, at, length);
            } catch (IOException e) {
                if (mutant.mistake != Mistake.ZEROS_FOR_ERRORS) {
                    throw e;
                }
                destination.asSlice(at, length).fill((byte) 0);
                return length;
            }
        }

        @Override
        public void write(long position, MemorySegment source, long at, long length) throws IOException {
            if (mutant.mistake == Mistake.BEFORE && mutant.kind == Kind.SYNC_FILE) {
                opened.sync(true);
            }
            opened.write(position, source, at, length);
        }

        @Override
        public long size() throws IOException {
            return opened.size();
        }

        @Override
        public void truncate(long size) throws IOException {
            opened.truncate(size);
        }

        @Override
        public void allocate(long size) throws IOException {
            opened.allocate(size);
        }

        @Override
        public void sync(boolean metadata) throws IOException {
            opened.sync(metadata);
        }

        @Override
        public void sync(boolean metadata, SyncSite site) throws IOException {
            Call now = () -> opened.sync(metadata, site);
            int before = delayed.size();
            MutantVfs.this.sync(site, Kind.SYNC_FILE, now, () -> syncLate(now), () -> syncClosed(metadata, site), null);
            if (delayed.size() > before) {
                owed++;
            }
        }

        private void syncClosed(boolean metadata, SyncSite site) throws IOException {
            VfsFile another = real.openForWrite(path);
            another.close();
            checkRefused(() -> another.sync(metadata, site));
        }

        private void syncLate(Call sync) throws IOException {
            sync.run();
            owed--;
            if (closed && owed == 0) {
                opened.close();
            }
        }

        @Override
        public int interruptSafeBytes() {
            return opened.interruptSafeBytes();
        }

        @Override
        public VfsMapping map(long length) throws IOException {
            return opened.map(length);
        }

        @Override
        public void close() throws IOException {
            closed = true;
            if (owed == 0 && mutant.mistake != Mistake.NEVER_CLOSED) {
                opened.close();
            }
        }
    }
}
