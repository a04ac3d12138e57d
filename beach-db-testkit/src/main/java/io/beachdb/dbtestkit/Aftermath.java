package io.beachdb.dbtestkit;

import io.beachdb.BeachDB;
import io.beachdb.base.BeachException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.DatabaseNotFoundException;
import io.beachdb.base.MemoryBudget;
import io.beachdb.durability.Vfs;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedVfs;
import java.nio.charset.StandardCharsets;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Opens what a {@link Stage} has left on a disk, compares it with what was promised, and goes on for a little. Safe for many threads. */
final class Aftermath {
    private static final Set<String> LOCK_FILES = Set.of("LOCK", "LOCK.holder");
    private static final byte[] LATER = "later".getBytes(StandardCharsets.UTF_8);

    /**
     * What must be there.
     *
     * @param later whether a write that followed a recovery was acknowledged
     * @param end whether the database is there
     * @param copy the checkpoint; null before it is begun
     */
    record Promise(
            ModelClients.Promise clients,
            boolean later,
            End end,
            @Nullable Copy copy) {
        static final Promise NOTHING = new Promise(ModelClients.Promise.NOTHING, false, End.THERE, null);
    }

    /**
     * A checkpoint.
     *
     * @param clients what it holds, exactly
     * @param made whether it must be there
     */
    record Copy(ModelClients.Promise clients, boolean made) {}

    enum End {
        THERE,
        /** Its destruction has begun. */
        GOING,
        GONE,
        /** There was nothing to destroy, or not any more: at most an empty directory, or one with a lock. */
        NONE
    }

    private final long seed;
    private final Function<SimulatedVfs, Vfs> files;
    private final Queue<MemoryBudget> budgets =
            new ConcurrentLinkedQueue<>(); // idle: making one costs as much as an opening

    Aftermath(long seed) {
        this(seed, process -> process);
    }

    /** @param files what the engine gets for the files of its process */
    Aftermath(long seed, Function<SimulatedVfs, Vfs> files) {
        this.seed = seed;
        this.files = files;
    }

    /**
     * Looks, writes, and closes.
     *
     * @param clients whose writes they are; they do not change meanwhile
     * @param told hears what is promised from some moment on
     * @throws AssertionError if a promise is broken
     */
    void check(ModelClients clients, SimulatedDisk disk, Promise promise, Consumer<Promise> told) {
        MemoryBudget idle = budgets.poll();
        MemoryBudget budget = idle == null ? MemoryBudget.ofBytes(8L << 20) : idle;
        boolean closed = false;
        try (SteppedEngine engine = new SteppedEngine(seed, disk, budget).through(files)) {
            if (promise.end == End.THERE) {
                engine.open(Stage.DIRECTORY, Stage::small);
                Promise[] latest = {promise};
                engine.step(db -> latest[0] = compare(clients, db, promise, told));
                engine.step(BeachDB::close);
                compareCopy(clients, engine, latest[0], told);
            } else {
                compareDestroyed(clients, disk, engine, promise);
                engine.tryDestroy(Stage.DIRECTORY, (deleted, refusal) -> {
                    if (refusal != null) {
                        throw new AssertionError("a further destruction", refusal);
                    }
                    told.accept(new Promise(promise.clients, false, deleted ? End.GONE : End.NONE, null));
                });
            }
            closed = true;
        } finally {
            if (closed) {
                budgets.add(budget);
            } else {
                budget.pool().close();
            }
        }
    }

    private static Promise compare(ModelClients clients, BeachDB db, Promise promise, Consumer<Promise> told) {
        ModelClients.Promise shown = clients.shown(db, promise.clients);
        boolean later = db.get(LATER) != null;
        if (promise.later && !later) {
            throw new AssertionError("a write that followed a recovery is missing");
        }
        told.accept(new Promise(shown, later, End.THERE, promise.copy));
        clients.checkNewer(promise.clients, db.put(LATER, new byte[1]));
        Promise latest = new Promise(shown, true, End.THERE, promise.copy);
        told.accept(latest);
        return latest;
    }

    /** Once made it is there, whole; before, it is that, or none. What one opening shows, a later one shows. */
    private static void compareCopy(
            ModelClients clients, SteppedEngine engine, Promise promise, Consumer<Promise> told) {
        Copy copy = promise.copy;
        if (copy == null) {
            return;
        }
        engine.tryOpen(Stage.TARGET, options -> Stage.small(options).createIfMissing(false), (db, refusal) -> {
            if (db != null) {
                clients.compare(db, copy.clients);
                told.accept(new Promise(promise.clients, promise.later, promise.end, new Copy(copy.clients, true)));
                db.close();
            } else if (copy.made) {
                throw new AssertionError("a checkpoint that was made", refusal);
            } else if (!isNone(refusal)) {
                throw new AssertionError("a checkpoint that was being made", refusal);
            }
        });
    }

    /** Wholly there, or none, or (in between) refused as damaged. */
    private static void compareDestroyed(
            ModelClients clients, SimulatedDisk disk, SteppedEngine engine, Promise promise) {
        if (promise.end == End.GONE) {
            if (disk.exists(Stage.DIRECTORY)) {
                throw new AssertionError("destroyed, and still there: " + disk.names(Stage.DIRECTORY));
            }
            return;
        }
        if (promise.end == End.NONE) {
            if (!LOCK_FILES.containsAll(disk.names(Stage.DIRECTORY))) {
                throw new AssertionError("nothing to destroy, and there is " + disk.names(Stage.DIRECTORY));
            }
            return;
        }
        engine.tryOpen(Stage.DIRECTORY, options -> Stage.small(options).createIfMissing(false), (db, refusal) -> {
            if (db != null) {
                clients.compare(db, promise.clients);
                db.close();
            } else if (!isNone(refusal)) {
                throw new AssertionError("a database that is being destroyed", refusal);
            }
        });
    }

    private static boolean isNone(@Nullable BeachException refusal) {
        return refusal instanceof DatabaseNotFoundException || refusal instanceof CorruptionException;
    }
}
