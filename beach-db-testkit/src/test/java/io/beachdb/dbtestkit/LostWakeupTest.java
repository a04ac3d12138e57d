package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Synced writers, and rotations between them, under many schedules: nobody waits for ever, which the scheduler reports as a
 * deadlock. What it shows best: a request is marked as its leader's before anybody can make it visible (see RotationDuringSyncTest of beach-wal
 * for the race of a sync with a rotation).
 */
class LostWakeupTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final int SEEDS = 100;
    private static final int ROUNDS = 20;

    /** @param interruptSafe whether writers write and sync the log themselves, or engine threads for them */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void syncedWriters_withARotationBetween_allReturnByThemselves(boolean interruptSafe) {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                engine.disk().setInterruptSafe(interruptSafe);
                engine.open(DIRECTORY, options -> options);
                // Short rounds, since a writer that is forgotten is saved by the next one's sync.
                for (int round = 0; round < ROUNDS; round++) {
                    for (int i = 0; i < 1 + round % 4; i++) {
                        byte[] key = bytes("key" + i);
                        engine.begin("writer " + i, db -> {
                            db.put(key, bytes("first"), Durability.SYNCED);
                            db.put(key, bytes("second"), Durability.SYNCED);
                        });
                    }
                    engine.step(BeachDB::flush);
                }
                engine.step(BeachDB::close);
            }
        }
    }
}
