package io.beachdb.db;

import io.beachdb.Durability;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.RecordFramer;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableLog;
import io.beachdb.memtable.Memtable;
import io.beachdb.stress.Lincheck;
import io.beachdb.wal.LogSupply;
import io.beachdb.wal.Predecessor;
import io.beachdb.wal.WalOptions;
import io.beachdb.wal.WalWriter;
import java.nio.file.Path;
import java.util.List;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Test;

/**
 * The commit queue with a log: synced and logged writers lead each other, sync for each other, and wake each other (P2, P5,
 * and T5 of the log). To everybody it is a map of two keys to the sequences of their last writes; a synced write that
 * returns before the log says that it is on disk fails. A wake that is missing ends in a deadlock, which Lincheck finds.
 *
 * <p>The log is the engine's, on files that keep nothing. What the log's loop would do on an engine thread is done by who
 * wakes it: no thread is there that Lincheck does not know.
 */
@Param(name = "key", gen = IntGen.class, conf = "0:1")
public class LoggedCommitsLincheckTest {
    private static final MemoryAccount ACCOUNT =
            MemoryBudget.ofBytes(128L << 20).openAccount();
    private static final int KEYS = 2;

    private final StressScheduler scheduler = new InlineScheduler();
    private final MemtableSlot slot = new MemtableSlot(new Memtable(ACCOUNT, 1), 1);
    private volatile long syncedSequence;

    private final CommitPipeline pipeline = new CommitPipeline(
            scheduler,
            new CommitPipeline.Room() {
                @Override
                public MemtableSlot makeRoom(WriteRequest request) {
                    return slot;
                }

                @Override
                public void logFailed(StorageException failure) {
                    throw new AssertionError("this log does not fail", failure);
                }

                @Override
                public void logSynced(long sequence) {
                    syncedSequence = sequence;
                }
            },
            0);
    private final RequestPool requests =
            new RequestPool(() -> new WriteRequest(ACCOUNT, scheduler, () -> pipeline.broken() != null));
    private final WalWriter wal;

    public LoggedCommitsLincheckTest() {
        DurableDirectory directory = DurableDirectory.open(
                new MemoryLogFiles(),
                Path.of("/db"),
                DurableDirectory.Mode.EXISTING,
                scheduler,
                DurabilityListener.none());
        LogSupply supply = new LogSupply(directory, new DatabaseId(1, 2), () -> 1, scheduler, ACCOUNT, 1 << 20);
        wal = new WalWriter(
                supply,
                supply.takeGrowing(),
                Predecessor.none(),
                scheduler,
                ACCOUNT,
                new WalOptions(64 << 10, 1_000_000_000, 0, 0, 0, 0),
                pipeline);
        pipeline.setWal(wal);
    }

    @Operation
    public long putSynced(@Param(name = "key") int key) {
        return write(key, 1, Durability.SYNCED);
    }

    @Operation
    public long putLogged(@Param(name = "key") int key) {
        return write(key, 1, Durability.LOGGED);
    }

    /** Writes both keys at once. */
    @Operation
    public long putBoth() {
        return write(0, KEYS, Durability.SYNCED);
    }

    private long write(int firstKey, int count, Durability durability) {
        WriteRequest request = requests.take();
        try {
            CommitPipelineLincheckTest.fill(request, firstKey, count, durability);
            long sequence = pipeline.commit(request);
            if (durability == Durability.SYNCED && wal.syncedSequence() < sequence) {
                throw new AssertionError("acknowledged before it is on disk");
            }
            return sequence;
        } finally {
            requests.giveBack(request);
        }
    }

    /** Returns the sequences of the last writes to both keys, as one number. */
    @Operation
    public long read() {
        long visible = pipeline.visibleSequence();
        return CommitPipelineLincheckTest.find(slot, 0, visible) * 100
                + CommitPipelineLincheckTest.find(slot, 1, visible);
    }

    @Validate
    public void end() {
        if (wal.failure() != null || syncedSequence != wal.syncedSequence()) {
            throw new AssertionError("the engine was told " + syncedSequence + ", on disk is " + wal.syncedSequence());
        }
        wal.close();
        requests.close(scheduler, scheduler.newSignal("none", 0), () -> false);
        slot.release();
    }

    /** What it must look like. */
    public static class LastWrites extends CommitPipelineLincheckTest.LastWrites {
        public long putSynced(int key) {
            return put(key);
        }

        public long putLogged(int key) {
            return put(key);
        }
    }

    /*
     * Chosen scenarios, since each run makes and ends a log, which takes longer than all else: by chance there would be too
     * few.
     */
    @Test
    void loggedCommits_modelChecked_areSeenInOrderAndReturnOnDisk() {
        for (String other : List.of("putSynced 1", "putLogged 1")) {
            Lincheck.modelCheck(
                    LoggedCommitsLincheckTest.class,
                    LastWrites.class,
                    List.of("putSynced 0", other),
                    300,
                    Memtable.class,
                    MemoryAccount.class,
                    RequestPool.class,
                    RecordFramer.class,
                    DurableDirectory.class,
                    DurableLog.class,
                    LogSupply.class);
        }
    }

    @Test
    void loggedCommits_stressed_areSeenInOrderAndReturnOnDisk() {
        Lincheck.stress(LoggedCommitsLincheckTest.class, LastWrites.class, 3, 4, 200);
    }
}
