package io.beachdb.wal;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Signal;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.testkit.ForwardingScheduler;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedScheduler;
import io.beachdb.testkit.SimulatedVfs;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * T5: somebody syncs, and has taken the requests that are answered by that; before it looks at the logs another writer
 * rotates, and asks for a sync of what it wrote to the next log. That request must not be lost.
 */
class RotationDuringSyncTest {
    private static final Path DIRECTORY = Path.of("/data");
    private static final int PAYLOAD_BYTES = 100;

    /** What the second writer finds at the point at which the first one syncs. */
    private static final class Race {
        private final SimulatedScheduler scheduler = new SimulatedScheduler(1);
        private final SimulatedDisk disk = new SimulatedDisk(scheduler).makeDirectories(DIRECTORY);
        private final SimulatedVfs vfs = disk.start("writer");
        private final MemoryBudget budget = MemoryBudget.ofBytes(16L << 20);
        private final MemoryAccount account = budget.openAccount();
        private final Signal changed = scheduler.newSignal("changed", 0);
        private boolean syncs; // the first writer has taken the requests
        private boolean requested; // the second one has made its own since
        private boolean done;
        private long synced;
        private long number;

        /** Lets the first sync wait, right after its look at the requests, for those of the second writer. */
        private final class Stopping extends ForwardingScheduler {
            Stopping() {
                super(scheduler);
            }

            @Override
            public void reach(String point) {
                super.reach(point);
                if (point.equals("sync requests taken") && !syncs) {
                    syncs = true;
                    changed.wake();
                    scheduler.await(changed, () -> requested);
                }
            }
        }

        private WalWriter open() {
            ForwardingScheduler stopping = new Stopping();
            DurableDirectory directory = DurableDirectory.open(
                    vfs, DIRECTORY, DurableDirectory.Mode.EXISTING, stopping, DurabilityListener.none());
            LogSupply supply = new LogSupply(directory, Logs.ID, () -> ++number, stopping, account, 4096);
            WalOptions options = new WalOptions(64 << 10, Logs.LONG_INTERVAL, 0, 0, 0, 1_000_000);
            return new WalWriter(
                    supply, supply.take(0), Predecessor.none(), stopping, account, options, new WalListener() {
                        @Override
                        public void synced(long upTo) {
                            synced = upTo;
                            changed.wake();
                        }

                        @Override
                        public void failed(StorageException failure) {
                            throw failure;
                        }
                    });
        }

        private void append(WalWriter log, long sequence) {
            NativeBlock block = account.acquire(MemoryUse.QUEUED, PAYLOAD_BYTES);
            block.memory().asSlice(0, PAYLOAD_BYTES).fill((byte) 0);
            block.memory().set(ValueLayout.JAVA_BYTE, 0, (byte) WalFormat.BATCH);
            int checksum = Checksum.crc32c(block.memory(), 0, PAYLOAD_BYTES);
            log.append(block.memory(), 0, PAYLOAD_BYTES, checksum, sequence, sequence);
            account.release(MemoryUse.QUEUED, block);
        }

        void play() {
            scheduler.spawn(vfs.process(), "first", () -> {
                WalWriter log = open();
                append(log, 1);
                scheduler.spawn(vfs.process(), "second", () -> {
                    scheduler.await(changed, () -> syncs);
                    log.rotate(0);
                    append(log, 2);
                    log.handOverSynced();
                    log.sync(2);
                    requested = true;
                    changed.wake();
                    scheduler.await(changed, () -> synced >= 2);
                    done = true;
                    log.close();
                });
                log.handOverSynced();
                log.sync(1);
            });
            scheduler.run();
            scheduler.close();
            budget.close();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void requestOfTheNextLog_isNotLost(boolean interruptSafe) {
        Race race = new Race();
        race.disk.setInterruptSafe(interruptSafe);
        race.play();
        assertThat(race.done).isTrue();
    }
}
