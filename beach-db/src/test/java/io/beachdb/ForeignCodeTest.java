package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.RandomSource;
import io.beachdb.base.Scheduler;
import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What users' listeners, executors and failing disks must not be able to do: stop a sync, or make a failed one count. */
@Timeout(120)
class ForeignCodeTest {
    @TempDir
    private Path directory;

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** What a failed log write leaves is visible, and durable only once a resume has brought it to disk. */
    @Test
    void failedWrite_isVisible_andNotNamedDurable() {
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(Path.of("/data"));
        Options options = Options.builder()
                .memoryBytes(16L << 20)
                .writeBufferBytes(1L << 20)
                .seams(new Seams(disk.start("engine"), Scheduler.system(), RandomSource.seeded(1)))
                .build();
        for (DiskOperation.Kind failing : List.of(DiskOperation.Kind.WRITE, DiskOperation.Kind.SYNC_FILE)) {
            try (BeachDB db = BeachDB.open(Path.of("/data/" + failing), options)) {
                long good = db.put(bytes("a"), bytes("1"));
                disk.inject(Fault.on(operation -> operation.kind() == failing
                        && operation.path().toString().endsWith(".wal")));
                assertThatThrownBy(() -> db.put(bytes("b"), bytes("2")))
                        .isInstanceOf(WriteIndeterminateException.class);
                disk.clearFaults();
                assertThat(db.get(bytes("b"))).isEqualTo(bytes("2"));
                long visible = db.stats().visibleSequence();
                assertThat(visible).isGreaterThan(good);
                assertThat(db.durableSequence()).as("%s failed", failing).isEqualTo(good);
                assertThatThrownBy(() -> db.awaitDurable(visible)).isInstanceOf(WriteRefusedException.class);
                db.resume();
                assertThat(db.durableSequence()).isEqualTo(visible);
                db.awaitDurable(visible);
            }
        }
    }

    @Test
    void listener_thatThrowsOrWaits_isRefusedAndHarmless() {
        AtomicReference<@Nullable BeachDB> opened = new AtomicReference<>();
        AtomicReference<@Nullable Throwable> refused = new AtomicReference<>();
        DatabaseListener listener = new DatabaseListener() {
            @Override
            public void onFlush(long tableNumber, long entries, long tableBytes, long nanos) {
                BeachDB db = opened.get();
                if (db != null) {
                    try {
                        db.put(bytes("inside"), bytes("1"));
                    } catch (IllegalStateException e) {
                        refused.set(e);
                        throw e;
                    }
                }
            }
        };
        try (BeachDB db =
                BeachDB.open(directory, Options.builder().listener(listener).build())) {
            opened.set(db);
            db.put(bytes("a"), bytes("1"));
            db.flush();
            db.awaitRest();
            assertThat(refused.get()).hasMessageContaining("inside a view or listener callback");
            assertThat(db.health().state()).isEqualTo(Health.State.OK);
            db.put(bytes("b"), bytes("2"));
            assertThat(db.options().listener()).isSameAs(listener);
        }
    }

    @Test
    void executor_thatThrowsOrWrites_stopsNoSync() throws Exception {
        try (BeachDB db = BeachDB.open(directory)) {
            assertThatThrownBy(() -> db.whenDurable(0, nothing())).isInstanceOf(NullPointerException.class);
            List<CompletableFuture<Long>> futures = new ArrayList<>();
            Executor broken = task -> {
                throw new IllegalStateException("no");
            };
            for (int i = 0; i < 20; i++) {
                long sequence = db.put(bytes("k" + i), bytes("v"), Durability.LOGGED);
                futures.add(db.whenDurable(sequence, broken));
                futures.add(db.whenDurable(sequence, Runnable::run)
                        .thenApply(durable -> db.put(bytes("then"), bytes("1"), Durability.SYNCED)));
                db.put(bytes("s" + i), bytes("v"), Durability.SYNCED);
            }
            for (CompletableFuture<Long> future : futures) {
                assertThat(future.get(60, TimeUnit.SECONDS)).isPositive();
            }
            assertThat(db.health().state()).isEqualTo(Health.State.OK);
        }
    }

    @SuppressWarnings("NullAway") // on purpose
    private static Executor nothing() {
        return null;
    }

    /** More writers at once than the write path orders at a time. */
    @Test
    void writers_byTheThousand_allReturn() throws InterruptedException {
        try (BeachDB db = BeachDB.open(directory)) {
            List<Thread> writers = new ArrayList<>();
            for (int i = 0; i < 10_000; i++) {
                byte[] key = bytes("key" + i);
                writers.add(Thread.ofVirtual().start(() -> db.put(key, key)));
            }
            for (Thread writer : writers) {
                writer.join();
            }
            assertThat(db.durableSequence()).isEqualTo(10_000);
        }
    }

    @Test
    void flush_thatACloseOvertakes_doesNotClaimSuccess() {
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(Path.of("/data"));
        Options options = Options.builder()
                .memoryBytes(16L << 20)
                .writeBufferBytes(1L << 20)
                .seams(new Seams(disk.start("engine"), Scheduler.system(), RandomSource.seeded(1)))
                .build();
        BeachDB db = BeachDB.open(Path.of("/data/db"), options);
        long sequence = db.put(bytes("a"), bytes("1"), Durability.UNLOGGED);
        disk.inject(Fault.on(operation -> operation.path().toString().endsWith(".sst"))
                .sticky());
        assertThatThrownBy(db::close).isInstanceOf(io.beachdb.base.BeachException.class);
        assertThat(db.durableSequence()).isLessThan(sequence);
        assertThatThrownBy(() -> db.awaitDurable(sequence)).isInstanceOf(io.beachdb.base.ClosedException.class);
    }
}
