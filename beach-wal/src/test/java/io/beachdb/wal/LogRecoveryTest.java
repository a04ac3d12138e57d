package io.beachdb.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.BeachException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.Scheduler;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FileName;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.Vfs;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.wal.Logs.Batch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogRecoveryTest {
    private static final int LOG_BYTES = 4096;

    @TempDir
    Path path;

    private final MemoryAccount account = Logs.BUDGET.openAccount();

    /** The bytes of some logs, as a crash could have left them, and what they hold. */
    private record Crashed(Map<Long, byte[]> files, List<Batch> written) {
        /** Returns a copy of a log's bytes. */
        byte[] of(long log) {
            return Objects.requireNonNull(files.get(log)).clone();
        }

        Crashed with(long log, byte[] bytes) {
            Map<Long, byte[]> changed = new TreeMap<>(files);
            changed.put(log, bytes);
            return new Crashed(changed, written);
        }

        Crashed without(long log) {
            Map<Long, byte[]> changed = new TreeMap<>(files);
            changed.remove(log);
            return new Crashed(changed, written);
        }

        Crashed flipped(long log, int bit) {
            byte[] bytes = of(log);
            bytes[bit / 8] ^= (byte) (1 << bit % 8);
            return with(log, bytes);
        }

        /** What a power cut leaves of an allocated log whose bytes from {@code from} on had not been synced. */
        Crashed zeroed(long log, int from) {
            byte[] bytes = of(log);
            Arrays.fill(bytes, from, bytes.length, (byte) 0);
            return with(log, bytes);
        }
    }

    private interface History {
        void play(Logs logs);
    }

    /** Plays a history, and takes the files as the death of the process leaves them. */
    private Crashed crash(History history) {
        Path directory = path.resolve("made");
        try (Logs logs = new Logs(directory, LOG_BYTES)) {
            history.play(logs);
            Map<Long, byte[]> files = new TreeMap<>();
            for (String name : logs.directory.list()) {
                FileName parsed = FileName.parse(name);
                if (parsed != null
                        && parsed.kind() == FileName.Kind.LOG
                        && parsed.number() <= logs.writer.currentLog()) {
                    files.put(parsed.number(), read(directory.resolve(name)));
                }
            }
            return new Crashed(files, List.copyOf(logs.written));
        } finally {
            clear(directory);
        }
    }

    private static byte[] read(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void clear(Path directory) {
        try {
            for (String name : directory.toFile().list()) {
                Files.delete(directory.resolve(name));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private DurableDirectory lay(Crashed crashed) {
        Path directory = path.resolve("laid");
        try {
            Files.createDirectories(directory);
            clear(directory);
            for (Map.Entry<Long, byte[]> file : crashed.files.entrySet()) {
                Files.write(directory.resolve(FileName.log(file.getKey())), file.getValue());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return DurableDirectory.open(
                Vfs.system(),
                directory,
                DurableDirectory.Mode.READ_ONLY,
                Scheduler.system(),
                DurabilityListener.none());
    }

    private record Outcome(List<Batch> read, LogRecovery.Result result) {}

    private Outcome recover(Crashed crashed, long oldest, boolean exists) {
        try (DurableDirectory directory = lay(crashed);
                LogRecovery recovery = new LogRecovery(directory, Logs.ID, directory.list(), oldest, exists, account)) {
            List<Batch> read = Logs.readAll(recovery);
            assertThat(Logs.isPrefix(read, crashed.written)).isTrue();
            assertThat(recovery.next()).isFalse();
            return new Outcome(read, recovery.result());
        } finally {
            assertThat(account.usedBytes()).isZero();
        }
    }

    private Outcome recover(Crashed crashed) {
        return recover(crashed, 1, true);
    }

    private static long last(Crashed crashed) {
        return crashed.files.keySet().stream().mapToLong(number -> number).max().orElseThrow();
    }

    /** Three logs with records, none of them synced. */
    private Crashed threeLogs() {
        return crash(logs -> {
            holdSyncs(logs);
            for (int log = 0; log < 3; log++) {
                if (log > 0) {
                    logs.writer.rotate(0);
                }
                logs.logged(100);
                logs.logged(60);
                logs.logged(30);
            }
        });
    }

    /** Keeps the first log's sync from ending, so that nothing ever says that something was synced. */
    private static void holdSyncs(Logs logs) {
        logs.awaitReady();
        CountDownLatch done = new CountDownLatch(1);
        logs.onClosing = done::countDown;
        logs.vfs.hook = (operation, name) -> {
            if (operation == HookedVfs.Operation.SYNC && name.equals(FileName.log(1))) {
                Logs.await(done);
            }
        };
    }

    @Test
    void logs_inAChain_areReadAsOne() {
        Crashed crashed = threeLogs();
        Outcome outcome = recover(crashed);
        assertThat(outcome.read).hasSize(9);
        assertThat(outcome.result.batches()).isEqualTo(9);
        assertThat(outcome.result.leftOut()).isEmpty();
        assertThat(outcome.result.logs()).hasSize(3).noneMatch(LogRecovery.LogEnd::clean);
        assertThat(outcome.result.whole()).isFalse();
        assertThat(outcome.result.last().lastOrdinal()).isEqualTo(12);
        assertThat(outcome.result.last().lastSequence())
                .isEqualTo(crashed.written.getLast().sequence());
    }

    @Test
    void noLogs_areEmpty() {
        Crashed none = new Crashed(Map.of(), List.of());
        assertThat(recover(none, 1, false).result)
                .isEqualTo(new LogRecovery.Result(Predecessor.none(), 0, List.of(), "", true));
        assertThatThrownBy(() -> recover(none, 1, true))
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining("000001.wal: the manifest needs this log, and it is not there");
    }

    @Test
    void log_olderThanTheManifestNeeds_isNotLookedAt() {
        Crashed crashed = threeLogs();
        long second = crashed.files.keySet().stream().skip(1).findFirst().orElseThrow();
        Crashed garbage = crashed.with(1, new byte[] {1, 2, 3});
        Path directory = path.resolve("laid");
        try (DurableDirectory laid = lay(garbage);
                LogRecovery recovery = new LogRecovery(laid, Logs.ID, laid.list(), second, true, account)) {
            List<Batch> read = Logs.readAll(recovery);
            assertThat(Logs.isPrefix(read, crashed.written.subList(3, 9))).isTrue();
            assertThat(read).hasSize(6);
        }
        assertThat(directory).exists();
    }

    /** Every length of what a cut leaves of each log: a prefix, and the later logs do not count behind a gap. */
    @Test
    void unsyncedLogs_cutAnywhere_endThere() {
        Crashed crashed = threeLogs();
        int index = 0;
        for (long log : crashed.files.keySet()) {
            int before = index * 3;
            for (int cut = FileHeader.BYTES; cut <= 500; cut++) {
                Outcome outcome = recover(crashed.zeroed(log, cut));
                int size = outcome.read.size();
                if (size == 9) {
                    assertThat(outcome.result.leftOut()).isEmpty();
                } else {
                    assertThat(size).as("log %d cut at %d", log, cut).isBetween(before, before + 3);
                    boolean isLast = log == last(crashed);
                    assertThat(outcome.result.leftOut().isEmpty()).isEqualTo(isLast);
                }
            }
            index++;
        }
    }

    /** Its name was on disk before its first record: no crash takes it away. */
    @Test
    void unsyncedLog_missing_isDamage() {
        Crashed crashed = threeLogs();
        List<Long> logs = List.copyOf(crashed.files.keySet());
        assertThatThrownBy(() -> recover(crashed.without(logs.get(1))))
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining(FileName.log(logs.get(1)) + ": it is not there")
                .hasMessageContaining("follows " + FileName.log(logs.get(1)));
        assertThatThrownBy(() -> recover(crashed.without(1), 1, false)).isInstanceOf(CorruptionException.class);
    }

    /** There a power cut may have taken the name: what had not been synced ends where the log is missing. */
    @Test
    void unsyncedLog_missingWhereNamesCannotBeSynced_endsTheLogs() {
        Crashed crashed = threeLogs();
        List<Long> logs = List.copyOf(crashed.files.keySet());
        Crashed without = crashed.without(logs.get(1));
        Path home = Path.of("/data/db");
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(home);
        without.files.forEach((number, bytes) -> disk.install(home.resolve(FileName.log(number)), bytes));
        disk.refuseDirectorySyncs();
        try (DurableDirectory directory = DurableDirectory.open(
                        disk.start("recovery"),
                        home,
                        DurableDirectory.Mode.EXISTING,
                        Scheduler.system(),
                        DurabilityListener.none());
                LogRecovery recovery = new LogRecovery(directory, Logs.ID, directory.list(), 1, true, account)) {
            assertThat(Logs.readAll(recovery)).hasSize(3);
            assertThat(recovery.result().leftOut()).contains(FileName.log(logs.get(1)));
            assertThat(recovery.result().whole()).isFalse();
        }
    }

    /** Three logs, of which a record of the last says that everything before it had been synced. */
    private Crashed threeSyncedLogs() {
        return crash(logs -> {
            for (int log = 0; log < 3; log++) {
                if (log > 0) {
                    logs.writer.rotate(0);
                }
                logs.logged(100);
                logs.synced(60);
                logs.logged(30);
            }
        });
    }

    @Test
    void syncedLog_missing_isDamage() {
        Crashed crashed = threeSyncedLogs();
        List<Long> logs = List.copyOf(crashed.files.keySet());
        assertThatThrownBy(() -> recover(crashed.without(logs.get(1))))
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining(FileName.log(logs.get(1)) + ": it is not there");
        assertThatThrownBy(() -> recover(crashed.without(1), 1, false)).isInstanceOf(CorruptionException.class);
        assertThatThrownBy(() -> recover(crashed.without(logs.get(0)).without(logs.get(1)), 1, false))
                .isInstanceOf(CorruptionException.class);
        assertThat(recover(crashed.without(logs.get(2))).read).hasSize(6);
    }

    @Test
    void syncedLog_cutOrFlippedAnywhere_isDamage() {
        Crashed crashed = threeSyncedLogs();
        List<Long> logs = List.copyOf(crashed.files.keySet());
        int[] ends = new int[3];
        List<LogRecovery.LogEnd> found = recover(crashed).result.logs();
        for (int i = 0; i < 3; i++) {
            ends[i] = (int) found.get(i).offset();
        }
        for (int i = 0; i < 2; i++) {
            long log = logs.get(i);
            for (int bit = 0; bit < ends[i] * 8; bit += 3) {
                Crashed flipped = crashed.flipped(log, bit);
                assertThatThrownBy(() -> recover(flipped)).as("bit %d", bit).isInstanceOf(BeachException.class);
            }
            for (int cut = FileHeader.BYTES; cut < ends[i]; cut++) {
                Crashed zeroed = crashed.zeroed(log, cut);
                boolean same = Arrays.equals(zeroed.of(log), crashed.of(log));
                if (!same) {
                    assertThatThrownBy(() -> recover(zeroed)).as("cut %d", cut).isInstanceOf(CorruptionException.class);
                }
            }
        }
    }

    /** The last log: what its own last record says had been synced is damage, the rest is a torn tail. */
    @Test
    void lastLog_flippedAnywhere_isDamageBeforeTheSyncedOffset_elseTheEnd() {
        Crashed crashed = crash(logs -> {
            logs.synced(100);
            logs.synced(60);
            logs.logged(30);
            logs.logged(20);
        });
        List<Long> syncedTo = new ArrayList<>();
        long end;
        try (DurableDirectory directory = lay(crashed);
                WalReader reader = WalReader.open(directory.open(FileName.log(1)), account)) {
            while (reader.next()) {
                syncedTo.add(reader.records().syncedOffset());
            }
            end = reader.records().end().offset();
        }
        long synced = syncedTo.stream().mapToLong(offset -> offset).max().orElseThrow();
        for (int bit = FileHeader.BYTES * 8; bit < end * 8; bit++) {
            Crashed flipped = crashed.flipped(1, bit);
            if (bit / 8 < synced) {
                assertThatThrownBy(() -> recover(flipped)).as("bit %d", bit).isInstanceOf(CorruptionException.class);
            } else {
                assertThat(recover(flipped).read.size()).as("bit %d", bit).isBetween(2, 3);
            }
        }
    }

    @Test
    void header_damaged_isDamageEvenOfAnEmptyLog() {
        Crashed crashed = threeLogs();
        for (int bit = 0; bit < FileHeader.BYTES * 8; bit++) {
            Crashed flipped = crashed.flipped(last(crashed), bit);
            assertThatThrownBy(() -> recover(flipped)).as("bit %d", bit).isInstanceOf(BeachException.class);
        }
        assertThatThrownBy(() -> recover(crashed.with(99, new byte[0])))
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining("000099.wal at offset 0: the file has 0 bytes, its header 64");
    }

    @Test
    void header_ofAnotherDatabaseNumberOrVersion_isRefusedByName() {
        Crashed crashed = threeLogs();
        assertThatThrownBy(() -> recover(crashed.with(99, header(1, Logs.ID, 98))))
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining("is file number 98 inside, its name says 99");
        assertThatThrownBy(() -> recover(crashed.with(99, header(1, new DatabaseId(5, 5), 99))))
                .isInstanceOf(CorruptionException.class)
                .hasMessageContaining("belongs to database");
        assertThatThrownBy(() -> recover(crashed.with(99, header(2, Logs.ID, 99))))
                .isInstanceOf(UnsupportedFormatException.class);
        assertThat(recover(crashed.with(99, header(1, Logs.ID, 99))).read).hasSize(9);
    }

    private static byte[] header(int version, DatabaseId id, long number) {
        byte[] bytes = new byte[FileHeader.BYTES];
        FileHeader.plain(WalFormat.MAGIC, version, id, number).write(MemorySegment.ofArray(bytes), 0);
        return bytes;
    }

    @Test
    void closedLog_flippedAnywhereBeforeItsEnd_isDamage() {
        Crashed crashed = crash(logs -> {
            logs.logged(100);
            logs.logged(50);
            logs.writer.close();
        });
        Outcome whole = recover(crashed);
        assertThat(whole.result.logs().getFirst().clean()).isTrue();
        assertThat(whole.result.whole()).isTrue();
        int end = (int) whole.result.last().length();
        for (int bit = FileHeader.BYTES * 8; bit < end * 8; bit++) {
            Crashed flipped = crashed.flipped(1, bit);
            if (bit / 8 < end - 41) {
                assertThatThrownBy(() -> recover(flipped)).as("bit %d", bit).isInstanceOf(CorruptionException.class);
            } else {
                assertThat(recover(flipped).read).as("bit %d", bit).hasSize(2);
            }
        }
    }

    @Test
    void log_thatWasNeverUsed_isSkipped() {
        Crashed crashed = threeSyncedLogs();
        List<Long> logs = List.copyOf(crashed.files.keySet());
        assertThat(logs.get(2)).isGreaterThan(2);
        Crashed spare = crashed.with(99, Arrays.copyOf(header(1, Logs.ID, 99), 4096));
        assertThat(recover(spare).read).hasSize(9);
    }

    @Test
    void result_beforeTheEnd_isRefused() {
        try (DurableDirectory directory = lay(threeLogs());
                LogRecovery recovery = new LogRecovery(directory, Logs.ID, directory.list(), 1, true, account)) {
            assertThatThrownBy(recovery::result).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(recovery::batchMemory).isInstanceOf(IllegalStateException.class);
            assertThat(recovery.next()).isTrue();
            assertThat(recovery.logPath()).endsWith("000001.wal");
            assertThat(recovery.recordOffset()).isEqualTo(129);
            assertThatThrownBy(recovery::result).isInstanceOf(IllegalStateException.class);
        }
        assertThat(account.usedBytes()).isZero();
    }
}
