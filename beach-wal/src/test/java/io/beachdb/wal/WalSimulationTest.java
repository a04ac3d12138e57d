package io.beachdb.wal;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Mutex;
import io.beachdb.base.Signal;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedScheduler;
import io.beachdb.testkit.SimulatedVfs;
import io.beachdb.wal.Logs.Batch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Several clients write through one writer on a simulated disk, in an order that a seed chooses, until the power is cut,
 * the process is killed, or a sync fails. What is then recovered must be a prefix of what was appended, and hold what the
 * clients had been promised.
 */
class WalSimulationTest {
    private static final Path DIRECTORY = Path.of("/data");
    private static final int CLIENTS = 4;
    private static final int GROUPS = 12;

    /** How a run ends, unless it comes to its end by itself. */
    private enum End {
        POWER_CUT,
        KILL,
        FAILED_SYNC
    }

    private static final class Run {
        final long seed;
        final End end;
        final MemoryBudget budget = MemoryBudget.ofBytes(64L << 20);
        final MemoryAccount account = budget.openAccount();
        final SimulatedScheduler scheduler;
        final SimulatedDisk disk;
        final SimulatedVfs vfs;
        final List<Batch> appended = new ArrayList<>();
        long handedOver; // promised against the death of the process
        long synced; // promised against anything
        boolean clean;
        private final Signal opened;
        private final Mutex leading;
        private @Nullable WalWriter writer;
        private long sequence;
        private long number;
        private int done;

        /** The pool, not the budget: what a writer that was killed had charged stays charged. */
        void free() {
            budget.pool().close();
        }

        Run(long seed, End end) {
            this.seed = seed;
            this.end = end;
            this.scheduler = new SimulatedScheduler(seed);
            this.disk = new SimulatedDisk(scheduler).makeDirectories(DIRECTORY);
            disk.setInterruptSafe(seed % 5 < 3); // who writes and syncs: the clients, or engine threads
            this.vfs = disk.start("writer");
            this.opened = scheduler.newSignal("opened", 0);
            this.leading = new Mutex(scheduler, "leading");
        }

        Run play() {
            Random random = new Random(seed);
            switch (end) {
                case POWER_CUT -> disk.cutAt(1 + random.nextInt(250));
                case KILL -> {
                    int steps = 1 + random.nextInt(120);
                    scheduler.spawn("killer", () -> {
                        for (int i = 0; i < steps; i++) {
                            scheduler.reach("waiting to kill");
                        }
                        vfs.kill();
                    });
                }
                case FAILED_SYNC ->
                    disk.inject(Fault.on(operation -> operation.kind() == DiskOperation.Kind.SYNC_FILE
                                    && operation.path().toString().endsWith(".wal"))
                            .afterFirst(random.nextInt(12)));
            }
            scheduler.spawn(vfs.process(), "opener", this::open);
            for (int i = 0; i < CLIENTS; i++) {
                long clientSeed = random.nextLong();
                scheduler.spawn(vfs.process(), "client " + i, () -> write(new Random(clientSeed)));
            }
            long begun = scheduler.clock().nanoTime();
            scheduler.run();
            // Time stands still while anybody can go on; a request that was left lying waits for a timer.
            assertThat(scheduler.clock().nanoTime() - begun).as("seed %d", seed).isLessThan(Logs.LONG_INTERVAL);
            scheduler.close();
            return this;
        }

        private long interval() {
            return seed % 2 == 0 ? 1_000_000 : Logs.LONG_INTERVAL;
        }

        private void open() {
            DurableDirectory directory = DurableDirectory.open(
                    vfs, DIRECTORY, DurableDirectory.Mode.EXISTING, scheduler, DurabilityListener.none());
            LogSupply supply = new LogSupply(directory, Logs.ID, () -> ++number, scheduler, account, 4096);
            WalOptions options = new WalOptions(64 << 10, interval(), 0, 0, 0, interval());
            boolean growing = seed % 3 == 0;
            PreparedLog first = growing ? supply.takeGrowing() : supply.take(0);
            writer = new WalWriter(supply, first, Predecessor.none(), scheduler, account, options, new WalListener() {
                @Override
                public void synced(long upTo) {
                    synced = Math.max(synced, upTo);
                }

                @Override
                public void failed(StorageException failure) {
                    // Shown by the writer.
                }
            });
            supply.prepare();
            opened.wake();
            scheduler.await(opened, () -> done == CLIENTS);
            if (writer.failure() == null) {
                writer.close();
                clean = true;
            } else {
                writer.abandon();
            }
            supply.close();
            directory.close();
        }

        private void write(Random random) {
            scheduler.await(opened, () -> writer != null);
            WalWriter log = writer;
            try {
                for (int i = 0; i < GROUPS && log != null; i++) {
                    writeGroup(log, random);
                }
            } catch (StorageException e) {
                assertThat(e).hasStackTraceContaining("Input/output error");
            } finally {
                done++;
                opened.wake();
            }
        }

        private void writeGroup(WalWriter log, Random random) {
            boolean sync = random.nextInt(3) == 0;
            long last;
            leading.lock();
            try {
                for (int k = random.nextInt(3); k >= 0; k--) {
                    append(log, random.nextInt(20) == 0 ? 6000 : random.nextInt(900));
                }
                last = sequence;
                if (random.nextInt(10) == 0) {
                    log.rotate(0);
                }
                if (sync) {
                    log.handOverSynced();
                } else {
                    log.handOver();
                }
                handedOver = last;
            } finally {
                leading.unlock();
            }
            if (sync) {
                log.awaitSynced(last);
                assertThat(log.syncedSequence()).isGreaterThanOrEqualTo(last);
                synced = Math.max(synced, last);
            } else if (random.nextInt(6) == 0) {
                log.awaitSequence(last);
                synced = Math.max(synced, last);
            }
        }

        private void append(WalWriter log, int length) {
            byte[] bytes = new byte[length];
            new Random(sequence).nextBytes(bytes);
            NativeBlock block = account.acquire(MemoryUse.QUEUED, length + 1L);
            block.memory().set(ValueLayout.JAVA_BYTE, 0, (byte) WalFormat.BATCH);
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, block.memory(), 1, length);
            if (!log.fits(length + 1L)) {
                log.rotate(length + 1L);
            }
            long next = sequence + 1;
            appended.add(new Batch(next, bytes));
            sequence = next;
            log.append(block.memory(), 0, length + 1L, Checksum.crc32c(block.memory(), 0, length + 1L), next, next);
            account.release(MemoryUse.QUEUED, block);
        }

        /** Recovers, twice, from what is on the disk now. */
        long recovered() {
            SimulatedDisk left = disk.copy();
            long first = recovered(left.start("recovery"));
            assertThat(recovered(left.start("recovery again"))).isEqualTo(first);
            return first;
        }

        private long recovered(SimulatedVfs process) {
            SimulatedScheduler quiet = new SimulatedScheduler(seed);
            MemoryAccount reading = budget.openAccount();
            try (DurableDirectory directory = DurableDirectory.open(
                            process, DIRECTORY, DurableDirectory.Mode.READ_ONLY, quiet, DurabilityListener.none());
                    LogRecovery recovery = new LogRecovery(directory, Logs.ID, directory.list(), 1, false, reading)) {
                List<Batch> read = Logs.readAll(recovery);
                assertThat(Logs.isPrefix(read, appended)).isTrue();
                return read.size();
            } finally {
                assertThat(reading.usedBytes()).isZero();
                quiet.close();
            }
        }
    }

    @Test
    void powerCut_anywhere_losesNothingThatWasSynced() {
        int cuts = 0;
        for (long seed = 1; seed <= 150; seed++) {
            Run run = new Run(seed, End.POWER_CUT).play();
            cuts += run.disk.isPowerOff() ? 1 : 0;
            SimulatedDisk before = run.disk;
            for (int policy = 0; policy < 4; policy++) {
                SimulatedDisk disk = before.copy();
                CutPolicy kept = policy == 0 ? CutPolicy.none() : CutPolicy.random(seed * 10 + policy);
                disk.cutPower(kept);
                long recovered = run.recovered(disk.start("recovery"));
                assertThat(recovered).as("seed %d, survives %s", seed, kept).isBetween(run.synced, (long)
                        run.appended.size());
            }
            run.free();
        }
        assertThat(cuts).isGreaterThan(100);
    }

    @Test
    void kill_anywhere_losesNothingThatWasHandedOver() {
        for (long seed = 1; seed <= 150; seed++) {
            Run run = new Run(seed, End.KILL).play();
            assertThat(run.recovered()).as("seed %d", seed).isGreaterThanOrEqualTo(run.handedOver);
            run.free();
        }
    }

    @Test
    void failedSync_thenPowerCut_losesNothingThatWasSynced() {
        int failed = 0;
        for (long seed = 1; seed <= 100; seed++) {
            Run run = new Run(seed, End.FAILED_SYNC).play();
            failed += run.clean ? 0 : 1;
            run.disk.cutPower(CutPolicy.random(seed));
            assertThat(run.recovered()).as("seed %d", seed).isGreaterThanOrEqualTo(run.synced);
            run.free();
        }
        assertThat(failed).isGreaterThan(50);
    }

    @Test
    void run_ofOneSeed_isRepeatable() {
        for (long seed = 1; seed <= 10; seed++) {
            Run one = new Run(seed, End.POWER_CUT).play();
            Run two = new Run(seed, End.POWER_CUT).play();
            assertThat(two.scheduler.traceHash()).isEqualTo(one.scheduler.traceHash());
            assertThat(two.disk.traceHash()).isEqualTo(one.disk.traceHash());
        }
    }
}
