package io.beachdb;

import io.beachdb.durability.DurabilityStats;
import java.util.List;

/**
 * Figures since the database was opened, and its present shape.
 *
 * @param levels tables by level
 * @param userBytesWritten keys and values given by callers
 * @param logBytesWritten bytes appended to logs
 * @param flushedBytes bytes of tables that flushes wrote
 * @param compactedBytes bytes of tables that compactions wrote
 * @param flushes how many flushes ended
 * @param compactions how many compactions ended, trivial moves included
 * @param trivialMoves how many compactions only moved tables
 * @param stallNanos how long writers were slowed or stopped, summed
 * @param durability file events and syncs by site
 * @param cacheHits block lookups answered by the cache
 * @param cacheMisses block lookups that read the disk
 * @param codec which LZ4 codec is in use
 * @param hashProvider which XXH3 provider is in use
 * @param visibleSequence newest sequence that readers see
 * @param durableSequence newest sequence below which everything is on disk
 */
public record DatabaseStats(
        List<Level> levels,
        long userBytesWritten,
        long logBytesWritten,
        long flushedBytes,
        long compactedBytes,
        long flushes,
        long compactions,
        long trivialMoves,
        long stallNanos,
        DurabilityStats durability,
        long cacheHits,
        long cacheMisses,
        String codec,
        String hashProvider,
        long visibleSequence,
        long durableSequence) {

    /**
     * One level.
     *
     * @param tables how many tables
     * @param bytes their files' sizes
     * @param rawBytes keys and values in them, uncompressed
     * @param entries entries in them, tombstones included
     */
    public record Level(int level, int tables, long bytes, long rawBytes, long entries, long tombstones) {}

    /** Returns bytes written to disk for each byte the callers wrote; 0 before the first write. */
    public double writeAmplification() {
        return userBytesWritten == 0
                ? 0
                : (double) (logBytesWritten + flushedBytes + compactedBytes) / userBytesWritten;
    }

    /** Returns the bytes of all tables. */
    public long tableBytes() {
        return levels.stream().mapToLong(Level::bytes).sum();
    }
}
