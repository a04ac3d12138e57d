package io.beachdb.db;

import io.beachdb.base.Scheduler;
import io.beachdb.base.memory.Epochs;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/** Publishes the current {@link View} and disposes of replaced ones when nobody can see them any more. */
final class Views {
    private static final long RETRY_NANOS = 5_000_000;

    private record Retired(View view, long stamp) {}

    private final Epochs<ReadContext> epochs;
    private final Scheduler scheduler;
    private volatile @Nullable View current;

    // Guarded by this.
    private final Deque<Retired> retired = new ArrayDeque<>();
    private boolean retryScheduled;
    private int disposing; // taken off the list, and not let go of yet

    Views(Epochs<ReadContext> epochs, Scheduler scheduler) {
        this.epochs = epochs;
        this.scheduler = scheduler;
    }

    /** Returns the current view, for use inside an epoch; null before the opening ends and after close begins. */
    @Nullable
    View current() {
        return current;
    }

    /** Replaces the view. Callers are ordered by the engine's state lock. */
    void publish(@Nullable View next) {
        View old = current;
        current = next;
        scheduler.reach("view");
        if (old != null) {
            long stamp = epochs.retire();
            synchronized (this) {
                retired.add(new Retired(old, stamp));
            }
        }
        collect();
    }

    /** Disposes of what nobody sees any more; looks again soon when something is left. */
    void collect() {
        Deque<View> gone = new ArrayDeque<>();
        boolean retry;
        synchronized (this) {
            for (Iterator<Retired> i = retired.iterator(); i.hasNext(); ) {
                Retired r = i.next();
                if (epochs.isQuiet(r.stamp) && !r.view.isPinned()) {
                    i.remove();
                    gone.add(r.view);
                }
            }
            // A pinned view is collected by whoever unpins it; only a point read still inside needs another look.
            disposing += gone.size();
            retry = !retryScheduled && retired.stream().anyMatch(r -> !r.view.isPinned());
            retryScheduled |= retry;
        }
        try {
            gone.forEach(View::dispose);
        } finally {
            synchronized (this) {
                disposing -= gone.size();
            }
        }
        if (retry) {
            scheduler.after(RETRY_NANOS, "view-collect", () -> {
                synchronized (this) {
                    retryScheduled = false;
                }
                collect();
            });
        }
    }

    /** Returns whether every replaced view is gone. */
    synchronized boolean isSettled() {
        return retired.isEmpty() && disposing == 0;
    }

    /** Returns whether the replaced views that are left are pinned: they go when their readers do. */
    synchronized boolean isSettledButForPins() {
        return disposing == 0 && retired.stream().allMatch(r -> r.view.isPinned());
    }
}
