package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.Health;
import io.beachdb.Options;
import io.beachdb.Range;
import io.beachdb.base.StorageException;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Compactions that callers ask for, beside those of the background and beside writers. The rate at which compactions write is
 * low, so that each takes seconds of the simulated time.
 */
class CompactionConflictTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final long SEEDS = 10;
    private static final int TABLES = 8;
    private static final int VALUE_BYTES = 2000;

    private static void open(SteppedEngine engine, int threads, int targetBytes) {
        engine.open(
                DIRECTORY,
                options -> options.compression(Options.Compression.NONE)
                        .targetTableBytes(targetBytes)
                        .level0CompactionTables(2)
                        .level0StopTables(4)
                        .compactionThreads(threads)
                        .compactionBytesPerSecond(16 << 10));
    }

    private static byte[] bytes(String text) {
        return SteppedEngine.bytes(text);
    }

    private static Range range(String from, String to) {
        return Range.of(bytes(from), bytes(to));
    }

    /** Tables in the last level, each of ten keys, and between them gaps: fewer than are merged of their own accord. */
    private static void makeTables(SteppedEngine engine, int count) {
        for (int t = 0; t < count; t++) {
            int table = t;
            engine.step(db -> {
                for (int i = 0; i < 10; i++) {
                    db.put(bytes(table + "0-" + i), new byte[VALUE_BYTES], Durability.LOGGED);
                }
                db.compact(range(table + "0", table + "1"));
            });
        }
    }

    private static void checkTables(SteppedEngine engine, int count) {
        engine.step(db -> {
            db.awaitRest();
            assertThat(db.health().state()).isEqualTo(Health.State.OK);
            for (int t = 0; t < count; t++) {
                for (int i = 0; i < 10; i++) {
                    assertThat(db.get(bytes(t + "0-" + i))).as(t + "0-" + i).hasSize(VALUE_BYTES);
                }
            }
        });
    }

    /** What goes down into a gap while its neighbours are made one table must wait: it would lie within that table. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void intoAGapBesideAMerge_oneWaitsForTheOther(int threads) {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine, threads, 1 << 20);
                makeTables(engine, TABLES - 1);
                boolean[] ended = new boolean[1];
                engine.begin("compact", db -> {
                    db.compact();
                    ended[0] = true;
                });
                engine.step(db -> {
                    engine.pause(1_000_000_000); // the merge has begun
                    assertThat(ended[0]).isFalse();
                    for (int i = 0; i < 3; i++) {
                        db.put(bytes("15-gap" + i), bytes("x"), Durability.LOGGED);
                        db.flush(); // moved down of its own accord where there are two threads
                    }
                    db.compact(range("15", "16"));
                });
                assertThat(ended[0]).isTrue();
                checkTables(engine, TABLES - 1);
                engine.step(db -> assertThat(db.get(bytes("15-gap2"))).isNotNull());
                engine.step(BeachDB::close);
            }
        }
    }

    /** A merge of the background, in whose gap a caller brings something down. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void intoAGapBesideAMergeOfTheBackground_waits(int threads) {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine, threads, 1 << 20);
                makeTables(engine, TABLES - 1);
                engine.begin("last", db -> {
                    db.put(bytes("90-0"), new byte[VALUE_BYTES], Durability.LOGGED);
                    db.put(bytes("90-1"), new byte[3 * VALUE_BYTES], Durability.LOGGED);
                    db.compact(range("90", "91")); // the eighth: now they are merged
                });
                engine.step(db -> {
                    engine.pause(1_000_000_000);
                    db.put(bytes("15-gap"), bytes("x"), Durability.LOGGED);
                    db.compact(range("15", "16"));
                });
                checkTables(engine, TABLES - 1);
                engine.step(BeachDB::close);
            }
        }
    }

    /** With one thread for compactions, one that a caller asked for keeps those from their work on which writers wait. */
    @ParameterizedTest
    @ValueSource(ints = {64 << 10, 1 << 20}) // several merges of two or three tables, one of all
    void writersBesideALongCompact_areNotStoppedUntilItsEnd(int targetBytes) {
        try (SteppedEngine engine = new SteppedEngine(1)) {
            open(engine, 1, targetBytes);
            makeTables(engine, TABLES - 1);
            boolean[] ended = new boolean[1];
            engine.begin("compact", db -> {
                db.compact();
                ended[0] = true;
            });
            engine.step(db -> {
                engine.pause(1_000_000_000);
                for (int i = 0; i < 6; i++) { // more than level 0 may have
                    db.put(bytes("zz"), bytes("x"), Durability.LOGGED);
                    db.flush();
                }
                db.put(bytes("zz"), bytes("last"), Durability.LOGGED);
                assertThat(ended[0]).isFalse();
            });
            assertThat(ended[0]).isTrue();
            checkTables(engine, TABLES - 1);
            engine.step(BeachDB::close);
        }
    }

    /** What a caller's compaction kept from being done is done, also if that fails. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void compactThatFails_leavesNothingUndone(int threads) {
        for (long seed = 0; seed < SEEDS; seed++) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                open(engine, threads, 1 << 20);
                makeTables(engine, TABLES - 1);
                engine.begin("compact", db -> {
                    assertThatThrownBy(db::compact).isInstanceOf(StorageException.class);
                });
                engine.step(db -> {
                    engine.pause(1_000_000_000);
                    for (int i = 0; i < 3; i++) {
                        db.put(bytes("15-gap" + i), bytes("x"), Durability.LOGGED);
                        db.flush();
                    }
                    engine.disk()
                            .inject(Fault.on(operation -> operation.kind() == DiskOperation.Kind.SYNC_FILE
                                    && operation.path().toString().endsWith(".sst")));
                    db.awaitRest();
                    assertThat(db.stats().levels().getFirst().tables()).isLessThan(2);
                });
                checkTables(engine, TABLES - 1);
                engine.step(BeachDB::close);
            }
        }
    }
}
