package io.beachdb.wal;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.Scheduler;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileName;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.Vfs;
import io.beachdb.wal.Logs.Batch;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WalFormatTest {
    @TempDir
    Path path;

    private static byte[] bytes(String text) {
        return text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    private byte[] written(Logs logs) throws IOException {
        logs.close();
        return Files.readAllBytes(path.resolve(FileName.log(15)));
    }

    private Logs example() {
        Logs logs = new Logs(path, 4096);
        logs.writer.close();
        logs.supply.close(); // first: it draws a number in the background
        logs.numbers.set(14);
        LogSupply supply = new LogSupply(
                logs.directory, Logs.ID, logs.numbers::incrementAndGet, Scheduler.system(), logs.account, 4096);
        logs.writer = logs.writer(supply.takeGrowing(), Predecessor.none());
        return logs;
    }

    /** The worked example of docs/formats/wal.md. */
    @Test
    void example_ofTheFormatPage_isWhatIsWritten() throws IOException {
        Logs logs = example();
        logs.append(bytes("abc"));
        logs.writer.handOver();
        String page = Files.readString(Path.of("..", "docs", "formats", "wal.md"));
        StringBuilder hex = new StringBuilder();
        page.lines()
                .dropWhile(line -> !line.startsWith("## A worked example"))
                .filter(line -> line.matches("\\d+ +([0-9a-f]{2} )+.*"))
                .forEach(line ->
                        hex.append((line + " ".repeat(32)).substring(8, 32).replace(" ", "")));
        assertThat(HexFormat.of().formatHex(written(logs))).isEqualTo(hex.toString());
    }

    private List<Batch> goldenBatches() {
        List<Batch> batches = new ArrayList<>();
        long sequence = 1;
        for (int length : new int[] {1, 10, 32_000, 700, 70_000, 3}) {
            byte[] bytes = new byte[length];
            for (int i = 0; i < length; i++) {
                bytes[i] = (byte) (i * 31 + length);
            }
            batches.add(new Batch(sequence, bytes));
            sequence += (length & 3) + 1;
        }
        return batches;
    }

    /** The files of format 1 must stay readable for ever; they are never written again. */
    @Test
    void goldenLogs_ofFormat1_areRead() throws IOException {
        Path directory = path.resolve("golden");
        Files.createDirectories(directory);
        for (String name : List.of("000001.wal", "000003.wal")) {
            try (InputStream golden = WalFormatTest.class.getResourceAsStream("/golden/wal-1/" + name)) {
                assertThat(golden).as(name).isNotNull();
                Files.write(directory.resolve(name), golden.readAllBytes());
            }
        }
        try (DurableDirectory opened = DurableDirectory.open(
                        Vfs.system(),
                        directory,
                        DurableDirectory.Mode.READ_ONLY,
                        Scheduler.system(),
                        DurabilityListener.none());
                LogRecovery recovery = new LogRecovery(
                        opened, new DatabaseId(11, 22), opened.list(), 1, true, Logs.BUDGET.openAccount())) {
            List<Batch> read = Logs.readAll(recovery);
            List<Batch> expected = goldenBatches();
            assertThat(read).hasSameSizeAs(expected);
            assertThat(Logs.isPrefix(read, expected)).isTrue();
            assertThat(recovery.result().logs()).hasSize(2);
            assertThat(recovery.result().logs().getLast().clean()).isTrue();
            assertThat(recovery.result().last().lastOrdinal()).isEqualTo(9);
        }
    }

    /** What is written today is what the golden logs hold, so that a change of format is noticed. */
    @Test
    void goldenLogs_writtenToday_haveTheSameBytes() throws IOException {
        try (Logs logs = new Logs(path, 1 << 20, WalOptions.defaults(), true)) {
            logs.numbers.set(2);
            List<Batch> batches = goldenBatches();
            for (int i = 0; i < batches.size(); i++) {
                if (i == 4) {
                    logs.writer.awaitSequence(logs.sequence);
                    logs.writer.rotate(0);
                }
                logs.append(batches.get(i).bytes());
                logs.writer.handOver();
            }
            logs.writer.awaitSequence(logs.sequence);
            logs.writer.close();
            for (String name : List.of("000001.wal", "000003.wal")) {
                byte[] today = Files.readAllBytes(path.resolve(name));
                int end = today.length;
                while (today[end - 1] == 0) {
                    end--;
                }
                byte[] trimmed = Arrays.copyOf(today, end);
                if (Boolean.getBoolean("beach.rewrite")) {
                    Path golden = Path.of("src/test/resources/golden/wal-1", name);
                    Files.createDirectories(golden.getParent());
                    Files.write(golden, trimmed);
                }
                try (InputStream golden = WalFormatTest.class.getResourceAsStream("/golden/wal-1/" + name)) {
                    assertThat(golden).isNotNull();
                    assertThat(trimmed).isEqualTo(golden.readAllBytes());
                }
            }
        }
    }

    @Test
    void dump_ofALog_showsEveryRecordAndItsEnd() throws IOException {
        Logs logs = example();
        logs.append(bytes("abc"));
        logs.writer.handOver();
        written(logs);
        assertThat(dump(15))
                .containsExactly(
                        "true",
                        "log 15, format 1, database " + Logs.ID,
                        "    offset     ordinal  kind   sequence  length    synced",
                        "        64           1  START         0      25        64  after no log",
                        "       129           2  BATCH         1       4        64",
                        "      1: abc",
                        "       173           3  END           4       1       173",
                        "       214  closed cleanly");
    }

    @Test
    void dump_ofADamagedAndTornLog_showsBothAndGoesOn() throws IOException {
        try (Logs logs = new Logs(path, 4096)) {
            logs.synced(10);
            logs.append(bytes("lost"));
            logs.writer.handOverSynced();
            logs.writer.awaitSynced(logs.sequence);
            logs.append(bytes("kept"));
            logs.append(bytes("torn"));
            logs.writer.handOver();
            byte[] bytes = Files.readAllBytes(path.resolve(FileName.log(1)));
            bytes[185] ^= 1;
            bytes[270] ^= 1;
            Files.write(path.resolve(FileName.log(77)), bytes);
            List<String> lines = dump(77);
            assertThat(lines.get(0)).isEqualTo("false");
            assertThat(lines)
                    .anySatisfy(
                            line -> assertThat(line)
                                    .startsWith(
                                            "DAMAGE  " + path.resolve(FileName.log(77))
                                                    + " at offset 180: the header of a fragment is wrong, but the record at offset 225"));
            assertThat(lines).contains("      5: kept");
            assertThat(lines.getLast())
                    .startsWith("       270  ends (BAD_FRAGMENT): the header of a fragment is wrong");
        }
    }

    /** What can be read behind a damaged START is not the log's first record, and is not blamed for it. */
    @Test
    void dump_ofALogWhoseStartIsDamaged_showsOneDamage() throws IOException {
        Logs logs = example();
        logs.append(bytes("abc"));
        logs.writer.handOver();
        written(logs);
        Path file = path.resolve(FileName.log(15));
        byte[] bytes = Files.readAllBytes(file);
        bytes[100] ^= 1;
        Files.write(file, bytes);
        List<String> lines = dump(15);
        assertThat(lines)
                .filteredOn(line -> line.startsWith("DAMAGE"))
                .singleElement()
                .asString()
                .contains("offset 64");
        assertThat(lines)
                .endsWith("       173           3  END           4       1       173", "       214  closed cleanly");
    }

    @Test
    void dump_ofARenamedLog_orOneWithWhatIsNoBatch_showsDamage() throws IOException {
        try (Logs logs = new Logs(path, 4096)) {
            logs.append(bytes("no batch"));
            logs.append(bytes("kept"));
            logs.writer.handOver();
            assertThat(dump(1))
                    .contains("false", "DAMAGE  000001.wal at offset 129: this is no batch", "      2: kept");
            Files.copy(path.resolve(FileName.log(1)), path.resolve(FileName.log(78)));
            assertThat(dump(78))
                    .contains("false")
                    .anySatisfy(line -> assertThat(line)
                            .startsWith("DAMAGE  000078.wal at offset 0: is file number 1 inside, its name says 78"));
        }
    }

    /** Whatever becomes of a log that stands alone: the dump calls damaged what a recovery refuses, and only that. */
    @Test
    void dump_ofAnyChangedLog_agreesWithTheRecovery() throws IOException {
        Path file = path.resolve(FileName.log(1));
        byte[] good;
        try (Logs logs = new Logs(path, 4096)) {
            logs.synced(10);
            logs.synced(300);
            logs.logged(20);
        }
        good = Files.readAllBytes(file);
        for (int at = 0; at < good.length; at += at < 600 ? 1 : 97) {
            byte[] bad = good.clone();
            bad[at] ^= 1;
            Files.write(file, bad);
            checkAgreement("byte " + at);
            Files.write(file, Arrays.copyOf(good, at));
            checkAgreement("cut to " + at);
        }
    }

    private void checkAgreement(String as) {
        boolean recovered = true;
        try (DurableDirectory directory = DurableDirectory.open(
                        Vfs.system(),
                        path,
                        DurableDirectory.Mode.READ_ONLY,
                        Scheduler.system(),
                        DurabilityListener.none());
                LogRecovery recovery =
                        new LogRecovery(directory, Logs.ID, directory.list(), 1, true, Logs.BUDGET.openAccount())) {
            Logs.readAll(recovery);
        } catch (CorruptionException | UnsupportedFormatException e) {
            recovered = false;
        }
        boolean whole;
        try {
            whole = dump(1).getFirst().equals("true");
        } catch (CorruptionException | UnsupportedFormatException e) {
            whole = false;
        }
        assertThat(whole).as(as).isEqualTo(recovered);
    }

    private List<String> dump(long number) {
        List<String> lines = new ArrayList<>();
        try (DurableDirectory directory = DurableDirectory.open(
                Vfs.system(), path, DurableDirectory.Mode.READ_ONLY, Scheduler.system(), DurabilityListener.none())) {
            boolean whole = WalDump.dump(
                    directory.open(FileName.log(number)),
                    Logs.BUDGET.openAccount(),
                    (memory, offset, length, sequence, record, out) -> {
                        String text = io.beachdb.base.format.Escapes.escape(memory, offset, length, 20);
                        if (text.equals("no batch")) {
                            throw new CorruptionException(FileName.log(number), record, "this is no batch");
                        }
                        out.accept("      " + sequence + ": " + text);
                    },
                    lines::add);
            lines.addFirst("" + whole);
        }
        return lines;
    }
}
