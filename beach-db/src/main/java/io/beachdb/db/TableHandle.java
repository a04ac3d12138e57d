package io.beachdb.db;

import io.beachdb.durability.DeletionProof;
import io.beachdb.manifest.LiveTable;
import io.beachdb.manifest.TableEntry;
import io.beachdb.sstable.TableReader;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** A table that some version holds: its reader, and how many table sets hold it. Deleted after the last, if dropped. */
final class TableHandle {
    final LiveTable live;
    final TableReader reader;

    /** Whether a compaction has it as input; guarded by the engine's state lock. */
    boolean compacting;

    /** The oldest snapshot when a compaction last looked for garbage here in vain. */
    volatile long garbageAt = -1;

    /** Whether a merge with its neighbours failed, which nobody needs: it is not tried again. */
    volatile boolean mergeFailed;

    private final AtomicInteger sets = new AtomicInteger();
    private final BiConsumer<TableHandle, @Nullable DeletionProof> whenUnused;
    private volatile @Nullable DeletionProof dropped;

    TableHandle(LiveTable live, TableReader reader, BiConsumer<TableHandle, @Nullable DeletionProof> whenUnused) {
        this.live = live;
        this.reader = reader;
        this.whenUnused = whenUnused;
    }

    /** The handle that the engine attached to a live table. */
    static TableHandle of(LiveTable live) {
        TableHandle handle = (TableHandle) live.attachment();
        if (handle == null) {
            throw new AssertionError("table " + live.number() + " has no handle");
        }
        return handle;
    }

    TableEntry entry() {
        return live.entry();
    }

    long number() {
        return live.number();
    }

    void retain() {
        sets.incrementAndGet();
    }

    void release() {
        if (sets.decrementAndGet() == 0) {
            whenUnused.accept(this, dropped);
        }
    }

    /** The edit that drops the table is on disk; set before the last set that holds it goes. */
    void dropped(DeletionProof proof) {
        dropped = proof;
    }
}
