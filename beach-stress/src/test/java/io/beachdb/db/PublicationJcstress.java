package io.beachdb.db;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.memory.Epochs;
import io.beachdb.manifest.Version;
import io.beachdb.memtable.Memtable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/** The order in which the engine publishes: views and the visible sequence, and the two flags that end a synced write. */
public final class PublicationJcstress {
    private static final MemoryAccount ACCOUNT = MemoryBudget.ofBytes(16L << 20).openAccount();
    private static final Memtable MEMTABLE = new Memtable(ACCOUNT, 1); // shared: never closed, since one slot is kept
    private static final TableSet NO_TABLES = new TableSet(Version.empty());

    private PublicationJcstress() {}

    /**
     * A compaction drops what the visible sequence hides, then its view is published. A reader takes its view first: if it
     * is the compaction's, the sequence that it takes then is not older. And a view is whole.
     */
    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "old view, old sequence")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "old view, new sequence: what it hides is there all the same")
    @Outcome(id = "2, 1", expect = ACCEPTABLE, desc = "new view, new sequence")
    @Outcome(id = "2, 0", expect = FORBIDDEN, desc = "the entry seen at the old sequence is gone")
    @Outcome(expect = FORBIDDEN, desc = "a view in part")
    @State
    public static class ViewThenSequence {
        private final Views views = new Views(new Epochs<>(2, () -> new ReadContext(ACCOUNT)), new StressScheduler());
        private volatile long visibleSequence; // as the pipeline's

        public ViewThenSequence() {
            views.publish(view(1));
        }

        private static View view(long number) {
            MemtableSlot slot = new MemtableSlot(MEMTABLE, number);
            slot.retain(); // once more than its view, so that the memtable stays open
            return new View(slot, new MemtableSlot[0], NO_TABLES);
        }

        @Actor
        public void write() {
            visibleSequence = 1;
            views.publish(view(2));
        }

        @Actor
        public void read(II_Result r) {
            View view = views.current();
            r.r1 = view == null || view.immutables.length > 0 ? -1 : (int) view.active.logNumber;
            r.r2 = (int) visibleSequence;
        }
    }

    /** P5: of the one who makes a write visible and the one who synced it, at least one sees the other, and wakes. */
    @JCStressTest
    @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "both wake")
    @Outcome(
            id = {"true, false", "false, true"},
            expect = ACCEPTABLE,
            desc = "the later one wakes")
    @Outcome(id = "false, false", expect = FORBIDDEN, desc = "nobody wakes: the writer waits for ever")
    @State
    public static class VisibleAndSynced {
        private static final StressScheduler SCHEDULER = new StressScheduler();

        private final WriteRequest request = new WriteRequest(ACCOUNT, SCHEDULER, () -> false);

        @Actor
        public void advance(ZZ_Result r) {
            r.r1 = request.becomeVisible();
        }

        @Actor
        public void synced(ZZ_Result r) {
            r.r2 = request.becomeSynced();
        }
    }
}
