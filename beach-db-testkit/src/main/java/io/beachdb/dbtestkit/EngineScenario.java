package io.beachdb.dbtestkit;

import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Vfs;
import io.beachdb.testkit.CrashExplorer;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedVfs;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Function;
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
                stage.step(ModelClient::intervalPassed);
            }
        }
    },
    /** Two clients write at the same time, also while a flush goes on. */
    TOGETHER {
        @Override
        void play(Stage stage) {
            stage.open();
            for (int i = 0; i < 3; i++) {
                stage.writesBeside(3);
                stage.writes(3);
                stage.writesBeside(2);
                stage.step(ModelClient::flush);
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

    /** Makes the clients that play it. */
    static ModelClients newClients() {
        return ModelClients.of(8, 3000);
    }

    /** Begins to say how to explore it. */
    public CrashExplorer.Builder<?> explorer(long seed) {
        return explorer(seed, disk -> {}, process -> process);
    }

    /** As {@link #explorer(long)}, on a system that neither renames, replaces nor deletes an open file, as Windows. */
    public CrashExplorer.Builder<?> explorerWithOpenFilesHeld(long seed) {
        return explorer(seed, disk -> disk.setOpenFilesHeld(true), process -> process);
    }

    /**
     * As {@link #explorer(long)}, where some syncs are left out in silence: to see that they are needed. The disk's own check
     * of what is counted on is off then, so that it is the cuts that find out.
     */
    public CrashExplorer.Builder<?> explorer(long seed, Predicate<DiskOperation> leftOut) {
        return explorer(
                seed,
                disk -> {
                    disk.checkReliance(false);
                    disk.inject(Fault.on(operation -> operation.kind().isSync() && leftOut.test(operation))
                            .with(Fault.Effect.IGNORED)
                            .sticky());
                },
                process -> process);
    }

    /**
     * As {@link #explorer(long)}, on other files.
     *
     * @param prepare done to each disk before anything runs on it
     * @param files what the engine gets for the files of its process
     */
    CrashExplorer.Builder<?> explorer(long seed, Consumer<SimulatedDisk> prepare, Function<SimulatedVfs, Vfs> files) {
        return CrashExplorer.of(new Explored(this, seed, prepare, files)).seed(seed);
    }

    /** Plays once, on a disk and files as {@link #explorer(long, Consumer, Function)} has them. */
    void play(long seed, Consumer<SimulatedDisk> prepare, Function<SimulatedVfs, Vfs> files) {
        new Explored(this, seed, prepare, files).play(new SimulatedDisk(), stage -> {});
    }

    /** A scenario, and the comparison after a cut. */
    private static final class Explored implements CrashExplorer.Program<Aftermath.Promise> {
        private final EngineScenario scenario;
        private final long seed;
        private final Consumer<SimulatedDisk> prepare;
        private final Function<SimulatedVfs, Vfs> files;
        private final Aftermath aftermath;
        // Stored by run; what recover looks at does not change any more then.
        private volatile ModelClients clients = newClients();

        Explored(
                EngineScenario scenario,
                long seed,
                Consumer<SimulatedDisk> prepare,
                Function<SimulatedVfs, Vfs> files) {
            this.scenario = scenario;
            this.seed = seed;
            this.prepare = prepare;
            this.files = files;
            this.aftermath = new Aftermath(seed, files);
        }

        @Override
        public Aftermath.Promise nothing() {
            return Aftermath.Promise.NOTHING;
        }

        @Override
        public void run(SimulatedDisk disk, CrashExplorer.Promises<Aftermath.Promise> promises) {
            play(disk, stage -> promises.follow(stage::promise));
        }

        void play(SimulatedDisk disk, Consumer<Stage> begins) {
            ModelClients playing = newClients();
            clients = playing;
            disk.makeDirectories(Stage.GIVEN);
            prepare.accept(disk);
            try (SteppedEngine engine =
                    new SteppedEngine(seed, disk).withScheduledDisk().through(files)) {
                Stage stage = new Stage(engine, seed, playing, (refusal, asking, db) -> {
                    throw refusal;
                });
                begins.accept(stage);
                scenario.play(stage);
            }
        }

        @Override
        public void recover(
                SimulatedDisk disk, Aftermath.Promise promise, CrashExplorer.Promises<Aftermath.Promise> promises) {
            prepare.accept(disk);
            aftermath.check(clients, disk, promise, promises::set);
        }
    }
}
