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
            ModelClient.Promise client,
            boolean later,
            End end,
            @Nullable Copy copy) {
        static final Promise NOTHING = new Promise(new ModelClient.Promise(0, 0, 0, 0), false, End.THERE, null);
    }

    /**
     * A checkpoint.
     *
     * @param client what it holds, exactly
     * @param made whether it must be there
     */
    record Copy(ModelClient.Promise client, boolean made) {}

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
     * @param client whose writes they are; it does not change meanwhile
     * @param told hears what is promised from some moment on
     * @throws AssertionError if a promise is broken
     */
    void check(ModelClient client, SimulatedDisk disk, Promise promise, Consumer<Promise> told) {
        MemoryBudget idle = budgets.poll();
        MemoryBudget budget = idle == null ? MemoryBudget.ofBytes(8L << 20) : idle;
        boolean closed = false;
        try (SteppedEngine engine = new SteppedEngine(seed, disk, budget).through(files)) {
            if (promise.end == End.THERE) {
                engine.open(Stage.DIRECTORY, Stage::small);
                Promise[] latest = {promise};
                engine.step(db -> latest[0] = compare(client, db, promise, told));
                engine.step(BeachDB::close);
                compareCopy(client, engine, latest[0], told);
            } else {
                compareDestroyed(client, disk, engine, promise);
                engine.tryDestroy(Stage.DIRECTORY, (deleted, refusal) -> {
                    if (refusal != null) {
                        throw new AssertionError("a further destruction", refusal);
                    }
                    told.accept(new Promise(promise.client, false, deleted ? End.GONE : End.NONE, null));
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

    private static Promise compare(ModelClient client, BeachDB db, Promise promise, Consumer<Promise> told) {
        ModelClient.Promise shown = client.shown(db, promise.client);
        boolean later = db.get(LATER) != null;
        if (promise.later && !later) {
            throw new AssertionError("a write that followed a recovery is missing");
        }
        told.accept(new Promise(shown, later, End.THERE, promise.copy));
        client.checkNewer(promise.client, db.put(LATER, new byte[1]));
        Promise latest = new Promise(shown, true, End.THERE, promise.copy);
        told.accept(latest);
        return latest;
    }

    /** Once made it is there, whole; before, it is that, or none. What one opening shows, a later one shows. */
    private static void compareCopy(ModelClient client, SteppedEngine engine, Promise promise, Consumer<Promise> told) {
        Copy copy = promise.copy;
        if (copy == null) {
            return;
        }
        engine.tryOpen(Stage.TARGET, options -> Stage.small(options).createIfMissing(false), (db, refusal) -> {
            if (db != null) {
                client.compare(db, copy.client);
                told.accept(new Promise(promise.client, promise.later, promise.end, new Copy(copy.client, true)));
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
            ModelClient client, SimulatedDisk disk, SteppedEngine engine, Promise promise) {
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
                client.compare(db, promise.client);
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
