package io.beachdb.db;

import io.beachdb.Durability;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.Varint;
import io.beachdb.base.memory.Epochs;
import io.beachdb.manifest.Version;
import io.beachdb.memtable.Inserter;
import io.beachdb.memtable.Memtable;
import io.beachdb.stress.Lincheck;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Test;

/**
 * The commit queue with the views that readers take: writers put and write batches through the pipeline, memtables are
 * rotated by a leader between groups and merged into ones without old versions, as a flush and a compaction do; readers
 * take a view first, the visible sequence second. To everybody it is a map of two keys to the sequences of their last
 * writes, and a batch is seen whole or not at all. A wake that is missing ends in a deadlock, which Lincheck finds.
 *
 * <p>Unlogged writes, so no log: {@link LoggedCommitsLincheckTest} has one.
 */
@Param(name = "key", gen = IntGen.class, conf = "0:1")
public class CommitPipelineLincheckTest {
    private static final MemoryAccount ACCOUNT =
            MemoryBudget.ofBytes(128L << 20).openAccount();
    private static final int KEYS = 2;
    private static final MemorySegment KEY_BYTES = Arena.global().allocate(KEYS);

    static {
        KEY_BYTES.set(ValueLayout.JAVA_BYTE, 1, (byte) 1);
    }

    private final StressScheduler scheduler = new StressScheduler();
    private final Epochs<ReadContext> epochs = new Epochs<>(4, () -> new ReadContext(ACCOUNT));
    private final Views views = new Views(epochs, scheduler);
    private volatile MemtableSlot active = newSlot();

    private final CommitPipeline pipeline = new CommitPipeline(
            scheduler,
            new CommitPipeline.Room() {
                @Override
                public MemtableSlot makeRoom(WriteRequest request) {
                    return active;
                }

                @Override
                public void logFailed(StorageException failure) {
                    throw new AssertionError("no log here", failure);
                }

                @Override
                public void logSynced(long sequence) {
                    throw new AssertionError("no log here");
                }
            },
            0);
    private final RequestPool requests =
            new RequestPool(() -> new WriteRequest(ACCOUNT, scheduler, () -> pipeline.broken() != null));

    public CommitPipelineLincheckTest() {
        views.publish(new View(active, new MemtableSlot[0], new TableSet(Version.empty())));
    }

    private static MemtableSlot newSlot() {
        return new MemtableSlot(new Memtable(ACCOUNT, 1), 1);
    }

    private View current() {
        View view = views.current();
        if (view == null) {
            throw new AssertionError("there is always a view");
        }
        return view;
    }

    /** Returns the write's sequence. */
    @Operation
    public long put(@Param(name = "key") int key) {
        return write(key, 1);
    }

    /** Writes both keys at once. */
    @Operation
    public long putBoth() {
        return write(0, KEYS);
    }

    private long write(int firstKey, int count) {
        WriteRequest request = requests.take();
        try {
            fill(request, firstKey, count, Durability.UNLOGGED);
            return pipeline.commit(request);
        } finally {
            requests.giveBack(request);
        }
    }

    /** Makes a request put {@code count} keys, from {@code firstKey} on. */
    static void fill(WriteRequest request, int firstKey, int count, Durability durability) {
        int bytes = (int) BatchFormat.putLength(1, 0) * count;
        request.begin(1 + BatchFormat.headerLength(count) + bytes, count, durability);
        long at = request.start;
        for (int i = 0; i < count; i++) {
            at = BatchFormat.beginOperation(request.memory, at, InternalKeys.KIND_PUT, 1);
            request.memory.set(ValueLayout.JAVA_BYTE, at, (byte) (firstKey + i));
            at = Varint.put(request.memory, at + 1, 0);
        }
        request.seal();
    }

    /** Returns the sequences of the last writes to both keys, as one number. */
    @Operation
    public long read() {
        ReadContext context = epochs.enter();
        try {
            View view = current(); // first, so that nothing older than what is visible now is missing from it
            long visible = pipeline.visibleSequence();
            return find(view, 0, visible) * 100 + find(view, 1, visible);
        } finally {
            epochs.exit(context);
        }
    }

    private static long find(View view, int key, long visible) {
        long found = find(view.active, key, visible);
        for (int i = 0; i < view.immutables.length && found == 0; i++) {
            found = find(view.immutables[i], key, visible);
        }
        return found;
    }

    /** Returns the sequence of the last write to a key that is visible; 0 if there is none. */
    static long find(MemtableSlot slot, int key, long visible) {
        long entry = slot.memtable.find(KEY_BYTES, key, 1, InternalKeys.seekTrailer(visible));
        return entry == 0 ? 0 : InternalKeys.sequence(slot.memtable.trailer(entry));
    }

    @Operation
    public void rotate() {
        pipeline.asLeader(() -> {
            synchronized (this) {
                MemtableSlot fresh = newSlot();
                views.publish(current().rotated(fresh));
                active = fresh;
            }
        });
    }

    /** Replaces the oldest immutable memtable, once it is complete (P4), by one with what is visible now. */
    @Operation
    public synchronized void merge() {
        View view = current();
        int last = view.immutables.length - 1;
        if (last < 0 || view.immutables[last].lastSequence > pipeline.visibleSequence()) {
            return;
        }
        MemtableSlot merged = newSlot();
        Inserter inserter = new Inserter();
        for (int key = 0; key < KEYS; key++) {
            long newest = find(view.immutables[last], key, pipeline.visibleSequence());
            if (newest > 0) {
                long trailer = InternalKeys.trailer(newest, InternalKeys.KIND_PUT);
                merged.memtable.add(inserter, KEY_BYTES, key, 1, trailer, KEY_BYTES, 0, 0);
            }
        }
        MemtableSlot[] immutables = view.immutables.clone();
        immutables[last] = merged;
        views.publish(new View(view.active, immutables, view.tables));
    }

    @Validate
    public void end() {
        views.publish(null);
        requests.close(scheduler, scheduler.newSignal("none", 0), () -> false);
        epochs.forEachSlot(ReadContext::free);
        if (!views.isSettled()) {
            throw new AssertionError("views are left");
        }
    }

    /** What it must look like. */
    public static class LastWrites {
        private long sequence;
        private long first;
        private long second;

        public long put(int key) {
            sequence++;
            if (key == 0) {
                first = sequence;
            } else {
                second = sequence;
            }
            return sequence;
        }

        public long putBoth() {
            first = ++sequence;
            second = ++sequence;
            return sequence;
        }

        public long read() {
            return first * 100 + second;
        }

        public void rotate() {
            // Nobody can tell.
        }

        public void merge() {
            // Nobody can tell.
        }
    }

    @Test
    void commits_modelChecked_areSeenInOrderAndWhole() {
        Lincheck.modelCheck(
                CommitPipelineLincheckTest.class,
                LastWrites.class,
                2,
                4,
                600,
                Memtable.class,
                MemoryAccount.class,
                RequestPool.class,
                Epochs.class,
                Views.class);
    }

    /** Whoever finds another leading, or advancing, is woken, or led, by that one (P3). */
    @Test
    void twoWriters_modelChecked_leaveNoneWaiting() {
        Lincheck.modelCheck(
                CommitPipelineLincheckTest.class,
                LastWrites.class,
                List.of("put 0", "put 1"),
                700,
                Memtable.class,
                MemoryAccount.class,
                RequestPool.class,
                Epochs.class,
                Views.class);
    }

    @Test
    void commits_stressed_areSeenInOrderAndWhole() {
        Lincheck.stress(CommitPipelineLincheckTest.class, LastWrites.class, 3, 8, 1000);
    }
}
