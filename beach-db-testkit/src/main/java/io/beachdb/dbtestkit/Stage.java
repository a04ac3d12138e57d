package io.beachdb.dbtestkit;

import io.beachdb.BeachDB;
import io.beachdb.Options;
import io.beachdb.base.BeachException;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedRandom;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** One engine with its clients, on which a scenario plays. */
final class Stage {
    /** What is there before. */
    static final Path GIVEN = Path.of("/data");

    static final Path DIRECTORY = GIVEN.resolve("made/on/open");
    static final Path TARGET = GIVEN.resolve("made/of/it");

    private static final int MAX_RECOVERIES = 40;

    final SimulatedDisk disk;
    final SteppedEngine engine;
    final SimulatedRandom random;
    private final ModelClients clients;
    private final SimulatedRandom randomOfSecond;
    private final Refusals refusals;
    private volatile boolean secondWrites;
    private volatile Aftermath.End end = Aftermath.End.THERE;
    private volatile Aftermath.@Nullable Copy copy;

    Stage(SteppedEngine engine, long seed, ModelClients clients, Refusals refusals) {
        this.disk = engine.disk();
        this.engine = engine;
        this.random = new SimulatedRandom(seed);
        this.randomOfSecond = new SimulatedRandom(CrashWorkload.mix(seed, 2));
        this.clients = clients;
        this.refusals = refusals;
    }

    /** Something that a client does. */
    interface Action {
        void run(ModelClient client, BeachDB db);
    }

    /** What becomes of a refusal; the scenario goes on with its next step unless this throws. */
    interface Refusals {
        /**
         * @param client who asked
         * @param db null if it is an opening or a destruction that was refused
         */
        void refused(BeachException refusal, ModelClient client, @Nullable BeachDB db);
    }

    /** Opens; tries it once more if it is refused. */
    void open() {
        for (int tries = 0; tries < 2 && !engine.isOpen(); tries++) {
            engine.tryOpen(DIRECTORY, Stage::small, (db, refusal) -> {
                if (refusal != null) {
                    refusals.refused(refusal, clients.first(), null);
                }
            });
        }
        boolean[] recovered = new boolean[1];
        for (int tries = 0; tries < MAX_RECOVERIES && engine.isOpen() && !recovered[0]; tries++) {
            step((c, db) -> {
                clients.recover(db);
                recovered[0] = true;
            });
        }
        if (!recovered[0] && engine.isOpen()) {
            engine.kill(); // nothing can be read: nobody knows what the next write would come after
        }
    }

    static Options.Builder small(Options.Builder options) {
        return options.manifestBytes(4 << 10)
                .targetTableBytes(4 << 10)
                .level0CompactionTables(2)
                .level0StopTables(8)
                .baseLevelBytes(64 << 10);
    }

    /** Does something, unless the opening was refused. */
    void step(Action action) {
        if (engine.isOpen()) {
            engine.step(db -> run(action, clients.first(), db));
        }
    }

    private void run(Action action, ModelClient client, BeachDB db) {
        try {
            action.run(client, db);
        } catch (BeachException e) {
            refusals.refused(e, client, db);
        }
    }

    void writes(int count) {
        step((c, db) -> write(c, db, count, random));
    }

    private static void write(ModelClient client, BeachDB db, int count, SimulatedRandom own) {
        for (int i = 0; i < count; i++) {
            client.write(db, own);
        }
    }

    /** Lets the second client write during the next step. */
    void writesBeside(int count) {
        if (engine.isOpen()) {
            secondWrites = true;
            engine.begin("second client", db -> {
                run((c, d) -> write(c, d, count, randomOfSecond), clients.second(), db);
                secondWrites = false;
            });
        }
    }

    /** Returns whether the health may change under a client, since there is another. */
    boolean isShared() {
        return secondWrites;
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
            ModelClients.Promise all = clients.promise();
            copy = new Aftermath.Copy(all, false);
            db.checkpoint(TARGET);
            copy = new Aftermath.Copy(all, true);
        });
    }

    void destroy() {
        end = Aftermath.End.GOING;
        engine.tryDestroy(DIRECTORY, (deleted, refusal) -> {
            if (refusal == null) {
                end = deleted ? Aftermath.End.GONE : Aftermath.End.NONE;
            } else {
                refusals.refused(refusal, clients.first(), null);
            }
        });
    }

    boolean isDestroyed() {
        return end != Aftermath.End.THERE;
    }

    void close() {
        step((c, db) -> {
            db.close();
            clients.closed();
        });
        engine.closed();
    }

    /** Returns what must be there if the power were cut now. */
    Aftermath.Promise promise() {
        return promise(clients.promise());
    }

    /** Returns what must be there if the process died now. */
    Aftermath.Promise promiseAgainstDeath() {
        return promise(clients.promiseAgainstDeath());
    }

    private Aftermath.Promise promise(ModelClients.Promise ofClients) {
        return new Aftermath.Promise(ofClients, false, end, copy);
    }
}
