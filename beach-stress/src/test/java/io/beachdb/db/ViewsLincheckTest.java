package io.beachdb.db;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.memory.Epochs;
import io.beachdb.manifest.Version;
import io.beachdb.memtable.Memtable;
import io.beachdb.stress.Lincheck;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Test;

/**
 * Publication, pinning and disposal of views, with memtables that are closed when their last view goes: point reads inside
 * an epoch, reads that last with a pin, rotations, flushes. To everybody it is the number of the active memtable and
 * how many wait for a flush; whoever meets a memtable that was closed sees none of that. At the end each view that was
 * replaced is gone.
 */
public class ViewsLincheckTest {
    private static final int CLOSED = -1;
    private static final int FACTOR = 100;

    private static final MemoryAccount ACCOUNT = MemoryBudget.ofBytes(64L << 20).openAccount();

    private final Epochs<ReadContext> epochs = new Epochs<>(2, () -> new ReadContext(ACCOUNT));
    private final Views views = new Views(epochs, new StressScheduler());
    private int made; // guarded by this, as views are published under the engine's state lock

    public ViewsLincheckTest() {
        views.publish(new View(newSlot(), new MemtableSlot[0], new TableSet(Version.empty())));
    }

    private MemtableSlot newSlot() {
        return new MemtableSlot(new Memtable(ACCOUNT, 1), made++);
    }

    private View current() {
        View view = views.current();
        if (view == null) {
            throw new AssertionError("there is always a view");
        }
        return view;
    }

    private static int look(View view) {
        for (MemtableSlot slot : view.immutables) {
            if (slot.memtable.chargedBytes() == 0) {
                return CLOSED;
            }
        }
        return view.active.memtable.chargedBytes() == 0
                ? CLOSED
                : (int) view.active.logNumber * FACTOR + view.immutables.length;
    }

    @Operation
    public int read() {
        ReadContext context = epochs.enter();
        try {
            return look(current());
        } finally {
            epochs.exit(context);
        }
    }

    /** As a cursor's life. */
    @Operation
    public int readPinned() {
        ReadContext context = epochs.enter();
        View view;
        int stripe;
        try {
            view = current();
            stripe = view.pin();
        } finally {
            epochs.exit(context);
        }
        int seen = look(view);
        view.unpin(stripe);
        if (views.current() != view) {
            views.collect();
        }
        return seen;
    }

    @Operation
    public synchronized void rotate() {
        views.publish(current().rotated(newSlot()));
    }

    /** A rotation and a flush of all that there was, at once: the memtables of the old view go with it. */
    @Operation
    public synchronized void replace() {
        views.publish(new View(newSlot(), new MemtableSlot[0], current().tables));
    }

    @Validate
    public void end() {
        views.collect();
        if (!views.isSettled()) {
            throw new AssertionError("a view that was replaced and has no reader is still there");
        }
        View last = current();
        views.publish(null);
        if (!views.isSettled() || last.active.memtable.chargedBytes() != 0) {
            throw new AssertionError("the last view is still there");
        }
    }

    /** What it must look like. */
    public static class Numbers {
        private int active;
        private int immutables;

        public int read() {
            return active * FACTOR + immutables;
        }

        public int readPinned() {
            return read();
        }

        public void rotate() {
            active++;
            immutables++;
        }

        public void replace() {
            active++;
            immutables = 0;
        }
    }

    @Test
    void views_modelChecked_areSeenWholeAndGo() {
        Lincheck.modelCheck(ViewsLincheckTest.class, Numbers.class, 2, 4, 500, Memtable.class, MemoryAccount.class);
    }

    /** A view that is unpublished too late, or freed too early, needs switches at the right places: so there are few others. */
    @Test
    void viewReplacedUnderAReader_modelChecked_staysUntilTheReaderLeaves() {
        Lincheck.modelCheck(
                ViewsLincheckTest.class,
                Numbers.class,
                List.of("read", "replace"),
                1000,
                Memtable.class,
                MemoryAccount.class,
                View.class,
                MemtableSlot.class,
                TableSet.class,
                Version.class,
                ArrayDeque.class,
                ArrayList.class);
    }

    @Test
    void views_stressed_areSeenWholeAndGo() {
        Lincheck.stress(ViewsLincheckTest.class, Numbers.class, 3, 8, 1000);
    }
}
