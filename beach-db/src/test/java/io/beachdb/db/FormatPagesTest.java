package io.beachdb.db;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.BeachDB;
import io.beachdb.WriteBatch;
import io.beachdb.base.BeachException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.Scheduler;
import io.beachdb.base.format.Escapes;
import io.beachdb.base.format.FileName;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.Vfs;
import io.beachdb.wal.WalFormat;
import io.beachdb.wal.WalReader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The worked examples of {@code docs/formats/batch.md} and {@code options.md} are what is written, and are read. */
class FormatPagesTest {
    @TempDir
    private Path directory;

    private static Stream<String> example(String page) throws IOException {
        return Files.readString(Path.of("..", "docs", "formats", page))
                .lines()
                .dropWhile(line -> !line.startsWith("## A worked example"))
                .dropWhile(line -> !line.equals("```"))
                .skip(1)
                .takeWhile(line -> !line.equals("```"));
    }

    private static byte[] pageBatch() throws IOException {
        return HexFormat.of()
                .parseHex(example("batch.md")
                        .skip(1)
                        .map(line -> (line + " ".repeat(32)).substring(8, 32).replace(" ", ""))
                        .collect(Collectors.joining()));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void batch_ofThePage_isWhatIsWritten() throws IOException {
        try (BeachDB db = BeachDB.open(directory)) {
            db.write(new WriteBatch().put(bytes("k"), bytes("value")).delete(bytes("gone")));
        }
        assertThat(batchesInLogs()).containsExactly(HexFormat.of().formatHex(pageBatch()));
    }

    private List<String> batchesInLogs() {
        List<String> batches = new ArrayList<>();
        try (MemoryBudget budget = MemoryBudget.ofBytes(4 << 20);
                DurableDirectory opened = DurableDirectory.open(
                        Vfs.system(),
                        directory,
                        DurableDirectory.Mode.READ_ONLY,
                        Scheduler.system(),
                        DurabilityListener.none())) {
            MemoryAccount account = budget.openAccount();
            for (String name : opened.list()) {
                FileName parsed = FileName.parse(name);
                if (parsed == null || parsed.kind() != FileName.Kind.LOG) {
                    continue;
                }
                try (WalReader log = WalReader.open(opened.open(name), account)) {
                    while (log.next()) {
                        if (log.kind() == WalFormat.BATCH) {
                            MemorySegment body = log.records()
                                    .payloadMemory()
                                    .asSlice(
                                            log.records().payloadOffset() + 1,
                                            log.records().payloadLength() - 1);
                            batches.add(HexFormat.of().formatHex(body.toArray(ValueLayout.JAVA_BYTE)));
                        }
                    }
                }
            }
        }
        return batches;
    }

    private static List<String> read(byte[] batch) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(Math.max(1, batch.length));
            MemorySegment.copy(batch, 0, memory, ValueLayout.JAVA_BYTE, 0, batch.length);
            List<String> operations = new ArrayList<>();
            BatchFormat.forEachChecked(
                    memory,
                    0,
                    batch.length,
                    "a log",
                    0,
                    (kind, key, keyLength, value, valueLength) -> operations.add(kind + " "
                            + Escapes.escape(memory, key, keyLength, 100) + " "
                            + Escapes.escape(memory, value, valueLength, 100)));
            return operations;
        }
    }

    @Test
    void batch_ofThePage_isRead() throws IOException {
        assertThat(read(pageBatch())).containsExactly("1 k value", "2 gone ");
    }

    @Test
    void batch_cutOrContinued_isRefused() throws IOException {
        byte[] batch = pageBatch();
        for (int length = 0; length < batch.length; length++) {
            byte[] cut = Arrays.copyOf(batch, length);
            assertThatThrownBy(() -> read(cut), "cut to " + length)
                    .isInstanceOf(BeachException.class)
                    .hasMessageContaining("the batch is malformed");
        }
        assertThatThrownBy(() -> read(Arrays.copyOf(batch, batch.length + 1)))
                .isInstanceOf(BeachException.class)
                .hasMessageContaining("1 bytes are left over");
    }

    @Test
    void options_ofThePage_areWhatIsWritten() throws IOException {
        BeachDB.open(directory).close();
        try (Stream<Path> files = Files.list(directory)) {
            Path written = files.filter(file -> file.getFileName().toString().startsWith("OPTIONS-"))
                    .findFirst()
                    .orElseThrow();
            assertThat(Files.readAllLines(written))
                    .isEqualTo(example("options.md").toList());
        }
    }
}
