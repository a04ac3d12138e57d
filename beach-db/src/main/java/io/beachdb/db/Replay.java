package io.beachdb.db;

import io.beachdb.base.format.InternalKeys;
import io.beachdb.memtable.Inserter;
import io.beachdb.memtable.Memtable;
import io.beachdb.wal.LogRecovery;
import java.lang.foreign.MemorySegment;

/** Brings the batches of logs that tables do not hold yet to a memtable, which it owns. */
abstract class Replay implements AutoCloseable {
    private Memtable memtable;
    private Inserter inserter;
    private long lastSequence;

    Replay(Memtable first) {
        this.memtable = first;
        this.inserter = first.newInserter();
    }

    /**
     * Takes the batch on which the recovery stands.
     *
     * @param inTables sequence up to which everything is in tables: a flush may have brought a part of the log there
     */
    final void takeBatch(LogRecovery logs, long inTables) {
        MemorySegment memory = logs.batchMemory();
        long[] sequence = {logs.firstSequence()};
        BatchFormat.forEachChecked(
                memory,
                logs.batchOffset(),
                logs.batchLength(),
                logs.logPath(),
                logs.recordOffset(),
                (kind, keyOffset, keyLength, valueOffset, valueLength) -> {
                    long at = sequence[0]++;
                    if (at > inTables) {
                        long trailer = InternalKeys.trailer(at, kind);
                        memtable.add(inserter, memory, keyOffset, keyLength, trailer, memory, valueOffset, valueLength);
                        lastSequence = at;
                    }
                });
        batchEnds();
    }

    /** Sees to it that there is room for the next batch. */
    abstract void batchEnds();

    /** Goes on in a fresh memtable; the one before has been closed. */
    final void goOnIn(Memtable fresh) {
        memtable = fresh;
        inserter = fresh.newInserter();
    }

    final Memtable memtable() {
        return memtable;
    }

    /** Returns the last sequence that went into a memtable; 0 if none did. */
    final long lastSequence() {
        return lastSequence;
    }

    @Override
    public void close() {
        memtable.close();
    }
}
