package io.beachdb.db;

import io.beachdb.DatabaseListener;
import io.beachdb.Health;
import io.beachdb.durability.DurabilityEvent;
import org.jspecify.annotations.Nullable;

/**
 * The user's listener, called from many places of the engine, some of which lead a group or sync: what waits for the engine
 * is refused inside, and what it throws goes no further than to its own {@link #onInfo}.
 */
final class GuardedListener implements DatabaseListener {
    private final DatabaseListener inner;
    private final Callbacks callbacks = new Callbacks();

    GuardedListener(DatabaseListener inner) {
        this.inner = inner;
    }

    DatabaseListener inner() {
        return inner;
    }

    Callbacks callbacks() {
        return callbacks;
    }

    private void call(Runnable event) {
        Throwable thrown = attempt(event);
        if (thrown != null) {
            attempt(() -> inner.onInfo("the listener threw an exception, which the database ignores", thrown));
        }
    }

    private @Nullable Throwable attempt(Runnable event) {
        callbacks.enter();
        try {
            event.run();
            return null;
        } catch (RuntimeException | Error e) {
            return e;
        } finally {
            callbacks.exit();
        }
    }

    @Override
    public void onFileEvent(DurabilityEvent event) {
        call(() -> inner.onFileEvent(event));
    }

    @Override
    public void onFlush(long tableNumber, long entries, long bytes, long nanos) {
        call(() -> inner.onFlush(tableNumber, entries, bytes, nanos));
    }

    @Override
    public void onCompaction(CompactionInfo info) {
        call(() -> inner.onCompaction(info));
    }

    @Override
    public void onStall(String reason, long nanos) {
        call(() -> inner.onStall(reason, nanos));
    }

    @Override
    public void onHealth(Health health) {
        call(() -> inner.onHealth(health));
    }

    @Override
    public void onInfo(String message, @Nullable Throwable cause) {
        call(() -> inner.onInfo(message, cause));
    }
}
