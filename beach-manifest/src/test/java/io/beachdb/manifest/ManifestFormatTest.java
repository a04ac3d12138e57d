package io.beachdb.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.format.FileName;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What stands in docs/formats/manifest.md is what is written, and files of format 1 stay readable. */
class ManifestFormatTest {
    private static final String GOLDEN_MANIFEST = "MANIFEST-000105";
    private static final Path GOLDEN = Path.of("src/test/resources/golden/manifest-1");

    /** A database whose first flush made table 9, while log 8 took the writes; closed cleanly. */
    private static void writeExample(ManifestFixture fixture) {
        FileNumbers numbers = FileNumbers.above(7, List.of());
        try (ManifestWriter writer = fixture.createWhole(numbers)) {
            long log = numbers.next();
            fixture.log(log);
            TableEntry table = new TableEntry(
                    numbers.next(),
                    1000,
                    ManifestFixture.key("beach", 4),
                    ManifestFixture.key("sand", 5),
                    1,
                    5,
                    5,
                    1,
                    2000,
                    1_700_000_000_000L,
                    0);
            writer.append(VersionEdit.builder()
                    .addTable(0, table, fixture.file(table))
                    .oldestLog(log)
                    .lastSequence(5)
                    .build());
        }
    }

    private static String pageExample(String heading) throws IOException {
        StringBuilder hex = new StringBuilder();
        Files.readString(Path.of("..", "docs", "formats", "manifest.md"))
                .lines()
                .dropWhile(line -> !line.equals("## A worked example"))
                .dropWhile(line -> !line.equals(heading))
                .skip(1)
                .takeWhile(line -> !line.startsWith("#"))
                .filter(line -> line.matches("\\d+ +[0-9a-f]{2}( .*)?"))
                .forEach(line -> hex.append(
                        line.substring(8, Math.min(32, line.length())).replace(" ", "")));
        return hex.toString();
    }

    @Test
    void examples_ofTheFormatPage_areWhatIsWritten() throws IOException {
        try (ManifestFixture fixture = new ManifestFixture()) {
            writeExample(fixture);
            HexFormat hex = HexFormat.of();
            assertThat(pageExample("### CURRENT")).isEqualTo(hex.formatHex(fixture.bytes(FileName.CURRENT)));
            assertThat(pageExample("### MANIFEST-000007")).isEqualTo(hex.formatHex(fixture.bytes("MANIFEST-000007")));
        }
    }

    /** Writes what the golden files hold: a few hundred edits of all kinds, behind a snapshot that is not empty. */
    private static ManifestWriter writeGolden(ManifestFixture fixture) {
        FileNumbers numbers = FileNumbers.above(1, List.of());
        RandomEdits edits = new RandomEdits(new Random(2026), fixture, numbers);
        ManifestWriter writer = fixture.createWhole(numbers);
        for (int i = 0; i < 40; i++) {
            writer.append(edits.next());
        }
        writer.rollOver(VersionEdit.none());
        for (int i = 0; i < 200; i++) {
            writer.append(edits.next());
        }
        return writer;
    }

    private static String text(Version version) {
        StringBuilder text = new StringBuilder();
        ManifestFixture.state(version).forEach((what, value) -> {
            if (value instanceof List<?> tables) {
                tables.forEach(
                        table -> text.append(what).append(": ").append(table).append('\n'));
            } else {
                text.append(what).append(": ").append(value).append('\n');
            }
        });
        return text.toString();
    }

    @Test
    void goldenFiles_ofFormat1_areRead() throws IOException {
        try (ManifestFixture fixture = new ManifestFixture()) {
            String expected = new String(golden("version.txt"), StandardCharsets.UTF_8);
            fixture.install(FileName.CURRENT, golden(FileName.CURRENT));
            fixture.install(GOLDEN_MANIFEST, golden(GOLDEN_MANIFEST));
            Pattern.compile("number=(\\d+)|oldest log: (\\d+) true")
                    .matcher(expected)
                    .results()
                    .forEach(found -> fixture.install(
                            found.group(1) != null
                                    ? FileName.table(Long.parseLong(found.group(1)))
                                    : FileName.log(Long.parseLong(found.group(2))),
                            new byte[10]));
            RecoveredManifest recovered = fixture.readWhole();
            assertThat(text(recovered.version())).isEqualTo(expected);
            assertThat(recovered.edits()).isEqualTo(200);
        }
    }

    /** What is written today is what the golden files hold, so that a change of format is noticed. */
    @Test
    void goldenFiles_writtenToday_haveTheSameBytes() throws IOException {
        try (ManifestFixture fixture = new ManifestFixture();
                ManifestWriter writer = writeGolden(fixture)) {
            if (Boolean.getBoolean("beach.rewrite")) {
                Files.createDirectories(GOLDEN);
                Files.write(GOLDEN.resolve(FileName.CURRENT), fixture.bytes(FileName.CURRENT));
                Files.write(GOLDEN.resolve(GOLDEN_MANIFEST), fixture.bytes(GOLDEN_MANIFEST));
                Files.writeString(GOLDEN.resolve("version.txt"), text(writer.version()));
            }
            assertThat(fixture.bytes(FileName.CURRENT)).isEqualTo(golden(FileName.CURRENT));
            assertThat(fixture.bytes(GOLDEN_MANIFEST)).isEqualTo(golden(GOLDEN_MANIFEST));
        }
    }

    private static byte[] golden(String name) throws IOException {
        return Files.readAllBytes(GOLDEN.resolve(name));
    }
}
