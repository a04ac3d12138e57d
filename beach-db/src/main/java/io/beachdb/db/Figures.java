package io.beachdb.db;

import io.beachdb.DatabaseStats;
import io.beachdb.MemoryReport;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.KeyHash;
import io.beachdb.manifest.LiveTable;
import io.beachdb.manifest.Version;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Puts together what the parts of an engine count. */
final class Figures {
    private final Opened opened;
    private final Writes writes;
    private final CommitPipeline pipeline;
    private final Flusher flusher;
    private final Compactor compactor;
    private final WriteThrottle throttle;
    private final DurableProgress durable;

    Figures(
            Opened opened,
            Writes writes,
            CommitPipeline pipeline,
            Flusher flusher,
            Compactor compactor,
            WriteThrottle throttle,
            DurableProgress durable) {
        this.opened = opened;
        this.writes = writes;
        this.pipeline = pipeline;
        this.flusher = flusher;
        this.compactor = compactor;
        this.throttle = throttle;
        this.durable = durable;
    }

    MemoryReport memory() {
        MemoryBudget budget = opened.budget();
        MemoryAccount account = opened.account();
        Map<MemoryUse, Long> uses = new EnumMap<>(MemoryUse.class);
        for (MemoryUse use : MemoryUse.values()) {
            uses.put(use, account.usedBytes(use));
        }
        return new MemoryReport(
                budget.capacityBytes(), budget.usedBytes(), budget.overdraftBytes(), account.usedBytes(), uses);
    }

    /** @param version the current one, held by the caller */
    DatabaseStats stats(Version version) {
        List<DatabaseStats.Level> levels = new ArrayList<>();
        for (int level = 0; level < Version.LEVELS; level++) {
            levels.add(level(version, level));
        }
        return new DatabaseStats(
                levels,
                writes.userBytes(),
                pipeline.loggedBytes(),
                flusher.bytes(),
                compactor.bytes(),
                flusher.count(),
                compactor.count(),
                compactor.moves(),
                throttle.stallNanos(),
                opened.directory().stats(),
                opened.cache().stats().hits(),
                opened.cache().stats().misses(),
                opened.codec(),
                KeyHash.provider(),
                pipeline.visibleSequence(),
                durable.now());
    }

    private static DatabaseStats.Level level(Version version, int level) {
        long raw = 0;
        long entries = 0;
        long tombstones = 0;
        for (LiveTable table : version.tables(level)) {
            raw += table.entry().rawBytes();
            entries += table.entry().entries();
            tombstones += table.entry().tombstones();
        }
        return new DatabaseStats.Level(
                level, version.tableCount(level), version.bytes(level), raw, entries, tombstones);
    }
}
