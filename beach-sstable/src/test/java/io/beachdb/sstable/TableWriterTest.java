package io.beachdb.sstable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.format.InternalKeys;
import io.beachdb.durability.PendingFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the writer refuses, and what it says of itself while it writes. */
class TableWriterTest {
    private final TableFixture fixture = new TableFixture();

    @AfterEach
    void close() {
        assertThat(fixture.chargedByReading()).isEmpty();
        assertThat(fixture.openFiles.get()).isZero();
        fixture.close();
    }

    private static TreeSet<Entry> entries(int keys, int versions) {
        Random random = new Random(9);
        TreeSet<Entry> entries = new TreeSet<>();
        for (int i = 0; i < keys; i++) {
            byte[] key = String.format("key%06d", i).getBytes(StandardCharsets.UTF_8);
            for (int j = 0; j < versions; j++) {
                byte[] value = new byte[random.nextInt(200)];
                random.nextBytes(value);
                entries.add(new Entry(key, InternalKeys.trailer(j + 1, InternalKeys.KIND_PUT), value));
            }
        }
        return entries;
    }

    @Test
    void writer_ofEntriesOutOfOrder_refuses() {
        List<List<Entry>> disorders = List.of(
                List.of(Entry.put("b", 1, ""), Entry.put("a", 1, "")),
                List.of(Entry.put("ab", 1, ""), Entry.put("a", 1, "")),
                List.of(Entry.put("a", 1, ""), Entry.put("a", 1, "")),
                List.of(Entry.put("a", 1, ""), Entry.put("a", 2, "")));
        for (List<Entry> disorder : disorders) {
            PendingFile file = fixture.directory.create("disorder");
            try (TableWriter writer =
                    new TableWriter(file, TableOptions.DEFAULT, TableFixture.ID, 1, 0, fixture.account)) {
                fixture.add(writer, disorder.get(0));
                assertThatThrownBy(() -> fixture.add(writer, disorder.get(1)))
                        .isInstanceOf(AssertionError.class)
                        .hasMessageContaining("W1")
                        .hasMessageContaining(" comes after ");
            } finally {
                file.abandon();
            }
        }
    }

    @Test
    void writer_withoutEntriesOrTwice_refusesToFinish() {
        PendingFile file = fixture.directory.create("empty");
        try (TableWriter writer = new TableWriter(file, TableOptions.DEFAULT, TableFixture.ID, 1, 0, fixture.account)) {
            assertThatThrownBy(writer::finish).isInstanceOf(IllegalStateException.class);
            fixture.add(writer, Entry.put("a", 1, "x"));
            assertThat(writer.finish().entries()).isEqualTo(1);
            assertThatThrownBy(writer::finish).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> fixture.add(writer, Entry.put("b", 1, "x")))
                    .isInstanceOf(IllegalStateException.class);
        } finally {
            file.abandon();
        }
    }

    /** Who cuts a run into tables asks it, so that all entries of a user key are in one; also where blocks end between them. */
    @Test
    void lastKeyIs_afterEachEntry_saysSoOfItsKeyOnly() {
        PendingFile file = fixture.directory.create("last");
        try (Arena arena = Arena.ofConfined();
                TableWriter writer =
                        new TableWriter(file, TableOptions.DEFAULT, TableFixture.ID, 1, 0, fixture.account)) {
            MemorySegment next = arena.allocate(100);
            assertThat(writer.lastKeyIs(next, 0, 0)).isFalse();
            for (Entry entry : entries(60, 50)) {
                byte[] key = entry.key();
                fixture.add(writer, entry);
                MemorySegment.copy(key, 0, next, ValueLayout.JAVA_BYTE, 0, key.length);
                assertThat(writer.lastKeyIs(next, 0, key.length)).isTrue();
                assertThat(writer.lastKeyIs(next, 0, key.length - 1)).isFalse();
                assertThat(writer.lastKeyIs(next, 0, key.length + 1)).isFalse();
            }
        } finally {
            file.abandon();
        }
    }

    @Test
    void writer_estimate_isNearAndGrows() {
        PendingFile file = fixture.directory.create("estimate");
        try (TableWriter writer = new TableWriter(file, TableOptions.DEFAULT, TableFixture.ID, 1, 0, fixture.account)) {
            long last = 0;
            for (Entry entry : entries(5_000, 1)) {
                fixture.add(writer, entry);
                last = writer.estimatedFileBytes();
            }
            long size = writer.finish().fileBytes();
            assertThat(last).isBetween(size * 95 / 100, size * 105 / 100);
        } finally {
            file.abandon();
        }
    }

    @Test
    void options_outOfRange_sayTheRange() {
        assertThatThrownBy(() -> TableOptions.DEFAULT.withBlockBytes(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("blockBytes is 0, allowed 1 to 262144");
        assertThatThrownBy(() -> TableOptions.DEFAULT.withFilterBitsPerKey(21))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new ReadOptions(true, 5, 4)).isInstanceOf(IllegalArgumentException.class);
    }
}
