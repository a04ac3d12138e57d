package io.beachdb.db;

import io.beachdb.Options;
import io.beachdb.manifest.InternalKey;
import io.beachdb.manifest.LiveTable;
import io.beachdb.manifest.TableEntry;
import io.beachdb.manifest.Version;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Leveled compaction with dynamic level sizes (as RocksDB's {@code level_compaction_dynamic_level_bytes}): the aims follow
 * from the size of the last level, each level a fixed factor smaller, so that space amplification stays near one ninth;
 * level 0 goes down to the <em>base level</em>, the highest whose aim is worth having.
 */
final class LeveledCompaction implements CompactionPolicy {
    private static final int LAST_LEVEL = Version.LEVELS - 1;
    private static final double URGENT = 1.0;
    private static final int RANGE_STEP_TABLES = 16;
    private static final int TOMBSTONE_DIVISOR = 2; // mostly tombstones: every second entry and more
    private static final int SHADOWED_DIVISOR = 8; // shadowed bytes worth a table written anew: an eighth and more
    private static final int SMALL_RUN_TABLES = 8; // neighbours worth one table: so many and more,
    private static final int SMALL_RUN_SHARE = 4; // none of them more than a quarter of their bytes

    private final Options options;

    LeveledCompaction(Options options) {
        this.options = options;
    }

    /** Aims by level, and where level 0 goes. */
    private record Aims(int baseLevel, long[] bytes) {}

    private Aims aims(Version version) {
        int firstUsed = 0;
        long largest = 0;
        for (int level = LAST_LEVEL; level >= 1; level--) {
            if (version.tableCount(level) > 0) {
                firstUsed = level;
                largest = Math.max(largest, version.bytes(level));
            }
        }
        int base = firstUsed == 0 ? LAST_LEVEL : firstUsed;
        double size = (double) largest;
        for (int level = base; level < LAST_LEVEL; level++) {
            size /= options.levelMultiplier();
        }
        while (base > 1 && size > options.baseLevelBytes()) {
            base--;
            size /= options.levelMultiplier();
        }
        long[] aims = new long[Version.LEVELS];
        for (int level = base; level <= LAST_LEVEL; level++) {
            // Never below the least aim: compacting less than that gains nothing.
            aims[level] = (long) Math.max(size, (double) options.baseLevelBytes());
            size *= options.levelMultiplier();
        }
        return new Aims(base, aims);
    }

    @Override
    public @Nullable CompactionPlan pick(Version version, long oldestSnapshot) {
        Aims aims = aims(version);
        // By urgency; a level whose tables are busy gives way to the next.
        boolean[] tried = new boolean[Version.LEVELS];
        while (true) {
            int best = -1;
            double bestScore = URGENT;
            for (int level = 0; level < LAST_LEVEL; level++) {
                double score = tried[level] ? 0 : score(version, aims, level);
                if (score >= bestScore) {
                    best = level;
                    bestScore = score;
                }
            }
            if (best < 0) {
                CompactionPlan garbage = pickGarbage(version, aims, oldestSnapshot);
                return garbage != null ? garbage : pickSmallRun(version);
            }
            tried[best] = true;
            CompactionPlan plan =
                    best == 0 ? fromLevel0(version, aims.baseLevel, "level 0") : fromLevel(version, aims, best);
            if (plan != null) {
                return plan;
            }
        }
    }

    private double score(Version version, Aims aims, int level) {
        if (level == 0) {
            int count = version.tableCount(0);
            double byCount = (double) count / options.level0CompactionTables();
            return count < 2 ? byCount : Math.max(byCount, (double) version.bytes(0) / options.baseLevelBytes());
        }
        if (version.tableCount(level) == 0) {
            return 0;
        }
        if (level < aims.baseLevel) {
            return 2 * URGENT; // the base has moved below it
        }
        return (double) version.bytes(level) / aims.bytes[level];
    }

    private @Nullable CompactionPlan fromLevel0(Version version, int baseLevel, String reason) {
        List<TableHandle> inputs = handles(version.tables(0));
        if (inputs.isEmpty() || anyBusy(inputs)) {
            return null;
        }
        return complete(version, 0, baseLevel, inputs, reason);
    }

    /** Picks the table of a level that meets the fewest bytes below, for its size. */
    private @Nullable CompactionPlan fromLevel(Version version, Aims aims, int level) {
        int toLevel = Math.max(level + 1, aims.baseLevel);
        TableHandle best = null;
        double bestRatio = Double.MAX_VALUE;
        for (LiveTable table : version.tables(level)) {
            TableHandle handle = TableHandle.of(table);
            if (handle.compacting) {
                continue;
            }
            List<LiveTable> below = below(version, level, toLevel, table.entry());
            if (anyBusy(handles(below))) {
                continue;
            }
            long bytes = below.stream().mapToLong(t -> t.entry().fileBytes()).sum();
            double ratio = (double) bytes / table.entry().fileBytes();
            if (ratio < bestRatio) {
                best = handle;
                bestRatio = ratio;
            }
        }
        return best == null
                ? null
                : complete(version, level, toLevel, List.of(best), "level " + level + " is above its aim");
    }

    /** Tables between the two levels count too: nothing may be moved past them. */
    private static List<LiveTable> below(Version version, int level, int toLevel, TableEntry entry) {
        List<LiveTable> found = new ArrayList<>();
        for (int l = level + 1; l <= toLevel; l++) {
            found.addAll(version.overlapping(l, entry.smallest(), entry.largest()));
        }
        return found;
    }

    /**
     * Tables that are mostly tombstones go down. Tables of a last level whose tombstones nobody needs, or that keep much for
     * snapshots that are gone, are written anew without.
     */
    private @Nullable CompactionPlan pickGarbage(Version version, Aims aims, long oldestSnapshot) {
        for (int level = LAST_LEVEL; level >= 1; level--) {
            for (LiveTable table : version.tables(level)) {
                TableEntry entry = table.entry();
                TableHandle handle = TableHandle.of(table);
                boolean muchShadowed =
                        entry.shadowedBytes() > 0 && entry.shadowedBytes() >= entry.rawBytes() / SHADOWED_DIVISOR;
                if (handle.compacting || (entry.tombstones() == 0 && !muchShadowed)) {
                    continue;
                }
                boolean last = isLastFor(version, level, entry);
                // Shadowed versions can go anywhere, tombstones only where nothing lies below them.
                if ((last || muchShadowed)
                        && entry.largestSequence() <= oldestSnapshot
                        && handle.garbageAt != oldestSnapshot) {
                    String reason = muchShadowed ? "versions no snapshot needs" : "tombstones nobody needs";
                    return merge(level, List.of(handle), reason);
                }
                if (!last && level < LAST_LEVEL && entry.tombstones() * TOMBSTONE_DIVISOR >= entry.entries()) {
                    CompactionPlan plan = complete(
                            version, level, Math.max(level + 1, aims.baseLevel), List.of(handle), "mostly tombstones");
                    if (plan != null) {
                        return plan.trivialMove() ? withoutMove(plan) : plan;
                    }
                }
            }
        }
        return null;
    }

    /**
     * Many small neighbours in the last level become one table: otherwise a database that is opened often, each time for a few keys, would
     * have a table, with its descriptor and its index, for each opening. Since none is large among them, an entry is
     * written anew a few times only, however the tables come.
     */
    private @Nullable CompactionPlan pickSmallRun(Version version) {
        List<LiveTable> tables = version.tables(LAST_LEVEL);
        for (int from = 0; from + SMALL_RUN_TABLES <= tables.size(); from++) {
            int count = smallRun(tables, from);
            if (count >= SMALL_RUN_TABLES) {
                List<TableHandle> run = handles(tables.subList(from, from + count));
                return new CompactionPlan(LAST_LEVEL, LAST_LEVEL, run, List.of(), false, true, "small neighbours");
            }
        }
        return null;
    }

    /** Returns how many tables from one on are small neighbours, and none of them busy. */
    private int smallRun(List<LiveTable> tables, int from) {
        int count = 0;
        long largest = 0;
        long bytes = 0;
        for (int i = from; i < tables.size(); i++) {
            TableHandle table = TableHandle.of(tables.get(i));
            bytes += sizeToMerge(table);
            largest = Math.max(largest, sizeToMerge(table));
            if (table.compacting || table.mergeFailed || bytes > options.targetTableBytes()) {
                break;
            }
            if (largest <= bytes / SMALL_RUN_SHARE) {
                count = i + 1 - from;
            }
        }
        return count;
    }

    /** The file's size, and no less than the raw one: while a table is written, what is not compressed yet counts as raw. */
    private static long sizeToMerge(TableHandle table) {
        return Math.max(table.entry().fileBytes(), table.entry().rawBytes());
    }

    /**
     * Plans to make one table of neighbours in the last level that fit one; null when there are none.
     *
     * @param after only of tables that begin behind this user key; null: of all
     * @param smallest first user key of the range; null: from the beginning
     * @param largest last user key of the range; null: to the end
     * @return a plan whose tables may be busy
     */
    @Nullable
    CompactionPlan pickFitting(
            Version version,
            @Nullable InternalKey after,
            @Nullable InternalKey smallest,
            @Nullable InternalKey largest) {
        List<TableHandle> fitting = new ArrayList<>();
        long bytes = 0;
        for (TableHandle table : handles(version.overlapping(LAST_LEVEL, smallest, largest))) {
            if (after != null && table.entry().smallest().compareUserKey(after) <= 0) {
                continue;
            }
            bytes += sizeToMerge(table);
            if (bytes > options.targetTableBytes()) {
                if (fitting.size() > 1) {
                    break;
                }
                fitting.clear();
                bytes = sizeToMerge(table);
            }
            fitting.add(table);
        }
        return fitting.size() > 1 ? merge(LAST_LEVEL, fitting, "asked for") : null;
    }

    /** Returns the largest key in the last level's tables of a range; null if there are none. */
    static @Nullable InternalKey lastKey(
            Version version, @Nullable InternalKey smallest, @Nullable InternalKey largest) {
        List<LiveTable> tables = version.overlapping(LAST_LEVEL, smallest, largest);
        return tables.isEmpty() ? null : tables.getLast().entry().largest();
    }

    private static CompactionPlan merge(int level, List<TableHandle> neighbours, String reason) {
        return new CompactionPlan(level, level, List.copyOf(neighbours), List.of(), false, false, reason);
    }

    private static CompactionPlan withoutMove(CompactionPlan plan) {
        return new CompactionPlan(
                plan.fromLevel(), plan.toLevel(), plan.inputs(), plan.overlapped(), false, false, plan.reason());
    }

    private static boolean isLastFor(Version version, int level, TableEntry entry) {
        for (int below = level + 1; below <= LAST_LEVEL; below++) {
            if (!version.overlapping(below, entry.smallest(), entry.largest()).isEmpty()) {
                return false;
            }
        }
        return true;
    }

    /**
     * Completes a plan that brings {@code inputs} down; null when tables in the way are busy.
     *
     * <p>Nothing lies between the two levels: the base level is the highest below 0 that is used, and other compactions go
     * one level.
     */
    private static @Nullable CompactionPlan complete(
            Version version, int fromLevel, int toLevel, List<TableHandle> inputs, String reason) {
        InternalKey smallest = inputs.getFirst().entry().smallest();
        InternalKey largest = inputs.getFirst().entry().largest();
        for (TableHandle input : inputs) {
            if (input.entry().smallest().compareUserKey(smallest) < 0) {
                smallest = input.entry().smallest();
            }
            if (input.entry().largest().compareUserKey(largest) > 0) {
                largest = input.entry().largest();
            }
        }
        for (int between = fromLevel + 1; between < toLevel; between++) {
            if (!version.overlapping(between, smallest, largest).isEmpty()) {
                return null;
            }
        }
        List<TableHandle> overlapped = handles(version.overlapping(toLevel, smallest, largest));
        if (anyBusy(overlapped)) {
            return null;
        }
        boolean move = overlapped.isEmpty() && areDisjoint(inputs);
        return new CompactionPlan(fromLevel, toLevel, List.copyOf(inputs), overlapped, move, false, reason);
    }

    private static boolean areDisjoint(List<TableHandle> tables) {
        List<TableHandle> sorted = new ArrayList<>(tables);
        sorted.sort((a, b) -> a.entry().smallest().compareTo(b.entry().smallest()));
        for (int i = 1; i < sorted.size(); i++) {
            if (sorted.get(i - 1)
                            .entry()
                            .largest()
                            .compareUserKey(sorted.get(i).entry().smallest())
                    >= 0) {
                return false;
            }
        }
        return true;
    }

    /**
     * Plans one step of bringing a key range down; null when it is in the last level, or something in the way is busy.
     *
     * @param smallest first user key; null: from the beginning
     * @param largest last user key; null: to the end
     */
    @Nullable
    CompactionPlan pickRange(Version version, @Nullable InternalKey smallest, @Nullable InternalKey largest) {
        for (int level = 0; level < LAST_LEVEL; level++) {
            List<LiveTable> inRange = version.overlapping(level, smallest, largest);
            if (inRange.isEmpty()) {
                continue;
            }
            if (level == 0) {
                // All of level 0: a newer table may not stay above an older one that goes down with the same keys.
                return fromLevel0(version, aims(version).baseLevel, "asked for");
            }
            List<TableHandle> step = new ArrayList<>();
            long bytes = 0;
            for (TableHandle handle : handles(inRange)) {
                if (bytes < RANGE_STEP_TABLES * options.targetTableBytes()) {
                    step.add(handle);
                    bytes += handle.entry().fileBytes();
                }
            }
            return anyBusy(step) ? null : complete(version, level, level + 1, step, "asked for");
        }
        return null;
    }

    /** Returns whether a range has tables above the last level. */
    static boolean isAboveLast(Version version, @Nullable InternalKey smallest, @Nullable InternalKey largest) {
        for (int level = 0; level < LAST_LEVEL; level++) {
            if (!version.overlapping(level, smallest, largest).isEmpty()) {
                return true;
            }
        }
        return false;
    }

    private static List<TableHandle> handles(List<LiveTable> tables) {
        return tables.stream().map(TableHandle::of).toList();
    }

    private static boolean anyBusy(List<TableHandle> tables) {
        return tables.stream().anyMatch(t -> t.compacting);
    }

    @Override
    public long debtBytes(Version version) {
        Aims aims = aims(version);
        long debt = 0;
        long carried = 0;
        if (version.tableCount(0) >= options.level0CompactionTables()) {
            carried = version.bytes(0);
            debt = carried + version.bytes(aims.baseLevel);
        }
        for (int level = aims.baseLevel; level < LAST_LEVEL; level++) {
            long bytes = version.bytes(level) + carried;
            carried = Math.max(0, bytes - aims.bytes[level]);
            if (carried > 0) {
                double ratio = (double) version.bytes(level + 1) / Math.max(1, bytes);
                debt += (long) (carried * (ratio + 1));
            }
        }
        return debt;
    }
}
