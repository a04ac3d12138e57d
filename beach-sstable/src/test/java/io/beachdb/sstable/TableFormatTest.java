package io.beachdb.sstable;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The format page is true, and files of earlier days stay readable. */
class TableFormatTest {
    private static final long EXAMPLE_NUMBER = 12;
    private static final long GOLDEN_NUMBER = 1;
    private static final Pattern LINE = Pattern.compile("(\\d+) +((?:[0-9a-f]{2}(?: |$))+).*");

    private static TreeSet<Entry> example() {
        return new TreeSet<>(List.of(
                Entry.put("beach", 1000, "sand"),
                new Entry(
                        "beach".getBytes(StandardCharsets.UTF_8),
                        InternalKeys.trailer(900, InternalKeys.KIND_DELETE),
                        new byte[0]),
                Entry.put("bear", 1200, "")));
    }

    /** Returns the bytes of the page's example, which must follow each other without gaps. */
    private static byte[] pageBytes() throws IOException {
        Path page = Path.of("docs/formats/sstable.md");
        if (!Files.exists(page)) {
            page = Path.of("..").resolve(page);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        boolean inExample = false;
        for (String line : Files.readAllLines(page)) {
            Matcher matcher = LINE.matcher(line);
            if (line.startsWith("offset  bytes")) {
                inExample = true;
            } else if (line.startsWith("```")) {
                inExample = false;
            } else if (inExample) {
                assertThat(matcher.matches()).as(line).isTrue();
                assertThat(Integer.parseInt(matcher.group(1))).as(line).isEqualTo(bytes.size());
                for (String hex : matcher.group(2).trim().split(" ")) {
                    bytes.write(Integer.parseInt(hex, 16));
                }
            }
        }
        return bytes.toByteArray();
    }

    @Test
    void page_example_isWhatTheWriterWrites() throws IOException {
        try (TableFixture fixture = new TableFixture()) {
            long number = 0;
            while (number < EXAMPLE_NUMBER) {
                number = fixture.write(TableOptions.DEFAULT, example()).number();
            }
            assertThat(fixture.bytes(number)).isEqualTo(pageBytes());
        }
    }

    @Test
    void page_example_reads() throws IOException {
        try (TableFixture fixture = new TableFixture()) {
            fixture.replace(EXAMPLE_NUMBER, pageBytes());
            assertReads(fixture, EXAMPLE_NUMBER, example());
        }
    }

    /** What the golden files hold: all shapes of blocks, several partitions, a value in extents. */
    private static TreeSet<Entry> golden() {
        Random random = new Random(1);
        TreeSet<Entry> entries = new TreeSet<>();
        for (int i = 0; i < 300; i++) {
            byte[] value = new byte[random.nextInt(40)];
            random.nextBytes(value);
            boolean delete = i % 7 == 0;
            entries.add(new Entry(
                    ("golden" + random.nextInt(150)).getBytes(StandardCharsets.UTF_8),
                    InternalKeys.trailer(
                            1000 + random.nextInt(500), delete ? InternalKeys.KIND_DELETE : InternalKeys.KIND_PUT),
                    delete ? new byte[0] : value));
        }
        for (int i = 0; i < 100; i++) {
            entries.add(Entry.put("text" + i, 0, "the same again and again ".repeat(2 + i % 5)));
        }
        entries.add(Entry.put("wide", 7, "w".repeat(70_000)));
        entries.add(Entry.put("wide2", 7, "w".repeat(10)));
        entries.add(Entry.put("xlarge", 8, "0123456789abcdef".repeat(17_000)));
        return entries;
    }

    private static TableOptions goldenOptions(Compression compression) {
        return new TableOptions(512, 1024, 10, compression);
    }

    @ParameterizedTest
    @EnumSource(Compression.class)
    void golden_tableOfFormat1_reads(Compression compression) throws IOException {
        String name = "golden/table-1-" + compression.name().toLowerCase(java.util.Locale.ROOT) + ".sst";
        try (TableFixture fixture = new TableFixture()) {
            byte[] bytes;
            if (Boolean.getBoolean("beach.rewrite")) {
                bytes = fixture.bytes(
                        fixture.write(goldenOptions(compression), golden()).number());
                Path path = Path.of("src/test/resources").resolve(name);
                Files.createDirectories(Objects.requireNonNull(path.getParent()));
                Files.write(path, bytes);
            } else {
                try (InputStream in = TableFormatTest.class.getResourceAsStream("/" + name)) {
                    bytes = Objects.requireNonNull(in, name).readAllBytes();
                }
            }
            fixture.replace(GOLDEN_NUMBER, bytes);
            assertReads(fixture, GOLDEN_NUMBER, golden());
        }
    }

    @Test
    void golden_uncompressedTable_isStillWrittenSo() throws IOException {
        // What LZ4 makes of a block is the codec's business, and differs from one to the other.
        try (TableFixture fixture = new TableFixture();
                InputStream in = TableFormatTest.class.getResourceAsStream("/golden/table-1-none.sst")) {
            long number =
                    fixture.write(goldenOptions(Compression.NONE), golden()).number();
            assertThat(fixture.bytes(number))
                    .isEqualTo(Objects.requireNonNull(in).readAllBytes());
        }
    }

    private static void assertReads(TableFixture fixture, long number, TreeSet<Entry> entries) {
        List<Entry> sorted = new ArrayList<>(entries);
        try (TableReader reader = fixture.reader(number)) {
            reader.verify(problem -> {
                throw problem;
            });
            try (EntryCursor cursor = reader.cursor(ReadOptions.CURSOR)) {
                assertThat(TableFixture.scan(cursor)).isEqualTo(sorted);
            }
            for (Entry entry : entries) {
                assertThat(fixture.get(reader, entry.key(), InternalKeys.sequence(entry.trailer())))
                        .as("%s in %s", entry, FileName.table(number))
                        .isEqualTo(entry);
            }
        }
    }
}
