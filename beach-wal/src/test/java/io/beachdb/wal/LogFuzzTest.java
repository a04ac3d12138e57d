package io.beachdb.wal;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.Scheduler;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileName;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.testkit.SimulatedDisk;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/** Logs of arbitrary bytes, under right checksums or wrong ones. {@code scripts/fuzz} looks for more inputs. */
public class LogFuzzTest {
    private static final int MAX_CALLS = 20_000; // each record takes 41 bytes at least
    private static final long MAX_BYTES = 8 << 20;

    /** Sets the checksums of docs/formats/framing.md right, along the lengths of fragments as they stand. */
    private static void seal(byte[] file) {
        if (file.length < 64) {
            return;
        }
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int salt = crc(file, 0, 60);
        bytes.putInt(60, salt);
        int at = 64;
        while (true) {
            int rest = (32 << 10) - at % (32 << 10);
            at += rest < 41 ? rest : 0;
            if (at + 16 > file.length) {
                return;
            }
            int header = file[at + 14] == 1 || file[at + 14] == 2 ? 40 : 16;
            int payload = at + header;
            int end = payload + Short.toUnsignedInt(bytes.getShort(at + 12));
            if (end > file.length) {
                return;
            }
            bytes.putInt(at + 4, crc(file, payload, end));
            bytes.putInt(at, crc(file, at + 4, payload) ^ salt ^ at);
            at = end;
        }
    }

    private static int crc(byte[] bytes, int from, int to) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, from, to - from);
        return (int) crc.getValue();
    }

    /** The first byte says whether checksums are set right; the rest is the file. */
    public static final class Log {
        private static final Path PATH = Path.of("/logs");
        private static final MemoryBudget BUDGET = MemoryBudget.ofBytes(1 << 30);
        private static final SimulatedDisk DISK = new SimulatedDisk().makeDirectories(PATH);
        private static final DurableDirectory DIRECTORY = DurableDirectory.open(
                DISK.start("fuzz"),
                PATH,
                DurableDirectory.Mode.EXISTING,
                Scheduler.system(),
                DurabilityListener.none());

        private Log() {}

        public static void fuzzerTestOneInput(byte[] input) {
            if (input.length == 0) {
                return;
            }
            byte[] file = Arrays.copyOfRange(input, 1, input.length);
            if (input[0] % 2 == 0) {
                seal(file);
            }
            DISK.install(PATH.resolve(FileName.log(1)), file);
            MemoryAccount account = BUDGET.openAccount();
            int calls = readToTheEnd(account);
            assertThat(calls).isLessThan(MAX_CALLS);
            recover(account);
            assertThat(account.usedBytes()).isZero();
            assertThat(BUDGET.peakBytes()).isLessThan(MAX_BYTES);
        }

        /** As a dump does, which goes on behind damage. */
        private static int readToTheEnd(MemoryAccount account) {
            int calls = 0;
            try (WalReader reader = WalReader.open(DIRECTORY.open(FileName.log(1)), account)) {
                boolean more = true;
                while (more && calls < MAX_CALLS) {
                    calls++;
                    try {
                        more = reader.next();
                    } catch (CorruptionException e) {
                        assertThat(e.offset()).isNotNegative();
                    }
                }
            } catch (CorruptionException | UnsupportedFormatException e) {
                assertThat(e).hasMessageContaining(FileName.log(1));
            }
            return calls;
        }

        private static void recover(MemoryAccount account) {
            List<String> names = List.of(FileName.log(1));
            try (LogRecovery recovery = new LogRecovery(DIRECTORY, new DatabaseId(11, 22), names, 1, true, account)) {
                int batches = 0;
                while (recovery.next()) {
                    batches++;
                }
                assertThat(recovery.result().batches()).isEqualTo(batches);
            } catch (CorruptionException | UnsupportedFormatException e) {
                assertThat(e).hasMessageContaining(FileName.log(1));
            }
        }

        /** Returns inputs to begin with: a whole log, and the beginning of one. */
        public static List<byte[]> seeds() throws IOException {
            try (InputStream golden = LogFuzzTest.class.getResourceAsStream("/golden/wal-1/000001.wal")) {
                byte[] log = Objects.requireNonNull(golden).readAllBytes();
                byte[] sealed = new byte[log.length + 1];
                System.arraycopy(log, 0, sealed, 1, log.length);
                byte[] asItIs = sealed.clone();
                asItIs[0] = 1;
                byte[] wrongPredecessor = Arrays.copyOf(sealed, 300);
                Arrays.fill(wrongPredecessor, 106, 114, (byte) 0x57); // found once: a number that no file can have
                return List.of(
                        sealed, asItIs, Arrays.copyOf(sealed, 300), Arrays.copyOf(asItIs, 200), wrongPredecessor);
            }
        }
    }

    /**
     * Several logs, as recovery reads them: one prefix, or a named exception, and the same again. The first byte says whether
     * checksums are set right, and whether log 1 is wanted; then each log's length, in two bytes, and its bytes. One of
     * length 0 is not there.
     */
    public static final class Chain {
        private static final int LOGS = 3;

        private Chain() {}

        public static void fuzzerTestOneInput(byte[] input) {
            if (input.length == 0) {
                return;
            }
            List<String> names = lay(input);
            MemoryAccount account = Log.BUDGET.openAccount();
            String outcome = recover(names, (input[0] & 2) != 0, account);
            assertThat(recover(names, (input[0] & 2) != 0, account)).isEqualTo(outcome);
            assertThat(account.usedBytes()).isZero();
            assertThat(Log.BUDGET.peakBytes()).isLessThan(MAX_BYTES);
        }

        /** Returns the names of the logs that there are. */
        private static List<String> lay(byte[] input) {
            List<String> names = new ArrayList<>();
            int at = 1;
            for (int number = 1; number <= LOGS && at + 2 <= input.length; number++) {
                int wanted = Byte.toUnsignedInt(input[at]) | Byte.toUnsignedInt(input[at + 1]) << 8;
                int length = Math.min(wanted, input.length - at - 2);
                byte[] file = Arrays.copyOfRange(input, at + 2, at + 2 + length);
                at += 2 + length;
                if (input[0] % 2 == 0) {
                    seal(file);
                }
                if (length > 0) {
                    Log.DISK.install(Log.PATH.resolve(FileName.log(number)), file);
                    names.add(FileName.log(number));
                }
            }
            return names;
        }

        private static String recover(List<String> names, boolean firstIsWanted, MemoryAccount account) {
            int batches = 0;
            try (LogRecovery recovery = new LogRecovery(Log.DIRECTORY, Logs.ID, names, 1, firstIsWanted, account)) {
                long sequence = 0;
                while (recovery.next()) {
                    assertThat(recovery.firstSequence()).isGreaterThan(sequence);
                    assertThat(recovery.batchLength()).isNotNegative();
                    sequence = recovery.firstSequence();
                    batches++;
                }
                LogRecovery.Result result = recovery.result();
                assertThat(result.batches()).isEqualTo(batches);
                assertThat(result.last().lastSequence()).isGreaterThanOrEqualTo(sequence);
                return result.toString();
            } catch (CorruptionException | UnsupportedFormatException e) {
                assertThat(e).hasMessageContaining("/logs/0000");
                return "after " + batches + ": " + e.getMessage();
            }
        }

        /** Returns inputs to begin with: three logs, whole and open at their end, and the same with one of them missing. */
        public static List<byte[]> seeds() throws IOException {
            Path directory = Files.createTempDirectory("log-fuzz");
            List<byte[]> logs = new ArrayList<>();
            try (Logs made = new Logs(directory, 4096)) {
                for (int log = 0; log < LOGS; log++) {
                    made.synced(30 + log);
                    made.logged(10);
                    made.writer.handOver();
                    if (log < LOGS - 1) {
                        made.writer.rotate(0);
                    }
                }
                for (int number = 1; number <= LOGS; number++) {
                    logs.add(withoutRest(Files.readAllBytes(directory.resolve(FileName.log(number)))));
                }
            }
            List<byte[]> seeds = new ArrayList<>();
            for (byte flags = 0; flags < 4; flags++) {
                seeds.add(input(flags, logs));
            }
            for (int missing = 0; missing < LOGS; missing++) {
                List<byte[]> others = new ArrayList<>(logs);
                others.set(missing, new byte[0]);
                seeds.add(input((byte) 0, others));
            }
            for (Path file : List.of(Objects.requireNonNull(directory.toFile().listFiles())).stream()
                    .map(File::toPath)
                    .toList()) {
                Files.delete(file);
            }
            Files.delete(directory);
            return seeds;
        }

        /** What is allocated behind the records would be most of the input. */
        private static byte[] withoutRest(byte[] log) {
            int end = log.length;
            while (end > 0 && log[end - 1] == 0) {
                end--;
            }
            return Arrays.copyOf(log, end);
        }

        private static byte[] input(byte flags, List<byte[]> logs) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            bytes.write(flags);
            for (byte[] log : logs) {
                bytes.write(log.length);
                bytes.write(log.length >> 8);
                bytes.writeBytes(log);
            }
            return bytes.toByteArray();
        }
    }

    @Test
    void chain_ofKnownInputs_endsInAPrefixOrANamedException() throws IOException {
        List<byte[]> seeds = Chain.seeds();
        seeds.forEach(Chain::fuzzerTestOneInput);
        MemoryAccount account = Log.BUDGET.openAccount();
        assertThat(Chain.recover(Chain.lay(seeds.getFirst()), true, account))
                .as("the logs as they were made")
                .contains("batches=6")
                .contains("leftOut=,");
        assertThat(Chain.recover(Chain.lay(seeds.getLast()), true, account)).contains("batches=4");
    }

    @Test
    void log_ofKnownInputs_endsInRecordsOrANamedException() throws IOException {
        for (byte[] input : Log.seeds()) {
            Log.fuzzerTestOneInput(input);
        }
        byte[] log = Log.seeds().getFirst();
        byte[] whole = Arrays.copyOfRange(log, 1, log.length);
        seal(whole);
        assertThat(whole).as("checksums set right").isEqualTo(Arrays.copyOfRange(log, 1, log.length));
    }
}
