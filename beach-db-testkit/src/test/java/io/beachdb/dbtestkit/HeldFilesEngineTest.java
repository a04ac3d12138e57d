package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.Durability;
import io.beachdb.Health;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsFile;
import io.beachdb.testkit.CrashExplorer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The engine on a system that neither renames, replaces nor deletes a file that is open, as Windows: what it has open itself it
 * closes before, and what others have open it waits for, or says so. All other tests run on such a system with
 * {@code -Dbeach.openFilesHeld=true}.
 */
class HeldFilesEngineTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final long SEED = 3;

    @ParameterizedTest
    @EnumSource(names = {"FLUSH", "ROLL_OVER", "REOPEN", "RESUME", "DESTROY"})
    void scenario_cutEverywhere_keepsItsPromises(EngineScenario scenario) {
        CrashExplorer.Result result = scenario.explorerWithOpenFilesHeld(SEED)
                .exhaustive(1)
                .samples(1)
                .threads(2)
                .explore();
        assertThat(result.violations()).isEmpty();
    }

    /** The engine on such a disk, and another process that opens its files. */
    private static final class Machine implements AutoCloseable {
        final SteppedEngine engine = new SteppedEngine(SEED);
        final Vfs scanner = engine.disk().start("a scanner");
        private int writes;

        Machine() {
            engine.disk().setOpenFilesHeld(true);
            engine.open(DIRECTORY, options -> options.manifestBytes(4 << 10));
        }

        void writeAndFlush() {
            engine.step(db -> {
                db.put(bytes("key"), bytes("value " + ++writes));
                db.flush();
            });
        }

        List<String> names(String suffix) {
            return engine.disk().names(DIRECTORY).stream()
                    .filter(name -> name.endsWith(suffix))
                    .toList();
        }

        List<VfsFile> openAll(String suffix) throws IOException {
            List<VfsFile> files = new ArrayList<>();
            for (String name : names(suffix)) {
                files.add(scanner.openForRead(DIRECTORY.resolve(name)));
            }
            return files;
        }

        void assertHasTheLastWrite() {
            engine.step(db -> assertThat(db.get(bytes("key"))).isEqualTo(bytes("value " + writes)));
        }

        @Override
        public void close() {
            engine.close();
        }
    }

    private static void closeAll(List<VfsFile> files) throws IOException {
        for (VfsFile file : files) {
            file.close();
        }
    }

    @Test
    void tables_thatACursorOfOursReads_goWhenItIsClosed() {
        try (Machine machine = new Machine()) {
            machine.writeAndFlush();
            machine.writeAndFlush();
            List<String> old = machine.names(".sst");
            Cursor[] cursor = new Cursor[1];
            machine.engine.step(db -> {
                cursor[0] = db.cursor();
                cursor[0].first();
            });
            machine.engine.step(BeachDB::compact);
            assertThat(machine.names(".sst")).containsAll(old).hasSize(3);
            machine.engine.step(db -> {
                assertThat(cursor[0].valid()).isTrue();
                cursor[0].close();
            });
            assertThat(machine.names(".sst")).doesNotContainAnyElementsOf(old).hasSize(1);
        }
    }

    @Test
    void tables_thatSomebodyElseReads_goLater() throws IOException {
        try (Machine machine = new Machine()) {
            machine.writeAndFlush();
            machine.writeAndFlush();
            List<String> old = machine.names(".sst");
            List<VfsFile> held = machine.openAll(".sst");
            machine.engine.step(BeachDB::compact);
            assertThat(machine.names(".sst")).containsAll(old).hasSize(3);
            machine.assertHasTheLastWrite();
            closeAll(held);
            machine.writeAndFlush();
            machine.engine.step(BeachDB::compact);
            assertThat(machine.names(".sst")).doesNotContainAnyElementsOf(old).hasSize(1);
            machine.assertHasTheLastWrite();
        }
    }

    @Test
    void tables_thatSomebodyElseReads_goWithTheCloseOfTheDatabase() throws IOException {
        try (Machine machine = new Machine()) {
            machine.writeAndFlush();
            machine.writeAndFlush();
            List<VfsFile> held = machine.openAll(".sst");
            machine.engine.step(BeachDB::compact);
            closeAll(held);
            machine.engine.step(BeachDB::close);
            assertThat(machine.names(".sst")).hasSize(1);
        }
    }

    @Test
    void logs_thatSomebodyElseReads_stopNoWriter() throws IOException {
        try (Machine machine = new Machine()) {
            for (int i = 0; i < 4; i++) { // from the second log on they are of the size that is recycled
                machine.writeAndFlush();
            }
            List<VfsFile> held = machine.openAll(".wal");
            for (int i = 0; i < 12; i++) {
                machine.writeAndFlush();
            }
            machine.assertHasTheLastWrite();
            machine.engine.step(db -> assertThat(db.health().state()).isEqualTo(Health.State.OK));
            closeAll(held);
            for (int i = 0; i < 3; i++) {
                machine.writeAndFlush();
            }
            assertThat(machine.names(".wal")).hasSizeLessThanOrEqualTo(6); // in use, ready, and a few to recycle
            machine.engine.step(BeachDB::close);
            assertThat(machine.names(".wal")).hasSize(1);
        }
    }

    /** CURRENT cannot be switched: that is told, nothing is lost, and a resume goes on. */
    @Test
    void current_thatSomebodyElseReads_isToldAndHealedByAResume() throws IOException {
        try (Machine machine = new Machine()) {
            machine.writeAndFlush();
            VfsFile held = machine.scanner.openForRead(DIRECTORY.resolve("CURRENT"));
            machine.engine.step(db -> {
                byte[] longKey = new byte[1000]; // twice in each edit
                assertThatThrownBy(() -> {
                            for (int i = 0; i < 100; i++) {
                                longKey[0] = (byte) i;
                                db.put(longKey, longKey, Durability.SYNCED);
                                db.flush();
                            }
                        })
                        .isInstanceOf(WriteRefusedException.class)
                        .hasMessageContaining("switching /data/db/CURRENT failed")
                        .hasMessageContaining("open");
                assertThat(db.health().state()).isEqualTo(Health.State.READ_ONLY_AFTER_FAILURE);
            });
            machine.assertHasTheLastWrite();
            held.close();
            machine.engine.step(BeachDB::resume);
            machine.writeAndFlush();
            machine.engine.step(BeachDB::close);
            machine.engine.open(DIRECTORY, options -> options);
            machine.assertHasTheLastWrite();
        }
    }
}
