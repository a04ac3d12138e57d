package io.beachdb.cli;

import io.beachdb.DatabaseStats;
import io.beachdb.DatabaseStats.Level;
import io.beachdb.MemoryReport;
import io.beachdb.durability.DurabilityEvent;
import io.beachdb.durability.DurabilityStats;
import io.beachdb.durability.SyncSite;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** The figures of a database, as text for people and as a tree for {@link Json}. */
final class Figures {
    private Figures() {}

    static void printLevels(Output out, DatabaseStats stats) {
        out.line("level  tables       bytes  raw bytes     entries  tombstones");
        for (Level level : stats.levels()) {
            if (level.tables() > 0) {
                printLevel(out, String.valueOf(level.level()), level);
            }
        }
        printLevel(out, "all", total(stats));
    }

    private static void printLevel(Output out, String name, Level level) {
        out.format(
                "%5s  %6d  %10s  %9s  %10s  %10s",
                name,
                level.tables(),
                Units.bytes(level.bytes()),
                Units.bytes(level.rawBytes()),
                Units.count(level.entries()),
                Units.count(level.tombstones()));
    }

    static Level total(DatabaseStats stats) {
        Level sum = new Level(-1, 0, 0, 0, 0, 0);
        for (Level level : stats.levels()) {
            sum = new Level(
                    -1,
                    sum.tables() + level.tables(),
                    sum.bytes() + level.bytes(),
                    sum.rawBytes() + level.rawBytes(),
                    sum.entries() + level.entries(),
                    sum.tombstones() + level.tombstones());
        }
        return sum;
    }

    /** Prints what was written to disk for what callers wrote. */
    static void printWrites(Output out, DatabaseStats stats) {
        out.format(
                "written: %s by callers; %s to logs, %s by %s flushes, %s by %s compactions (%s only moved tables)",
                Units.bytes(stats.userBytesWritten()),
                Units.bytes(stats.logBytesWritten()),
                Units.bytes(stats.flushedBytes()),
                Units.count(stats.flushes()),
                Units.bytes(stats.compactedBytes()),
                Units.count(stats.compactions()),
                Units.count(stats.trivialMoves()));
        out.format("write amplification: %.2f bytes to disk for each byte written", stats.writeAmplification());
        if (stats.stallNanos() > 0) {
            out.line("writers were held up for " + Units.duration(stats.stallNanos()));
        }
    }

    /** Prints file events, and syncs by site. */
    static void printDurability(Output out, DurabilityStats stats) {
        StringBuilder events = new StringBuilder();
        stats.events().forEach((kind, count) -> {
            if (count > 0 && !isSync(kind)) {
                events.append(events.isEmpty() ? "" : ", ")
                        .append(words(kind))
                        .append(' ')
                        .append(Units.count(count));
            }
        });
        out.line("file events: " + (events.isEmpty() ? "none" : events));
        out.line("sync site           files  directories");
        Map<SyncSite, Long> sites = new TreeMap<>(stats.fileSyncs());
        stats.directorySyncs().forEach((site, count) -> sites.merge(site, count, Long::sum));
        sites.forEach((site, count) -> {
            if (count > 0) {
                printSite(
                        out,
                        words(site),
                        stats.fileSyncs().getOrDefault(site, 0L),
                        stats.directorySyncs().getOrDefault(site, 0L));
            }
        });
        printSite(out, "all", stats.totalFileSyncs(), stats.totalDirectorySyncs());
    }

    private static void printSite(Output out, String site, long files, long directories) {
        out.format("%-17s  %6s  %11s", site, Units.count(files), Units.count(directories));
    }

    private static boolean isSync(DurabilityEvent.Kind kind) {
        return kind == DurabilityEvent.Kind.SYNC_FILE || kind == DurabilityEvent.Kind.SYNC_DIRECTORY;
    }

    private static String words(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    static void printMemory(Output out, MemoryReport memory) {
        out.format(
                "native memory: %s of %s%s",
                Units.bytes(memory.usedBytes()),
                Units.bytes(memory.budgetBytes()),
                memory.overdraftBytes() > 0 ? ", " + Units.bytes(memory.overdraftBytes()) + " over" : "");
        StringBuilder uses = new StringBuilder();
        memory.uses().forEach((use, bytes) -> {
            if (bytes > 0) {
                uses.append(uses.isEmpty() ? "  " : ", ")
                        .append(words(use))
                        .append(' ')
                        .append(Units.bytes(bytes));
            }
        });
        if (!uses.isEmpty()) {
            out.line(uses.toString());
        }
    }

    static Map<String, Object> json(DatabaseStats stats) {
        Map<String, Object> map = new LinkedHashMap<>();
        List<Object> levels = new ArrayList<>();
        for (Level level : stats.levels()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("level", level.level());
            one.put("tables", level.tables());
            one.put("bytes", level.bytes());
            one.put("rawBytes", level.rawBytes());
            one.put("entries", level.entries());
            one.put("tombstones", level.tombstones());
            levels.add(one);
        }
        map.put("levels", levels);
        map.put("tableBytes", stats.tableBytes());
        map.put("userBytesWritten", stats.userBytesWritten());
        map.put("logBytesWritten", stats.logBytesWritten());
        map.put("flushedBytes", stats.flushedBytes());
        map.put("compactedBytes", stats.compactedBytes());
        map.put("flushes", stats.flushes());
        map.put("compactions", stats.compactions());
        map.put("trivialMoves", stats.trivialMoves());
        map.put("writeAmplification", stats.writeAmplification());
        map.put("stallNanos", stats.stallNanos());
        map.put("fileSyncs", stats.durability().fileSyncs());
        map.put("directorySyncs", stats.durability().directorySyncs());
        map.put("fileEvents", stats.durability().events());
        map.put("cacheHits", stats.cacheHits());
        map.put("cacheMisses", stats.cacheMisses());
        map.put("codec", stats.codec());
        map.put("hashProvider", stats.hashProvider());
        map.put("visibleSequence", stats.visibleSequence());
        map.put("durableSequence", stats.durableSequence());
        return map;
    }

    static Map<String, Object> json(MemoryReport memory) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("budgetBytes", memory.budgetBytes());
        map.put("budgetUsedBytes", memory.budgetUsedBytes());
        map.put("overdraftBytes", memory.overdraftBytes());
        map.put("usedBytes", memory.usedBytes());
        map.put("uses", memory.uses());
        return map;
    }
}
