package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedRandom;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Short histories of everything, with the power cut before each of their writes and syncs, and several choices each of what
 * the disk keeps. What is there then is what the model promises; an opening that goes on from there, and is cut again at
 * once, loses nothing that it showed.
 */
class CutHistoryTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final long FIRST_SEED = 2;
    /** How many histories; more of them with the property. */
    private static final long HISTORIES = Long.getLong("beach.cuthistory.seeds", 2);

    private static final int STEPS = 25;
    private static final int LONGEST_VALUE = 60_000; // a memtable takes 64 KiB: it is rotated now and then
    private static final List<CutPolicy> NAMED =
            List.of(CutPolicy.all(), CutPolicy.namesOnly(), CutPolicy.namesWithoutData(), CutPolicy.dataOnly());

    /** The disk right before an operation, and what was promised then. */
    private record Moment(DiskOperation before, SimulatedDisk disk, ModelClient.Promise promise) {}

    /** At how much a history was checked. */
    private record Checked(long cutPoints, long states) {}

    @Test
    void history_cutBeforeEveryOperation_isAPrefixWithAllThatWasPromised() {
        long states = 0;
        for (long seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
            Checked checked = checkHistory(seed);
            assertThat(checked.cutPoints).as("cut points, seed " + seed).isGreaterThan(60);
            states += checked.states;
        }
        assertThat(states).isGreaterThan(HISTORIES * 500);
    }

    private static Checked checkHistory(long seed) {
        ModelClient client = new ModelClient(0, 4, LONGEST_VALUE);
        List<Moment> moments = new ArrayList<>(); // rather than a run for each: the history is the same up to the cut
        try (SteppedEngine engine = new SteppedEngine(seed)) {
            engine.disk().onOperation(operation -> {
                if (operation.kind().isCutPoint()) {
                    moments.add(new Moment(operation, engine.disk().copy(), client.promise()));
                }
            });
            play(engine, client, seed);
        }
        long states = 0;
        for (Moment moment : moments) {
            for (CutPolicy policy : policies(moment, seed)) {
                states++;
                try {
                    checkCut(moment, client, policy, seed, states % 2 == 0);
                } catch (AssertionError e) {
                    throw new AssertionError(
                            "seed " + seed + ", cut before " + moment.before + ", kept " + policy + ": " + e, e);
                }
            }
        }
        return new Checked(moments.size(), states);
    }

    private static List<CutPolicy> policies(Moment moment, long seed) {
        long number = moment.before.number();
        return List.of(CutPolicy.none(), NAMED.get((int) (number % NAMED.size())), CutPolicy.random(seed + number));
    }

    /** Two lives with a close between, both with flushes and compactions at any moment. */
    private static void play(SteppedEngine engine, ModelClient client, long seed) {
        SimulatedRandom random = new SimulatedRandom(seed);
        for (int life = 0; life < 2; life++) {
            open(engine);
            engine.step(db -> {
                client.recover(db);
                client.goOn();
                for (int i = 0; i < STEPS; i++) {
                    client.step(db, random);
                }
                db.close();
                client.closed();
            });
        }
    }

    private static void open(SteppedEngine engine) {
        engine.open(
                DIRECTORY,
                options -> options.manifestBytes(4 << 10)
                        .targetTableBytes(4 << 10)
                        .level0CompactionTables(2)
                        .level0StopTables(8)
                        .baseLevelBytes(64 << 10));
    }

    private static void checkCut(Moment moment, ModelClient client, CutPolicy policy, long seed, boolean goesOn) {
        SimulatedDisk disk = moment.disk.copy();
        disk.cutPower(policy);
        int[] found = new int[1];
        try (SteppedEngine after = new SteppedEngine(seed, disk)) {
            open(after);
            after.step(db -> {
                found[0] = client.compare(db, moment.promise);
                db.put(bytes("later"), bytes("1"), Durability.SYNCED);
            });
            assertThat(disk.violations()).isEmpty();
            if (!goesOn) {
                return;
            }
            try (SteppedEngine again = after.afterCut(CutPolicy.none())) {
                open(again);
                again.step(db -> {
                    ModelClient.Promise first = moment.promise;
                    client.compare(
                            db, new ModelClient.Promise(found[0], found[0], first.unlogged(), first.unloggedWritten()));
                    assertThat(db.get(bytes("later"))).isNotNull();
                });
                again.step(BeachDB::close);
            }
        }
    }
}
