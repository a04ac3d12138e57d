package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.base.StorageException;
import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A sequence names one write, also if that write was lost. */
class SequencesTest {
    private static final Path DIRECTORY = Path.of("/data/db");

    private final SteppedEngine engine = new SteppedEngine(1);
    private long latest;

    private void open(SteppedEngine machine) {
        machine.open(DIRECTORY, options -> options);
    }

    private void put(SteppedEngine machine, Durability durability) {
        machine.step(db -> latest = db.put(bytes("k"), bytes("v"), durability));
    }

    private long next(SteppedEngine machine) {
        open(machine);
        put(machine, Durability.SYNCED);
        return latest;
    }

    @Test
    void cleanClose_sequencesGoOnByOne() {
        open(engine);
        put(engine, Durability.SYNCED);
        put(engine, Durability.UNLOGGED);
        long before = latest;
        engine.step(BeachDB::close);
        assertThat(next(engine)).isEqualTo(before + 1);
        engine.step(BeachDB::close);
        engine.close();
    }

    @ParameterizedTest
    @EnumSource
    void powerCut_lostWrites_keepTheirSequences(Durability durability) {
        open(engine);
        put(engine, durability);
        long before = latest;
        try (SteppedEngine after = engine.afterCut(CutPolicy.none())) {
            long second = next(after);
            assertThat(second).isGreaterThan(before);
            put(after, durability);
            long third = latest;
            try (SteppedEngine again = after.afterCut(CutPolicy.none())) {
                assertThat(next(again)).isGreaterThan(third);
                again.step(BeachDB::close);
            }
            after.step(BeachDB::close);
        }
        engine.step(BeachDB::close);
        engine.close();
    }

    @Test
    void powerCut_writeInDoubt_keepsItsSequence() {
        open(engine);
        put(engine, Durability.SYNCED);
        engine.disk()
                .inject(Fault.on(operation -> operation.site() == SyncSite.LOG_GROUP
                                && operation.kind() == DiskOperation.Kind.SYNC_FILE)
                        .with(Fault.Effect.FAILS));
        engine.step(db -> latest = catchThrowableOfType(
                        WriteIndeterminateException.class, () -> db.put(bytes("k"), bytes("w"), Durability.SYNCED))
                .largestSequence());
        long inDoubt = latest;
        try (SteppedEngine after = engine.afterCut(CutPolicy.none())) {
            assertThat(next(after)).isGreaterThan(inDoubt);
            after.step(BeachDB::close);
        }
        engine.step(db -> assertThatThrownBy(db::close).isInstanceOf(StorageException.class));
        engine.close();
    }

    /** The log ends cleanly then, but an unlogged write is not in it. */
    @Test
    void closeThatLosesUnloggedWrites_keepsTheirSequences() {
        open(engine);
        put(engine, Durability.SYNCED);
        put(engine, Durability.UNLOGGED);
        long lost = latest;
        engine.disk()
                .inject(Fault.on(operation -> operation.site() == SyncSite.TABLE_FLUSH)
                        .with(Fault.Effect.FAILS));
        engine.step(db -> assertThatThrownBy(db::close).isInstanceOf(StorageException.class));
        assertThat(next(engine)).isEqualTo(lost + 1);
        engine.step(BeachDB::close);
        engine.close();
    }
}
