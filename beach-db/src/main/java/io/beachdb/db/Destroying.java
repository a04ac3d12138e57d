package io.beachdb.db;

import io.beachdb.Options;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.FileName;
import io.beachdb.durability.DirectoryLock;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.Vfs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Destroys a database: CURRENT first, so that what a cut leaves never opens as an older database. */
public final class Destroying {
    static final List<String> LOCK_FILES = List.of(FileName.LOCK_HOLDER, FileName.LOCK);

    private Destroying() {}

    /** As {@link io.beachdb.BeachDB#destroy(Path, Options)}. */
    public static boolean destroy(Path path, Options options) {
        EngineTasks tasks = new EngineTasks(options.seams().scheduler());
        Options guarded = options.toBuilder()
                .listener(new GuardedListener(options.listener()))
                .build();
        return tasks.call("destroy", () -> destroyHere(path, guarded));
    }

    private static boolean destroyHere(Path path, Options options) {
        Vfs vfs = options.seams().vfs();
        Scheduler scheduler = options.seams().scheduler();
        if (isAbsent(vfs, path)) {
            return false;
        }
        try (DurableDirectory found = DurableDirectory.open(
                vfs, path, DurableDirectory.Mode.READ_ONLY, scheduler, DurabilityListener.none())) {
            if (!isToBeDeleted(found.list())) {
                return false;
            }
        }
        DirectoryLock lock =
                DirectoryLock.acquire(vfs, path, FileName.LOCK, FileName.LOCK_HOLDER, false, Opening.holder(options));
        try (DurableDirectory directory = DurableDirectory.open(
                vfs, path, DurableDirectory.Mode.EXISTING, scheduler, options.listener()::onFileEvent)) {
            List<String> others =
                    directory.list().stream().filter(Destroying::isOther).toList();
            directory.destroy(FileName.CURRENT, others);
            directory.destroyItself(LOCK_FILES, lock);
            return true;
        } finally {
            lock.close();
        }
    }

    /** A lock alone is what a destruction leaves that stopped at its end, or one that found files of others beside. */
    private static boolean isToBeDeleted(List<String> names) {
        boolean othersFiles = names.stream().anyMatch(name -> FileName.parse(name) == null);
        return names.stream()
                .anyMatch(name -> FileName.parse(name) != null && !(othersFiles && LOCK_FILES.contains(name)));
    }

    /** Returns whether a name is one that a database makes, but for CURRENT and the lock. */
    static boolean isOther(String name) {
        return FileName.parse(name) != null && !name.equals(FileName.CURRENT) && !LOCK_FILES.contains(name);
    }

    private static boolean isAbsent(Vfs vfs, Path path) {
        try {
            return vfs.kind(vfs.resolve(path)) == Vfs.PathKind.ABSENT;
        } catch (IOException e) {
            throw new StorageException("looking for " + path + " failed. Nothing was changed.", e);
        }
    }
}
