package io.beachdb.durability;

import java.util.EnumMap;
import java.util.Map;

/**
 * How often each thing has happened in a directory since it was opened.
 *
 * @param fileSyncs syncs of file data, by site
 * @param directorySyncs syncs of directories, by site
 * @param events name events, by kind
 */
public record DurabilityStats(
        Map<SyncSite, Long> fileSyncs, Map<SyncSite, Long> directorySyncs, Map<DurabilityEvent.Kind, Long> events) {

    /** Returns all syncs of files. */
    public long totalFileSyncs() {
        return fileSyncs.values().stream().mapToLong(Long::longValue).sum();
    }

    /** Returns all syncs of directories. */
    public long totalDirectorySyncs() {
        return directorySyncs.values().stream().mapToLong(Long::longValue).sum();
    }

    /** Returns what happened since {@code before}, without the zeros. */
    public DurabilityStats since(DurabilityStats before) {
        return new DurabilityStats(
                minus(SyncSite.class, fileSyncs, before.fileSyncs),
                minus(SyncSite.class, directorySyncs, before.directorySyncs),
                minus(DurabilityEvent.Kind.class, events, before.events));
    }

    private static <E extends Enum<E>> Map<E, Long> minus(Class<E> type, Map<E, Long> now, Map<E, Long> before) {
        Map<E, Long> difference = new EnumMap<>(type);
        now.forEach((key, count) -> {
            long more = count - before.getOrDefault(key, 0L);
            if (more != 0) {
                difference.put(key, more);
            }
        });
        return difference;
    }
}
