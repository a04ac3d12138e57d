package io.beachdb.dbtestkit;

import io.beachdb.BeachDB;
import io.beachdb.Options;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.DatabaseNotFoundException;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.CrashExplorer;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedRandom;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Short lives of the engine for {@link CrashExplorer}: each makes one kind of event happen. */
public enum EngineScenario {
    /** A database is made, and its directories, and something written. */
    CREATE {
        @Override
        void play(Stage stage) {
            stage.open();
            stage.writes(2);
        }
    },
    /** Writes of all three durabilities, and the interval of logged ones. */
    PUTS {
        @Override
        void play(Stage stage) {
            stage.open();
            for (int i = 0; i < 4; i++) {
                stage.writes(3);
                stage.step((client, db) -> client.putUnlogged(db));
                stage.engine.pass(2_000_000_000L);
            }
        }
    },
    /** Memtables and logs are rotated. */
    ROTATION {
        @Override
        void play(Stage stage) {
            stage.open();
            stage.longWrites(12);
        }
    },
    /** Flushes, after which logs are deleted and recycled. */
    FLUSH {
        @Override
        void play(Stage stage) {
            stage.open();
            for (int i = 0; i < 5; i++) {
                stage.writes(2);
                stage.step(ModelClient::flush);
            }
        }
    },
    /** Compactions to several tables. */
    COMPACTION {
        @Override
        void play(Stage stage) {
            stage.open();
            for (int i = 0; i < 2; i++) {
                stage.longWrites(4);
                stage.step(ModelClient::flush);
                stage.writes(2);
                stage.step((client, db) -> db.compact());
            }
        }
    },
    /** The MANIFEST grows beyond its size, and begins anew. */
    ROLL_OVER {
        @Override
        void play(Stage stage) {
            stage.open();
            for (int i = 0; i < 8; i++) {
                byte[] longKey = new byte[700]; // twice in each edit
                longKey[0] = (byte) i;
                stage.writes(1);
                stage.step((client, db) -> db.put(longKey, longKey));
                stage.step(ModelClient::flush);
            }
        }
    },
    /** Openings after a close and after the death of the process: CURRENT is switched. */
    REOPEN {
        @Override
        void play(Stage stage) {
            stage.open();
            stage.writes(3);
            stage.close();
            stage.open();
            stage.writes(2);
            stage.engine.kill();
            stage.open();
            stage.writes(2);
        }
    },
    /** Writes, a flush and a compaction beside a snapshot. */
    SNAPSHOT {
        @Override
        void play(Stage stage) {
            stage.open();
            stage.writes(2);
            stage.step((client, db) -> client.writeBesideSnapshot(db, stage.random));
            stage.step(ModelClient::flush);
            stage.step((client, db) -> client.writeBesideSnapshot(db, stage.random));
            stage.step((client, db) -> db.compact());
            stage.writes(2);
        }
    },
    /** A sync of the log fails; the database is resumed, and goes on. */
    RESUME {
        @Override
        void play(Stage stage) {
            stage.open();
            stage.writes(3);
            stage.disk.inject(Fault.on(operation -> operation.site() == SyncSite.LOG_GROUP));
            stage.step((client, db) -> {
                try {
                    for (int i = 0; i < 8; i++) {
                        client.write(db, stage.random);
                    }
                } catch (WriteIndeterminateException e) {
                    db.resume();
                    client.allDurable();
                }
            });
            stage.writes(3);
        }
    },
    /** Closes of databases with logged and unlogged writes. */
    CLOSE {
        @Override
        void play(Stage stage) {
            stage.open();
            stage.writes(3);
            stage.step((client, db) -> client.putUnlogged(db));
            stage.close();
            stage.open();
            stage.writes(1);
            stage.close();
        }
    },
    /** A checkpoint is made of tables and of what memory holds, and the database goes on. */
    CHECKPOINT {
        @Override
        void play(Stage stage) {
            stage.open();
            stage.writes(3);
            stage.step(ModelClient::flush);
            stage.step((client, db) -> client.putUnlogged(db));
            stage.writes(2);
            stage.checkpoint();
            stage.writes(2);
            stage.step((client, db) -> db.compact()); // deletes tables that the checkpoint has too
        }
    },
    /** As a checkpoint on another file system: its tables are copied. */
    CHECKPOINT_COPIED {
        @Override
        void play(Stage stage) {
            stage.disk.setLinks(false);
            stage.open();
            stage.writes(3);
            stage.step(ModelClient::flush);
            stage.writes(2);
            stage.checkpoint();
        }
    },
    /** A database is destroyed: what a cut leaves is whole, or none. */
    DESTROY {
        @Override
        void play(Stage stage) {
            stage.open();
            stage.writes(3);
            stage.step(ModelClient::flush);
            stage.writes(2);
            stage.close();
            stage.destroy();
        }
    },
    /** Everything at random, in two lives. */
    WHOLE_LIFE {
        @Override
        void play(Stage stage) {
            for (int life = 0; life < 2; life++) {
                stage.open();
                for (int i = 0; i < 25; i++) {
                    stage.step((client, db) -> client.step(db, stage.random));
                }
                stage.close();
            }
        }
    };

    private static final Path DIRECTORY = Path.of("/data/made/on/open");
    private static final Path TARGET = Path.of("/data/made/of/it");

    abstract void play(Stage stage);

    /** Returns the name for command lines. */
    public String title() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Begins to say how to explore it. */
    public CrashExplorer.Builder<?> explorer(long seed) {
        return explorerOn(seed, disk -> {});
    }

    /** As {@link #explorer(long)}, on a system that neither renames, replaces nor deletes an open file, as Windows. */
    public CrashExplorer.Builder<?> explorerWithOpenFilesHeld(long seed) {
        return explorerOn(seed, disk -> disk.setOpenFilesHeld(true));
    }

    /**
     * As {@link #explorer(long)}, where some syncs are left out in silence: to see that they are needed. The disk's own check
     * of what is counted on is off then, so that it is the cuts that find out.
     */
    public CrashExplorer.Builder<?> explorer(long seed, Predicate<DiskOperation> leftOut) {
        return explorerOn(seed, disk -> {
            disk.checkReliance(false);
            disk.inject(Fault.on(operation -> operation.kind().isSync() && leftOut.test(operation))
                    .with(Fault.Effect.IGNORED)
                    .sticky());
        });
    }

    private CrashExplorer.Builder<?> explorerOn(long seed, Consumer<SimulatedDisk> machine) {
        return CrashExplorer.of(new Explored(this, seed, machine)).seed(seed);
    }

    /**
     * What must be there after a cut.
     *
     * @param later whether a write that followed a recovery was acknowledged
     * @param end whether the database is there
     * @param copy the checkpoint; null before it is begun
     */
    private record Promise(
            ModelClient.Promise client,
            boolean later,
            End end,
            @Nullable Copy copy) {}

    /**
     * A checkpoint.
     *
     * @param client what it holds, exactly
     * @param made whether it must be there
     */
    private record Copy(ModelClient.Promise client, boolean made) {}

    private enum End {
        THERE,
        /** Its destruction has begun. */
        GOING,
        GONE
    }

    /** One engine with one client, on a disk of the explorer's. */
    static final class Stage {
        final SimulatedDisk disk;
        final SteppedEngine engine;
        final SimulatedRandom random;
        final ModelClient client;
        private volatile End end = End.THERE;
        private volatile @Nullable Copy copy;

        private Stage(SimulatedDisk disk, SteppedEngine engine, long seed, ModelClient client) {
            this.disk = disk;
            this.engine = engine;
            this.random = new SimulatedRandom(seed);
            this.client = client;
        }

        /** Something that a client does. */
        interface Action {
            void run(ModelClient client, BeachDB db);
        }

        void open() {
            EngineScenario.open(engine);
            step((c, db) -> {
                c.recover(db);
                c.goOn();
            });
        }

        void step(Action action) {
            engine.step(db -> action.run(client, db));
        }

        void writes(int count) {
            step((c, db) -> {
                for (int i = 0; i < count; i++) {
                    c.write(db, random);
                }
            });
        }

        /** Enough of them rotate a memtable of 64 KiB. */
        void longWrites(int count) {
            for (int i = 0; i < count; i++) {
                step((c, db) -> c.writeLong(db, 20_000, random));
            }
        }

        void checkpoint() {
            step((c, db) -> {
                c.flush(db); // as a checkpoint does: so it is known what it will hold
                ModelClient.Promise all = c.promise();
                copy = new Copy(all, false);
                db.checkpoint(TARGET);
                copy = new Copy(all, true);
            });
        }

        void destroy() {
            end = End.GOING;
            engine.destroy(DIRECTORY);
            end = End.GONE;
        }

        void close() {
            step((c, db) -> {
                db.close();
                c.closed();
            });
        }
    }

    private static void open(SteppedEngine engine) {
        engine.open(DIRECTORY, EngineScenario::small);
    }

    private static Options.Builder small(Options.Builder options) {
        return options.manifestBytes(4 << 10)
                .targetTableBytes(4 << 10)
                .level0CompactionTables(2)
                .level0StopTables(8)
                .baseLevelBytes(64 << 10);
    }

    /** A scenario, and the comparison after a cut. */
    private static final class Explored implements CrashExplorer.Program<Promise> {
        private static final byte[] LATER = "later".getBytes(StandardCharsets.UTF_8);

        private final EngineScenario scenario;
        private final long seed;
        private final Queue<MemoryBudget> budgets =
                new ConcurrentLinkedQueue<>(); // idle: making one costs as much as an opening
        private final Consumer<SimulatedDisk> machine; // makes a disk of it
        // Stored by run; what recover looks at does not change any more then.
        private volatile ModelClient client = newClient();

        Explored(EngineScenario scenario, long seed, Consumer<SimulatedDisk> machine) {
            this.scenario = scenario;
            this.seed = seed;
            this.machine = machine;
        }

        private static ModelClient newClient() {
            return new ModelClient(0, 8, 3000);
        }

        @Override
        public Promise nothing() {
            return new Promise(new ModelClient.Promise(0, 0, 0, 0), false, End.THERE, null);
        }

        @Override
        public void run(SimulatedDisk disk, CrashExplorer.Promises<Promise> promises) {
            ModelClient playing = newClient();
            client = playing;
            disk.makeDirectories(Path.of("/data"));
            machine.accept(disk);
            try (SteppedEngine engine = new SteppedEngine(seed, disk)) {
                Stage stage = new Stage(disk, engine, seed, playing);
                promises.follow(() -> new Promise(playing.promise(), false, stage.end, stage.copy));
                scenario.play(stage);
            }
        }

        @Override
        public void recover(SimulatedDisk disk, Promise promise, CrashExplorer.Promises<Promise> promises) {
            machine.accept(disk);
            MemoryBudget idle = budgets.poll();
            MemoryBudget budget = idle == null ? MemoryBudget.ofBytes(8L << 20) : idle;
            boolean closed = false;
            try (SteppedEngine engine = new SteppedEngine(seed, disk, budget)) {
                if (promise.end == End.THERE) {
                    open(engine);
                    Promise[] latest = {promise};
                    engine.step(db -> latest[0] = compare(db, promise, promises));
                    engine.step(BeachDB::close);
                    compareCopy(engine, latest[0], promises);
                } else {
                    compareDestroyed(disk, engine, promise);
                    engine.destroy(DIRECTORY);
                    promises.set(new Promise(promise.client, false, End.GONE, null));
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

        private Promise compare(BeachDB db, Promise promise, CrashExplorer.Promises<Promise> promises) {
            ModelClient.Promise shown = client.shown(db, promise.client);
            boolean later = db.get(LATER) != null;
            if (promise.later && !later) {
                throw new AssertionError("a write that followed a recovery is missing");
            }
            promises.set(new Promise(shown, later, End.THERE, promise.copy));
            db.put(LATER, new byte[1]);
            Promise latest = new Promise(shown, true, End.THERE, promise.copy);
            promises.set(latest);
            return latest;
        }

        /** Once made it is there, whole; before, it is that, or none. What one opening shows, a later one shows. */
        private void compareCopy(SteppedEngine engine, Promise promise, CrashExplorer.Promises<Promise> promises) {
            Copy copy = promise.copy;
            if (copy == null) {
                return;
            }
            engine.tryOpen(TARGET, options -> small(options).createIfMissing(false), (db, refusal) -> {
                if (db != null) {
                    client.compare(db, copy.client);
                    promises.set(new Promise(promise.client, promise.later, promise.end, new Copy(copy.client, true)));
                    db.close();
                } else if (copy.made) {
                    throw new AssertionError("a checkpoint that was made", refusal);
                } else if (!(refusal instanceof DatabaseNotFoundException || refusal instanceof CorruptionException)) {
                    throw new AssertionError("a checkpoint that was being made", refusal);
                }
            });
        }

        /** Wholly there, or none, or (in between) refused as damaged. */
        private void compareDestroyed(SimulatedDisk disk, SteppedEngine engine, Promise promise) {
            if (promise.end == End.GONE) {
                if (disk.exists(DIRECTORY)) {
                    throw new AssertionError("destroyed, and still there: " + disk.names(DIRECTORY));
                }
                return;
            }
            engine.tryOpen(DIRECTORY, options -> small(options).createIfMissing(false), (db, refusal) -> {
                if (db != null) {
                    client.compare(db, promise.client);
                    db.close();
                } else if (!(refusal instanceof DatabaseNotFoundException || refusal instanceof CorruptionException)) {
                    throw new AssertionError("a database that is being destroyed", refusal);
                }
            });
        }
    }
}
