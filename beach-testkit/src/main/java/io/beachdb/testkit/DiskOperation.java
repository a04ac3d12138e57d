package io.beachdb.testkit;

import io.beachdb.durability.SyncSite;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * One operation on a simulated disk, as it was asked for.
 *
 * @param number ordinal among all operations of the disk, from 1
 * @param process who asked
 * @param kind what
 * @param path on which file or directory, by its name of this moment
 * @param other the new name of a rename or link
 * @param offset bytes from the start of the file; the size for a truncation, allocation or mapping
 * @param length bytes
 * @param site why it is synced, where the caller says so
 */
public record DiskOperation(
        long number,
        String process,
        Kind kind,
        Path path,
        @Nullable Path other,
        long offset,
        long length,
        @Nullable SyncSite site) {

    /** What an operation does. */
    public enum Kind {
        CREATE,
        OPEN_FOR_WRITE,
        OPEN_FOR_READ,
        OPEN_DIRECTORY,
        READ,
        WRITE,
        /** A store through a mapping. */
        PUT,
        TRUNCATE,
        ALLOCATE,
        MAP,
        SIZE,
        SYNC_FILE,
        SYNC_DIRECTORY,
        RENAME,
        LINK,
        DELETE,
        MAKE_DIRECTORY,
        LIST,
        FIND,
        LOCK,
        CLOSE;

        final String point = "before " + name();
        final String pointAfter = "after " + name();

        /** Returns whether it changes names or bytes: what a read-only disk refuses. */
        public boolean writes() {
            return switch (this) {
                case CREATE, WRITE, PUT, TRUNCATE, ALLOCATE, RENAME, LINK, DELETE, MAKE_DIRECTORY -> true;
                case OPEN_FOR_WRITE,
                        OPEN_FOR_READ,
                        OPEN_DIRECTORY,
                        READ,
                        MAP,
                        SIZE,
                        SYNC_FILE,
                        SYNC_DIRECTORY,
                        LIST,
                        FIND,
                        LOCK,
                        CLOSE -> false;
            };
        }

        /** Returns whether a power cut before it differs from one after it: it writes or syncs. */
        public boolean isCutPoint() {
            return writes() || isSync();
        }

        /** Returns whether it is the sync of a file or directory. */
        public boolean isSync() {
            return this == SYNC_FILE || this == SYNC_DIRECTORY;
        }
    }

    /** Returns the last name of {@link #path}. */
    public String name() {
        return path.getNameCount() == 0 ? "/" : DiskModel.lastName(path);
    }

    long fingerprint() {
        long hash = SimulatedRandom.mix(number ^ (long) kind.name().hashCode() << 32);
        hash = SimulatedRandom.mix(hash ^ path.hashCode());
        hash = SimulatedRandom.mix(hash ^ (other == null ? 0 : other.hashCode()) ^ (long) process.hashCode() << 32);
        return SimulatedRandom.mix(SimulatedRandom.mix(hash ^ offset) ^ length);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder()
                .append(number)
                .append(' ')
                .append(process)
                .append(": ")
                .append(kind)
                .append(' ')
                .append(path);
        if (other != null) {
            text.append(" -> ").append(other);
        }
        if (offset != 0 || length != 0) {
            text.append(" at ").append(offset).append(" length ").append(length);
        }
        return site == null
                ? text.toString()
                : text.append(" (").append(site).append(')').toString();
    }
}
