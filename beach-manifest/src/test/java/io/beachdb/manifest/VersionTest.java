package io.beachdb.manifest;

import static io.beachdb.manifest.ManifestFixture.key;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.format.InternalKeys;
import io.beachdb.manifest.EditField.AddedTable;
import io.beachdb.manifest.EditField.DroppedTable;
import io.beachdb.manifest.EditField.LastSequence;
import io.beachdb.manifest.EditField.MovedTable;
import io.beachdb.manifest.EditField.NextFileNumber;
import io.beachdb.manifest.EditField.OldestLog;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class VersionTest {

    private static Version build(Version base, EditField... fields) {
        VersionBuilder builder = new VersionBuilder(base);
        builder.take(List.of(fields));
        return builder.build();
    }

    /** Tables 2 (newest) and 1 in level 0, 3 and 4 in level 1. */
    private static Version small() {
        return build(
                Version.empty(),
                new NextFileNumber(10),
                new LastSequence(100),
                new OldestLog(5, true),
                new AddedTable(0, entry(1, "c", "m", 50, 59)),
                new AddedTable(0, entry(2, "a", "z", 60, 69)),
                new AddedTable(1, entry(4, "k", "p", 1, 40)),
                new AddedTable(1, entry(3, "b", "f", 1, 40)));
    }

    private static List<Long> numbers(List<LiveTable> tables) {
        return tables.stream().map(LiveTable::number).toList();
    }

    @Test
    void tables_standNewestFirstInLevel0_byKeyBelow() {
        assertThat(numbers(small().tables(0))).containsExactly(2L, 1L);
        assertThat(numbers(small().tables(1))).containsExactly(3L, 4L);
        assertThat(small().tableCount()).isEqualTo(4);
        assertThat(small().bytes(1)).isEqualTo(20);
        assertThat(small().tableNames())
                .containsExactlyInAnyOrder("000001.sst", "000002.sst", "000003.sst", "000004.sst");
    }

    @Test
    void build_movedTable_keepsItsObjectAndAttachment() {
        Version before = small();
        LiveTable table = before.table(1, 1);
        table.attach("reader");
        Version after = build(before, new MovedTable(1, 2, 4));
        assertThat(after.table(2, 0)).isSameAs(table);
        assertThat(after.table(2, 0).attachment()).isEqualTo("reader");
        assertThat(numbers(before.tables(1))).as("the version before").containsExactly(3L, 4L);
        assertThatThrownBy(() -> table.attach("another")).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void build_untouchedLevels_areShared() {
        Version before = small();
        Version after = build(before, new DroppedTable(0, 1));
        assertThat(after.level(1)).isSameAs(before.level(1));
        assertThat(after.level(0)).isNotSameAs(before.level(0));
        assertThat(numbers(after.tables(0))).containsExactly(2L);
    }

    record Broken(String name, String invariant, List<EditField> fields) {
        Broken(String name, String invariant, EditField... fields) {
            this(name, invariant, List.of(fields));
        }

        @Override
        public String toString() {
            return name;
        }
    }

    static List<Broken> broken() {
        return List.of(
                new Broken("number in the same level", "V1", new AddedTable(0, entry(1, "a", "b", 70, 71))),
                new Broken("number in another level", "V1", new AddedTable(5, entry(1, "a", "b", 70, 71))),
                new Broken("sequences overlap in level 0", "V2", new AddedTable(0, entry(6, "a", "b", 59, 59))),
                new Broken("a sequence in two tables of level 0", "V2", new AddedTable(0, entry(6, "a", "b", 69, 75))),
                new Broken("sequences enclose in level 0", "V2", new AddedTable(0, entry(6, "a", "b", 40, 70))),
                new Broken("keys overlap", "V3", new AddedTable(1, entry(6, "f", "g", 1, 2))),
                new Broken("keys enclose", "V3", new AddedTable(1, entry(6, "a", "z", 1, 2))),
                new Broken("a user key in two tables", "V3", new AddedTable(1, entry(6, "p", "q", 1, 1))),
                new Broken("number not given yet", "V4", new AddedTable(3, entry(10, "a", "b", 1, 2))),
                new Broken("sequence not used yet", "V4", new AddedTable(3, entry(6, "a", "b", 1, 101))),
                new Broken("log not made yet", "V4", new OldestLog(10, true)),
                new Broken("log beyond the next", "V4", new OldestLog(11, false)),
                new Broken("oldest log goes back", "V5", new OldestLog(4, true)),
                new Broken("next file number goes back", "V5", new NextFileNumber(9)),
                new Broken("last sequence goes back", "V5", new LastSequence(99)),
                new Broken("drop of an unknown table", "V6", new DroppedTable(0, 7)),
                new Broken("drop in the wrong level", "V6", new DroppedTable(1, 1)),
                new Broken("move from the wrong level", "V6", new MovedTable(2, 3, 1)),
                new Broken("dropped twice", "V6", new DroppedTable(0, 1), new DroppedTable(0, 1)),
                new Broken(
                        "dropped and added again",
                        "V6",
                        new DroppedTable(0, 1),
                        new AddedTable(1, entry(1, "x", "y", 1, 2))),
                new Broken("moved on top of others", "V3", new MovedTable(0, 1, 1)));
    }

    @ParameterizedTest
    @MethodSource("broken")
    void build_brokenInvariant_isNamed(Broken broken) {
        VersionBuilder builder = new VersionBuilder(small());
        assertThatThrownBy(() -> {
                    builder.take(broken.fields);
                    builder.build();
                })
                .isInstanceOf(BrokenInvariant.class)
                .hasMessageStartingWith(broken.invariant + ":");
    }

    @Test
    void apply_brokenInvariant_isAnAssertionError() {
        VersionEdit edit = VersionEdit.builder().dropTable(3, 99).build();
        assertThatThrownBy(() -> small().apply(edit))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("V6: table 99 is to leave level 3 and is not there");
    }

    @Test
    void overlapping_boundsInclusive_andOpenEnds() {
        Version version = small();
        assertThat(numbers(version.overlapping(1, key("f", 0), key("k", 0)))).containsExactly(3L, 4L);
        assertThat(numbers(version.overlapping(1, key("g", 0), key("j", 0)))).isEmpty();
        assertThat(numbers(version.overlapping(1, null, key("b", 0)))).containsExactly(3L);
        assertThat(numbers(version.overlapping(1, key("o", 0), null))).containsExactly(4L);
        assertThat(numbers(version.overlapping(1, key("q", 0), null))).isEmpty();
        assertThat(numbers(version.overlapping(0, key("a", 0), key("b", 0)))).containsExactly(2L);
        assertThat(numbers(version.overlapping(0, key("m", 0), key("m", 0)))).containsExactly(2L, 1L);
        assertThat(numbers(version.overlapping(6, null, null))).isEmpty();
    }

    /** Random levels against a search through all tables; the beginnings of keys are shared, short, and of extreme bytes. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void find_randomTables_agreesWithSearchThroughAll(long seed) {
        Random random = new Random(seed);
        for (int round = 0; round < 60; round++) {
            byte[] shared = round % 2 == 0 ? new byte[0] : InternalKeyTest.randomKey(random);
            TreeSet<byte[]> boundaries = new TreeSet<>(Arrays::compareUnsigned);
            int count = random.nextInt(60);
            while (boundaries.size() < count) {
                boundaries.add(join(shared, InternalKeyTest.randomKey(random)));
            }
            Version version = build(Version.empty(), fields(new ArrayList<>(boundaries), random));
            List<byte[]> probes = new ArrayList<>(boundaries);
            probes.add(shared);
            probes.add(new byte[0]);
            probes.add(
                    new byte[] {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1
                    });
            for (int i = 0; i < 60; i++) {
                probes.add(
                        random.nextBoolean()
                                ? InternalKeyTest.randomKey(random)
                                : join(shared, InternalKeyTest.randomKey(random)));
            }
            probes.forEach(probe -> checkFinds(version, probe));
        }
    }

    private static byte[] join(byte[] a, byte[] b) {
        byte[] joined = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, joined, a.length, b.length);
        return joined;
    }

    /** Makes tables between neighbouring boundaries: disjoint ones for level 1, any for level 0. */
    private static EditField[] fields(List<byte[]> boundaries, Random random) {
        List<EditField> fields = new ArrayList<>();
        fields.add(new NextFileNumber(1000));
        fields.add(new LastSequence(1000));
        long number = 1;
        for (int i = 0; i < boundaries.size(); ) {
            int last = Math.min(boundaries.size() - 1, i + random.nextInt(2));
            fields.add(new AddedTable(1, entry(number++, boundaries.get(i), boundaries.get(last), 1)));
            i = last + 1;
        }
        for (int i = 0; i < boundaries.size() / 4; i++) {
            int from = random.nextInt(boundaries.size());
            int to = from + random.nextInt(boundaries.size() - from);
            fields.add(new AddedTable(0, entry(number++, boundaries.get(from), boundaries.get(to), 10 + i)));
        }
        return fields.toArray(EditField[]::new);
    }

    private static TableEntry entry(long number, byte[] smallest, byte[] largest, long sequence) {
        long trailer = InternalKeys.trailer(sequence, InternalKeys.KIND_PUT);
        return new TableEntry(
                number,
                1,
                InternalKey.copyOf(smallest, trailer),
                InternalKey.copyOf(largest, trailer),
                sequence,
                sequence,
                1,
                0,
                0,
                0,
                0);
    }

    private static TableEntry entry(long number, String smallest, String largest, long from, long to) {
        return ManifestFixture.entry(number, smallest, largest, from, to);
    }

    private static void checkFinds(Version version, byte[] probe) {
        InternalKey key = InternalKey.copyOf(probe, 0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = ManifestFixture.nativeBytes(arena, probe);
            List<LiveTable> sorted = version.tables(1);
            int holding = -1;
            int atOrAfter = sorted.size();
            int atOrBefore = -1;
            for (int i = sorted.size() - 1; i >= 0; i--) {
                TableEntry entry = sorted.get(i).entry();
                boolean beginsBefore = entry.smallest().compareUserKey(key) <= 0;
                boolean endsAfter = entry.largest().compareUserKey(key) >= 0;
                holding = beginsBefore && endsAfter ? i : holding;
                atOrAfter = endsAfter ? i : atOrAfter;
                atOrBefore = beginsBefore && atOrBefore < 0 ? i : atOrBefore;
            }
            assertThat(version.findTable(1, memory, 0, probe.length)).isEqualTo(holding);
            assertThat(version.firstTableAtOrAfter(1, memory, 0, probe.length)).isEqualTo(atOrAfter);
            assertThat(version.lastTableAtOrBefore(1, memory, 0, probe.length)).isEqualTo(atOrBefore);
            List<Integer> inLevel0 = new ArrayList<>();
            for (int i = version.findInLevel0(0, memory, 0, probe.length);
                    i >= 0;
                    i = version.findInLevel0(i + 1, memory, 0, probe.length)) {
                inLevel0.add(i);
            }
            List<Integer> expected = new ArrayList<>();
            for (int i = 0; i < version.tableCount(0); i++) {
                TableEntry entry = version.table(0, i).entry();
                if (entry.smallest().compareUserKey(key) <= 0 && entry.largest().compareUserKey(key) >= 0) {
                    expected.add(i);
                }
            }
            assertThat(inLevel0).isEqualTo(expected);
        }
    }
}
