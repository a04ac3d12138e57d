package io.beachdb.dbtestkit;

import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.CrashExplorer;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Predicate;

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

    abstract void play(Stage stage);

    /** Returns the name for command lines. */
    public String title() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Makes the client that plays it. */
    static ModelClient newClient() {
        return new ModelClient(0, 8, 3000);
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

    /** A scenario, and the comparison after a cut. */
    private static final class Explored implements CrashExplorer.Program<Aftermath.Promise> {
        private final EngineScenario scenario;
        private final long seed;
        private final Aftermath aftermath;
        private final Consumer<SimulatedDisk> machine; // makes a disk of it
        // Stored by run; what recover looks at does not change any more then.
        private volatile ModelClient client = newClient();

        Explored(EngineScenario scenario, long seed, Consumer<SimulatedDisk> machine) {
            this.scenario = scenario;
            this.seed = seed;
            this.aftermath = new Aftermath(seed);
            this.machine = machine;
        }

        @Override
        public Aftermath.Promise nothing() {
            return Aftermath.Promise.NOTHING;
        }

        @Override
        public void run(SimulatedDisk disk, CrashExplorer.Promises<Aftermath.Promise> promises) {
            ModelClient playing = newClient();
            client = playing;
            disk.makeDirectories(Stage.GIVEN);
            machine.accept(disk);
            try (SteppedEngine engine = new SteppedEngine(seed, disk)) {
                Stage stage = new Stage(engine, seed, playing, (refusal, db) -> {
                    throw refusal;
                });
                promises.follow(stage::promise);
                scenario.play(stage);
            }
        }

        @Override
        public void recover(
                SimulatedDisk disk, Aftermath.Promise promise, CrashExplorer.Promises<Aftermath.Promise> promises) {
            machine.accept(disk);
            aftermath.check(client, disk, promise, promises::set);
        }
    }
}
