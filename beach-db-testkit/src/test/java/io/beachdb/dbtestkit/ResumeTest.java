package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.Health;
import io.beachdb.Range;
import io.beachdb.base.BeachException;
import io.beachdb.base.ClosedException;
import io.beachdb.base.StorageException;
import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a failure of the disk leaves: reads that go on, refusals that say why, and a way back without a restart. */
class ResumeTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final int SEEDS = 10;

    private static Fault failing(SyncSite site, DiskOperation.Kind kind) {
        return Fault.on(operation -> operation.site() == site && operation.kind() == kind);
    }

    private static void open(SteppedEngine engine) {
        engine.open(DIRECTORY, options -> options);
    }

    private static void put(BeachDB db, String key, String value, Durability durability) {
        db.put(bytes(key), bytes(value), durability);
    }

    private static void assertHas(BeachDB db, String key, String value) {
        assertThat(db.get(bytes(key))).as(key).isEqualTo(bytes(value));
    }

    private static void assertHealth(BeachDB db, Health.State state) {
        assertThat(db.health().state()).isEqualTo(state);
    }

    /** Cuts the power of a copy of the machine, with nothing kept that was not synced, and looks at what is there. */
    private static void afterCut(SteppedEngine engine, Consumer<BeachDB> look) {
        for (CutPolicy policy : List.of(CutPolicy.none(), CutPolicy.all(), CutPolicy.random(7))) {
            try (SteppedEngine after = engine.afterCut(policy)) {
                open(after);
                after.step(look);
                after.step(BeachDB::close);
            }
        }
    }

    // ---- a failed sync of the log

    @ParameterizedTest
    @EnumSource(names = {"FAILS", "FAILS_BUT_HAPPENED", "FAILS_HALFWAY"})
    void logSyncFails_resumeMakesTheIndeterminateWriteDurable(Fault.Effect effect) {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                engine.step(db -> put(db, "a", "1", Durability.SYNCED));
                engine.step(db -> put(db, "b", "1", Durability.LOGGED));
                engine.disk()
                        .inject(failing(SyncSite.LOG_GROUP, DiskOperation.Kind.SYNC_FILE)
                                .with(effect));
                long[] sequences = new long[2];
                engine.step(db -> {
                    WriteIndeterminateException indeterminate = catchThrowableOfType(
                            WriteIndeterminateException.class, () -> put(db, "c", "1", Durability.SYNCED));
                    assertThat(indeterminate.smallestSequence()).isEqualTo(3);
                    assertThat(indeterminate.largestSequence()).isEqualTo(3);
                    assertHealth(db, Health.State.READ_ONLY_AFTER_FAILURE);
                    assertThat(db.health().cause()).hasMessageContaining(".wal");
                    assertThatThrownBy(() -> put(db, "d", "1", Durability.LOGGED))
                            .isInstanceOf(WriteRefusedException.class)
                            .hasMessageContaining("resume()")
                            .hasCauseInstanceOf(StorageException.class);
                    assertThatThrownBy(() -> db.awaitDurable(3)).isInstanceOf(WriteRefusedException.class);
                    assertHas(db, "a", "1");
                    assertHas(db, "b", "1");
                    assertHas(db, "c", "1"); // visible writes stay visible
                    assertThat(db.durableSequence()).isBetween(1L, 2L);
                    sequences[0] = db.sequence();
                });
                afterCut(engine, db -> assertHas(db, "a", "1"));
                engine.step(db -> {
                    db.resume();
                    assertHealth(db, Health.State.OK);
                    assertThat(db.durableSequence()).isGreaterThanOrEqualTo(3);
                });
                afterCut(engine, db -> {
                    assertHas(db, "b", "1");
                    assertHas(db, "c", "1");
                });
                engine.step(db -> {
                    sequences[1] = db.put(bytes("d"), bytes("2"), Durability.SYNCED);
                    assertThat(sequences[1]).isGreaterThan(sequences[0]);
                });
                afterCut(engine, db -> {
                    assertHas(db, "c", "1");
                    assertHas(db, "d", "2");
                    assertThat(db.put(bytes("e"), bytes("1"))).isGreaterThan(sequences[1]);
                });
                engine.step(BeachDB::close);
                assertThat(engine.disk().violations()).isEmpty();
            }
        }
    }

    /** Everybody who waits is told, with sequences of his own; who comes later is refused. */
    @Test
    void logSyncFails_manyWriters_allAreToldAndNoneIsForgotten() {
        long told = 0;
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                engine.disk()
                        .inject(failing(SyncSite.LOG_GROUP, DiskOperation.Kind.SYNC_FILE)
                                .afterFirst(1));
                List<String> written = new ArrayList<>();
                List<String> indeterminate = new ArrayList<>();
                List<Long> sequences = new ArrayList<>();
                List<String> refused = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    String key = "k" + i;
                    engine.begin("writer " + i, db -> {
                        try {
                            sequences.add(db.put(bytes(key), bytes("1"), Durability.SYNCED));
                            written.add(key);
                        } catch (WriteIndeterminateException e) {
                            assertThat(e.largestSequence()).isEqualTo(e.smallestSequence());
                            sequences.add(e.smallestSequence());
                            indeterminate.add(key);
                        } catch (WriteRefusedException e) {
                            refused.add(key);
                        }
                    });
                }
                engine.step(db -> {});
                engine.disk().clearFaults(); // all writers may have come to one sync
                told += indeterminate.size();
                assertThat(written.size() + indeterminate.size() + refused.size())
                        .isEqualTo(8);
                assertThat(sequences).as("seed " + seed).doesNotHaveDuplicates();
                afterCut(engine, db -> written.forEach(key -> assertHas(db, key, "1")));
                engine.step(db -> {
                    if (!indeterminate.isEmpty()) {
                        assertHealth(db, Health.State.READ_ONLY_AFTER_FAILURE);
                    }
                    db.resume();
                });
                afterCut(engine, db -> {
                    written.forEach(key -> assertHas(db, key, "1"));
                    indeterminate.forEach(key -> assertHas(db, key, "1"));
                    refused.forEach(key -> assertThat(db.get(bytes(key))).isNull());
                });
                engine.step(db -> {
                    assertThat(db.put(bytes("next"), bytes("1"))).isNotIn(sequences);
                    db.close();
                });
            }
        }
        assertThat(told).isGreaterThan(SEEDS);
    }

    @Test
    void resume_failsToo_staysReadOnlyAndMayBeTriedAgain() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                engine.disk().inject(failing(SyncSite.LOG_GROUP, DiskOperation.Kind.SYNC_FILE));
                engine.step(db -> assertThatThrownBy(() -> put(db, "a", "1", Durability.SYNCED))
                        .isInstanceOf(WriteIndeterminateException.class));
                engine.disk().inject(failing(SyncSite.TABLE_FLUSH, DiskOperation.Kind.SYNC_FILE));
                engine.step(db -> {
                    assertThatThrownBy(db::resume).isInstanceOf(StorageException.class);
                    assertHealth(db, Health.State.READ_ONLY_AFTER_FAILURE);
                    assertHas(db, "a", "1");
                });
                engine.step(db -> {
                    db.resume();
                    assertHealth(db, Health.State.OK);
                    put(db, "b", "1", Durability.SYNCED);
                });
                afterCut(engine, db -> {
                    assertHas(db, "a", "1");
                    assertHas(db, "b", "1");
                });
                engine.step(BeachDB::close);
            }
        }
    }

    @Test
    void manifestSyncFails_resumeRollsOver() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                engine.step(db -> put(db, "a", "1", Durability.SYNCED));
                engine.disk().inject(failing(SyncSite.MANIFEST_EDIT, DiskOperation.Kind.SYNC_FILE));
                engine.step(db -> {
                    assertThatThrownBy(db::flush).isInstanceOf(WriteRefusedException.class);
                    assertHealth(db, Health.State.READ_ONLY_AFTER_FAILURE);
                    assertHas(db, "a", "1");
                    assertThatThrownBy(() -> put(db, "b", "1", Durability.SYNCED))
                            .isInstanceOf(WriteRefusedException.class);
                });
                afterCut(engine, db -> assertHas(db, "a", "1"));
                engine.step(db -> {
                    db.resume();
                    put(db, "b", "1", Durability.SYNCED);
                });
                afterCut(engine, db -> {
                    assertHas(db, "a", "1");
                    assertHas(db, "b", "1");
                });
                engine.step(BeachDB::close);
            }
        }
    }

    /** A log that could not be made ahead of need is made when it is needed: nobody hears of the first try. */
    @Test
    void logSupplyFailsInTheBackground_theNextNeedTriesAgain() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                engine.disk()
                        .inject(Fault.on(operation -> operation.kind() == DiskOperation.Kind.ALLOCATE
                                && operation.name().endsWith(".wal.tmp")
                                && operation.offset() > 0));
                open(engine);
                engine.step(db -> put(db, "a", "1", Durability.SYNCED));
                engine.step(BeachDB::flush);
                engine.step(db -> put(db, "b", "1", Durability.SYNCED));
                afterCut(engine, db -> {
                    assertHas(db, "a", "1");
                    assertHas(db, "b", "1");
                });
                engine.step(BeachDB::close);
            }
        }
    }

    // ---- a failed sync of the directory

    @Test
    void directorySyncFails_resumeRefusesAndSaysWhy() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                engine.step(db -> put(db, "a", "1", Durability.SYNCED));
                engine.disk().inject(Fault.on(operation -> operation.kind() == DiskOperation.Kind.SYNC_DIRECTORY));
                engine.step(db -> {
                    assertThatThrownBy(db::flush).isInstanceOf(WriteRefusedException.class);
                    assertHealth(db, Health.State.READ_ONLY_AFTER_FAILURE);
                    assertThatThrownBy(db::resume)
                            .isInstanceOf(StorageException.class)
                            .hasMessageContaining("which names are on disk is unknown: syncing the directory /data")
                            .hasMessageContaining("reopen");
                    assertHealth(db, Health.State.READ_ONLY_AFTER_FAILURE);
                    assertHas(db, "a", "1");
                });
                afterCut(engine, db -> assertHas(db, "a", "1"));
                engine.step(BeachDB::close); // all is in the log: nothing to complain of
                open(engine);
                engine.step(db -> assertHas(db, "a", "1"));
                engine.step(BeachDB::close);
            }
        }
    }

    @Test
    void close_afterAFailureThatStoppedTheFlushOfUnloggedWrites_saysSo() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                engine.step(db -> put(db, "a", "1", Durability.UNLOGGED));
                engine.disk()
                        .inject(failing(SyncSite.TABLE_FLUSH, DiskOperation.Kind.SYNC_FILE)
                                .sticky());
                engine.step(db -> {
                    assertThatThrownBy(db::flush).isInstanceOf(WriteRefusedException.class);
                    assertHealth(db, Health.State.READ_ONLY_AFTER_FAILURE);
                    assertThatThrownBy(db::close)
                            .isInstanceOf(StorageException.class)
                            .hasMessageContaining("unlogged writes are not on disk");
                });
            }
        }
    }

    /** A memtable that waits for its flush, and an empty one after it. */
    @Test
    void close_withUnloggedWritesInAnOlderMemtable_flushesThem() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                engine.step(db -> put(db, "a", "1", Durability.UNLOGGED));
                engine.begin("flush", db -> {
                    try {
                        db.flush(); // the close may bring it about
                    } catch (BeachException e) {
                        assertThat(e).isInstanceOf(ClosedException.class);
                    }
                });
                engine.disk().inject(failing(SyncSite.TABLE_FLUSH, DiskOperation.Kind.SYNC_FILE));
                engine.step(db -> {
                    engine.pause(100_000_000); // the flush waits before it tries again
                    db.close();
                });
                afterCut(engine, db -> assertHas(db, "a", "1"));
            }
        }
    }

    /** The sync of a log that was made ahead: what it was for can wait, but nothing more can be made in the directory. */
    @Test
    void directorySyncFailsInTheBackground_healthSaysSoAtOnce() {
        int struck = 0;
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                int[] syncs = new int[1];
                engine.disk()
                        .inject(Fault.on(operation -> operation.site() == SyncSite.LOG_CREATE
                                && operation.kind() == DiskOperation.Kind.SYNC_DIRECTORY
                                && ++syncs[0] == 2));
                engine.step(db -> put(db, "a", "1", Durability.SYNCED));
                engine.step(db -> {
                    try {
                        db.flush(); // makes the next log
                    } catch (WriteRefusedException e) {
                        assertThat(e).hasMessageContaining("sync"); // it needed the directory just then
                    }
                });
                if (syncs[0] < 2) {
                    continue; // the sync of the table's name came for the log's, too
                }
                struck++;
                engine.step(db -> {
                    assertHealth(db, Health.State.READ_ONLY_AFTER_FAILURE);
                    assertThatThrownBy(() -> put(db, "b", "1", Durability.LOGGED))
                            .isInstanceOf(WriteRefusedException.class);
                    assertThatThrownBy(db::resume).isInstanceOf(StorageException.class);
                    assertHas(db, "a", "1");
                });
                engine.step(BeachDB::close);
                afterCut(engine, db -> assertHas(db, "a", "1"));
            }
        }
        assertThat(struck).as("seeds in which that sync was one of its own").isPositive();
    }

    /** A fresh log is there then, and ends well; the writes of the one that failed are in memory only. */
    @Test
    void close_afterAResumeThatFailed_saysWhatIsInDoubt() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                engine.disk().inject(failing(SyncSite.LOG_GROUP, DiskOperation.Kind.SYNC_FILE));
                engine.step(db -> assertThatThrownBy(() -> put(db, "a", "1", Durability.SYNCED))
                        .isInstanceOf(WriteIndeterminateException.class));
                engine.disk().inject(failing(SyncSite.TABLE_FLUSH, DiskOperation.Kind.SYNC_FILE));
                engine.step(db -> {
                    assertThatThrownBy(db::resume).isInstanceOf(StorageException.class);
                    assertThatThrownBy(db::close)
                            .isInstanceOf(StorageException.class)
                            .hasMessageContaining("writes after sequence 0");
                });
            }
        }
    }

    // ---- what follows an edit

    /** The edit is on disk then, so the flush has ended: who waits for it hears of that. */
    @Test
    void obsoleteManifestCannotBeLookedFor_theFlushEndsAllTheSame() {
        try (SteppedEngine engine = new SteppedEngine(1)) {
            engine.open(DIRECTORY, options -> options.manifestBytes(4 << 10));
            engine.disk()
                    .inject(Fault.on(operation -> operation.kind() == DiskOperation.Kind.FIND
                                    && operation.name().startsWith("MANIFEST-000001"))
                            .sticky());
            byte[] longKey = new byte[700]; // twice in each edit
            for (int i = 0; i < 8; i++) {
                engine.step(db -> db.put(longKey, longKey));
                engine.step(BeachDB::flush);
            }
            engine.step(db -> assertThat(db.durableSequence()).isEqualTo(8));
            assertThat(engine.disk().names(DIRECTORY)).contains("MANIFEST-000001");
            engine.disk().clearFaults();
            engine.step(db -> db.put(longKey, longKey));
            engine.step(BeachDB::flush);
            assertThat(engine.disk().names(DIRECTORY)).doesNotContain("MANIFEST-000001");
            engine.step(BeachDB::close);
        }
    }

    // ---- a failed close

    /** The table is not needed any more: its file goes all the same, and no task ends with an exception. */
    @Test
    void droppedTableCannotBeClosed_isDeletedAllTheSame() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                for (int i = 0; i < 2; i++) {
                    engine.step(db -> put(db, "a", "1", Durability.SYNCED));
                    engine.step(BeachDB::flush);
                }
                engine.disk()
                        .inject(Fault.on(operation -> operation.kind() == DiskOperation.Kind.CLOSE
                                        && operation.name().endsWith(".sst"))
                                .afterFirst(1)); // after that of the table the compaction makes
                engine.step(BeachDB::compact);
                engine.step(db -> assertHealth(db, Health.State.OK));
                assertThat(engine.disk().names(DIRECTORY))
                        .filteredOn(name -> name.endsWith(".sst"))
                        .hasSize(1);
                engine.step(BeachDB::close);
            }
        }
    }

    // ---- a full disk

    /** The flush met it, and so did the edit, which only a resume mends. */
    @Test
    void diskFullInAnEdit_resumeSaysThatAllIsWell() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                engine.step(db -> put(db, "a", "1", Durability.SYNCED));
                engine.disk()
                        .inject(failing(SyncSite.MANIFEST_EDIT, DiskOperation.Kind.SYNC_FILE)
                                .diskFull());
                engine.step(db -> assertThatThrownBy(db::flush).isInstanceOf(WriteRefusedException.class));
                engine.step(db -> {
                    db.resume();
                    assertHealth(db, Health.State.OK);
                });
                engine.step(BeachDB::close);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void diskFullInAFlush_readsGoOn_andTheFlushIsRetried(boolean failWhenDiskFull) {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                engine.open(DIRECTORY, options -> options.failWhenDiskFull(failWhenDiskFull));
                engine.step(db -> put(db, "a", "1", Durability.SYNCED));
                engine.step(db -> {
                    for (int i = 0; i < 50; i++) {
                        db.put(bytes("long" + i), new byte[1000], Durability.LOGGED);
                    }
                });
                engine.disk().setCapacity(0);
                boolean[] flushed = new boolean[1];
                engine.begin("flush", db -> {
                    if (failWhenDiskFull) {
                        for (int i = 0; i < 2; i++) {
                            assertThatThrownBy(db::flush)
                                    .isInstanceOf(WriteRefusedException.class)
                                    .hasMessageContaining("the disk is full")
                                    .hasStackTraceContaining("No space left on device");
                        }
                    } else {
                        db.flush();
                    }
                    flushed[0] = true;
                });
                engine.step(db -> {
                    for (int i = 0; i < 10; i++) {
                        engine.pause(100_000_000);
                        assertHas(db, "a", "1");
                    }
                    assertThat(flushed[0]).isEqualTo(failWhenDiskFull);
                    assertHealth(db, Health.State.DISK_FULL);
                    engine.disk().setCapacity(Long.MAX_VALUE);
                    db.flush(); // refused by what it meets, not by what an earlier one met
                });
                assertThat(flushed[0]).isTrue();
                engine.step(db -> {
                    assertHealth(db, Health.State.OK);
                    put(db, "b", "1", Durability.SYNCED);
                });
                afterCut(engine, db -> {
                    assertHas(db, "a", "1");
                    assertHas(db, "b", "1");
                    assertThat(db.get(bytes("long49"))).hasSize(1000);
                });
                engine.step(BeachDB::close);
            }
        }
    }

    /** The caller's compaction does what the one in the background found no room for. */
    @Test
    void diskFullInACompaction_anotherDoesIt_healthSaysSo() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                engine.open(DIRECTORY, options -> options.level0CompactionTables(2));
                engine.disk()
                        .inject(failing(SyncSite.TABLE_COMPACTION, DiskOperation.Kind.SYNC_FILE)
                                .diskFull());
                for (int i = 0; i < 2; i++) {
                    engine.step(db -> put(db, "a", "1", Durability.SYNCED));
                    engine.step(BeachDB::flush);
                }
                engine.step(db -> assertHealth(db, Health.State.DISK_FULL));
                engine.step(BeachDB::compact);
                engine.step(db -> assertHealth(db, Health.State.OK));
                engine.step(BeachDB::close);
            }
        }
    }

    /** Else debt would slow and stop writers, and {@code compact()} would wait, with nothing to see of it. */
    @Test
    void compactionsKeepFailing_areTold_andResumeGoesOn() {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                engine.open(DIRECTORY, options -> options.level0CompactionTables(2));
                engine.disk()
                        .inject(failing(SyncSite.TABLE_COMPACTION, DiskOperation.Kind.SYNC_FILE)
                                .sticky());
                for (int i = 0; i < 2; i++) {
                    engine.step(db -> put(db, "a", "1", Durability.SYNCED));
                    engine.step(BeachDB::flush);
                }
                engine.step(db -> assertHealth(db, Health.State.OK)); // it may go by
                engine.step(db -> assertThatThrownBy(() -> db.compact(Range.from(bytes("z"))))
                        .isInstanceOf(WriteRefusedException.class)
                        .hasMessageContaining("resume()")
                        .hasCauseInstanceOf(StorageException.class));
                engine.step(db -> assertHealth(db, Health.State.READ_ONLY_AFTER_FAILURE));
                engine.step(db -> assertHas(db, "a", "1"));
                engine.disk().clearFaults();
                engine.step(db -> {
                    db.resume();
                    put(db, "b", "1", Durability.SYNCED);
                    db.compact(Range.from(bytes("z")));
                    assertHealth(db, Health.State.OK);
                    assertThat(db.stats().compactions()).isPositive();
                });
                engine.step(BeachDB::close);
            }
        }
    }

    @Test
    void resumeAndClose_atOnce_bothEndAndNothingStaysOpen() {
        for (long seed = 0; seed < 100; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine);
                engine.step(db -> put(db, "a", "1", Durability.SYNCED));
                engine.disk().inject(failing(SyncSite.LOG_GROUP, DiskOperation.Kind.SYNC_FILE));
                engine.step(db -> assertThatThrownBy(() -> put(db, "b", "1", Durability.SYNCED))
                        .isInstanceOf(WriteIndeterminateException.class));
                engine.begin("resume", db -> {
                    try {
                        db.resume();
                    } catch (ClosedException e) {
                        assertHealthIsClosing(db);
                    }
                });
                engine.step(db -> {
                    try {
                        db.close();
                    } catch (StorageException e) {
                        assertThat(e).as("seed " + SEEDS).hasStackTraceContaining(".wal"); // not resumed in time
                    }
                });
                assertThat(engine.chargedBytes()).as("seed " + seed).isZero();
                open(engine);
                engine.step(db -> assertHas(db, "a", "1"));
                engine.step(BeachDB::close);
            }
        }
    }

    private static void assertHealthIsClosing(BeachDB db) {
        assertThatThrownBy(() -> put(db, "later", "1", Durability.LOGGED)).isInstanceOf(ClosedException.class);
    }

    // ---- reading only

    @Test
    void readOnly_logsLargerThanTheBudget_isRefusedSayingWhatToDo() {
        try (SteppedEngine engine = new SteppedEngine(1)) {
            engine.open(DIRECTORY, 64L << 20, options -> options.writeBufferBytes(16L << 20));
            engine.step(db -> {
                for (int i = 0; i < 8_000; i++) {
                    db.put(bytes("key" + i), new byte[1000], Durability.LOGGED);
                }
                db.sync();
            });
            engine.kill();
            String before = engine.disk().names(DIRECTORY).toString();
            long fingerprint = engine.disk().fingerprint();
            assertThatThrownBy(() -> engine.open(DIRECTORY, 4L << 20, options -> options.readOnly(true)))
                    .hasRootCauseInstanceOf(StorageException.class)
                    .rootCause()
                    .hasMessageContaining("do not fit the memory budget of 4194304 bytes")
                    .hasMessageContaining("open it for writing once");
            assertThat(engine.disk().names(DIRECTORY)).hasToString(before);
            assertThat(engine.disk().fingerprint()).isEqualTo(fingerprint);
        }
    }
}
