package io.beachdb.memtable;

import static io.beachdb.memtable.Entries.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.KeyHash;
import io.beachdb.base.format.Keys;
import io.beachdb.base.memory.NativePool;
import io.beachdb.memtable.Entries.Entry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class MemtableTest {
    private final MemoryBudget budget = MemoryBudget.ofBytes(64 << 20);
    private final MemoryAccount account = budget.openAccount();
    private final Memtable memtable = new Memtable(account, 1);
    private final Inserter inserter = memtable.newInserter();

    @AfterEach
    void close() {
        memtable.close();
        assertThat(account.usedBytes()).isZero();
        assertThat(budget.usedBytes()).isZero();
        budget.close();
    }

    @Test
    void find_emptyMemtable_isAbsent() {
        assertThat(memtable.isEmpty()).isTrue();
        assertThat(Entries.find(memtable, bytes("a"), InternalKeys.MAX_SEQUENCE))
                .isZero();
        assertThat(Entries.find(memtable, new byte[0], InternalKeys.MAX_SEQUENCE))
                .isZero();
    }

    @Test
    void find_severalVersions_newestAtOrBelowTheSequence() {
        for (long sequence : new long[] {20, 10, 30}) {
            Entries.put(memtable, inserter, bytes("k"), sequence, bytes("v" + sequence));
        }
        assertThat(Entries.find(memtable, bytes("k"), 9)).isZero();
        assertThat(foundAt("k", 10)).isEqualTo("v10");
        assertThat(foundAt("k", 19)).isEqualTo("v10");
        assertThat(foundAt("k", 20)).isEqualTo("v20");
        assertThat(foundAt("k", 30)).isEqualTo("v30");
        assertThat(foundAt("k", InternalKeys.MAX_SEQUENCE)).isEqualTo("v30");
    }

    @Test
    void find_tombstone_isAnEntryWithoutValue() {
        Entries.put(memtable, inserter, bytes("k"), 1, bytes("v"));
        Entries.delete(memtable, inserter, bytes("k"), 2);

        long entry = Entries.find(memtable, bytes("k"), 2);

        assertThat(InternalKeys.kind(memtable.trailer(entry))).isEqualTo(InternalKeys.KIND_DELETE);
        assertThat(memtable.valueLength(entry)).isZero();
        assertThat(foundAt("k", 1)).isEqualTo("v");
    }

    @Test
    void find_prefixOrExtensionOfAKey_isAnotherKey() {
        List<String> keys = List.of("", "\0", "a", "a\0", "aa", "aaaaaaaa", "aaaaaaaaa", "\u00ff", "\u00ff\u00ff");
        for (int i = 0; i < keys.size(); i += 2) {
            Entries.put(memtable, inserter, bytes(keys.get(i)), i + 1, bytes("v" + i));
        }
        for (int i = 0; i < keys.size(); i++) {
            if (i % 2 == 0) {
                assertThat(foundAt(keys.get(i), 100)).isEqualTo("v" + i);
            } else {
                assertThat(Entries.find(memtable, bytes(keys.get(i)), 100)).isZero();
            }
        }
    }

    @Test
    void entry_largestSequenceAndEmptyKeyAndValue_readBack() {
        Entries.put(memtable, inserter, new byte[0], InternalKeys.MAX_SEQUENCE, new byte[0]);

        long entry = Entries.find(memtable, new byte[0], InternalKeys.MAX_SEQUENCE);

        assertThat(entry).isPositive();
        assertThat(memtable.keyLength(entry)).isZero();
        assertThat(memtable.valueLength(entry)).isZero();
        assertThat(InternalKeys.sequence(memtable.trailer(entry))).isEqualTo(InternalKeys.MAX_SEQUENCE);
    }

    @Test
    void add_piecesAroundTheSizeOfAChunk_readBackWhole() {
        SplittableRandom random = new SplittableRandom(5);
        List<Entry> added = new ArrayList<>();
        int[] valueLengths = {
            0,
            1,
            EntryArena.LARGEST_SHARED_BYTES - 1,
            EntryArena.LARGEST_SHARED_BYTES,
            EntryArena.LARGEST_SHARED_BYTES + 1,
            NativePool.CHUNK_BYTES - 1,
            NativePool.CHUNK_BYTES,
            NativePool.CHUNK_BYTES + 1,
            9 * NativePool.CHUNK_BYTES + 3,
        };
        int[] keyLengths = {1, EntryArena.LARGEST_SHARED_BYTES - 24, EntryArena.LARGEST_SHARED_BYTES, Keys.MAX_KEY_BYTES
        };
        for (int keyLength : keyLengths) {
            for (int valueLength : valueLengths) {
                byte[] key = new byte[keyLength];
                byte[] value = new byte[valueLength];
                random.nextBytes(key);
                random.nextBytes(value);
                Entry entry = new Entry(key, InternalKeys.trailer(added.size() + 1, InternalKeys.KIND_PUT), value);
                Entries.add(memtable, inserter, entry.key(), entry.trailer(), entry.value());
                added.add(entry);
            }
        }
        for (Entry entry : added) {
            long found = Entries.find(memtable, entry.key(), InternalKeys.sequence(entry.trailer()));
            assertThat(Entries.entry(memtable, found)).isEqualTo(entry);
        }
        assertThat(walk()).containsExactlyElementsOf(added.stream().sorted().toList());
    }

    @Test
    void add_sameInternalKeyAgain_isRefusedAndChangesNothing() {
        for (int i = 0; i < 50; i += 2) {
            Entries.put(memtable, inserter, bytes(String.format("%03d", i)), i + 1, bytes("v"));
        }
        List<Entry> before = walk();
        for (int i = 0; i < 50; i += 2) {
            byte[] key = bytes(String.format("%03d", i));
            int sequence = i + 1;
            assertThatThrownBy(() -> Entries.put(memtable, inserter, key, sequence, bytes("w")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("sequence " + sequence + " is in the memtable already");
            // The refusal came midway through the inserter's update; it must not lead the next one astray.
            int next = (i * 7 + 1) % 50 | 1;
            Entries.put(memtable, inserter, bytes(String.format("%03d", next)), 1000 + i, bytes("w"));
        }
        assertThat(walk()).isSorted().containsAll(before).hasSize(50);
        assertThat(memtable.entries()).isEqualTo(50);
    }

    @Test
    void add_memoryOfAClosedArena_failsAndAddsNothing() {
        Entries.put(memtable, inserter, bytes("a"), 1, bytes("v"));
        MemorySegment gone;
        try (Arena arena = Arena.ofConfined()) {
            gone = arena.allocate(10);
        }
        MemorySegment good = Entries.memory(bytes("b"));
        long trailer = InternalKeys.trailer(2, InternalKeys.KIND_PUT);

        assertThatThrownBy(() -> memtable.add(inserter, gone, 0, 10, trailer, good, 0, 1))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> memtable.add(inserter, good, 0, 1, trailer, gone, 0, 10))
                .isInstanceOf(IllegalStateException.class);
        assertThat(memtable.entries()).isEqualTo(1);

        Entries.put(memtable, inserter, bytes("c"), 3, bytes("v"));
        Entries.put(memtable, inserter, bytes("b"), 2, bytes("v"));
        assertThat(walk()).extracting(entry -> Entries.text(entry.key())).containsExactly("a", "b", "c");
    }

    @Test
    void add_lengthOutOfBounds_isRefused() {
        MemorySegment memory = Entries.memory(new byte[1]);
        long trailer = InternalKeys.trailer(1, InternalKeys.KIND_PUT);
        assertThatThrownBy(() -> memtable.add(inserter, memory, 0, Keys.MAX_KEY_BYTES + 1, trailer, memory, 0, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("key of 1048577 bytes, allowed 0 to 1048576");
        assertThatThrownBy(() -> memtable.add(inserter, memory, 0, -1, trailer, memory, 0, 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> memtable.add(inserter, memory, 0, 1, trailer, memory, 0, (1L << 30) + 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("value of 1073741825 bytes, allowed 0 to 1073741824");
        assertThatThrownBy(() -> memtable.add(inserter, memory, 0, 1, trailer, memory, 0, -1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(memtable.isEmpty()).isTrue();
    }

    @Test
    void counts_afterPutsAndDeletes_tellThemApart() {
        assertThat(memtable.smallestSequence()).isGreaterThan(memtable.largestSequence());
        Entries.put(memtable, inserter, bytes("a"), 7, bytes("v"));
        Entries.put(memtable, memtable.newInserter(), bytes("b"), 5, bytes("v"));
        Entries.delete(memtable, memtable.newInserter(), bytes("c"), 6);
        Entries.delete(memtable, inserter, bytes("a"), 9);

        assertThat(memtable.entries()).isEqualTo(4);
        assertThat(memtable.tombstones()).isEqualTo(2);
        assertThat(memtable.smallestSequence()).isEqualTo(5);
        assertThat(memtable.largestSequence()).isEqualTo(9);
        assertThat(memtable.isEmpty()).isFalse();
    }

    @Test
    void bytes_asEntriesComeIn_usedFollowsThemAndChargedFollowsChunks() {
        assertThat(memtable.chargedBytes()).isEqualTo(NativePool.CHUNK_BYTES);
        byte[] value = new byte[100];
        int count = 20_000;
        for (int i = 0; i < count; i++) {
            Entries.put(memtable, inserter, bytes(String.format("%016d", i)), i + 1, value);
        }
        long used = memtable.usedBytes();
        assertThat(used).isBetween(count * 140L, count * 155L);
        assertThat(memtable.chargedBytes()).isBetween(used, used + 2 * NativePool.CHUNK_BYTES);
        assertThat(account.usedBytes(MemoryUse.MEMTABLE)).isEqualTo(memtable.chargedBytes());

        Entries.put(memtable, inserter, bytes("big"), count + 1, new byte[3 << 20]);
        assertThat(memtable.usedBytes()).isBetween(used + (3 << 20), used + (3 << 20) + 200);
        assertThat(account.usedBytes(MemoryUse.MEMTABLE)).isEqualTo(memtable.chargedBytes());
    }

    /** Who admits writes counts on it: lengths of one byte more than a multiple of eight take the most. */
    @Test
    void overheadOfAnEntry_isAtMostWhatIsSaid() {
        int count = 50_000;
        for (int keyLength : new int[] {9, 17}) {
            for (int valueLength : new int[] {1, 9, 33}) {
                try (Memtable tight = new Memtable(account, keyLength + valueLength)) {
                    Inserter own = tight.newInserter();
                    for (int i = 0; i < count; i++) {
                        byte[] key = bytes(String.format("%0" + keyLength + "d", i));
                        Entries.put(tight, own, key, i + 1, new byte[valueLength]);
                    }
                    long ofTheirOwn = count * (long) (keyLength + valueLength);
                    assertThat(tight.usedBytes() - ofTheirOwn)
                            .isBetween(
                                    count * (Memtable.ENTRY_OVERHEAD_BYTES - 2L),
                                    count * (long) Memtable.ENTRY_OVERHEAD_BYTES);
                }
            }
        }
    }

    @Test
    void add_beyondTheBudget_goesOnAndShowsAsOverdraft() {
        MemoryBudget small = MemoryBudget.ofBytes(MemoryBudget.MIN_BYTES);
        MemoryAccount own = small.openAccount();
        try (Memtable large = new Memtable(own, 1)) {
            Entries.put(large, inserter, bytes("k"), 1, new byte[8 << 20]);
            assertThat(small.overdraftBytes()).isPositive();
        }
        assertThat(small.usedBytes()).isZero();
        small.close();
    }

    @Test
    void find_withFilter_hashGivenOrNot_isTheSame() {
        try (Memtable filtered = new Memtable(account, 1, 5000)) {
            for (int i = 0; i < 200; i++) {
                MemorySegment key = Entries.memory(bytes(String.format("%03d", i)));
                long hash = KeyHash.hash(key, 0, 3);
                long trailer = InternalKeys.trailer(i + 1, InternalKeys.KIND_PUT);
                if (i % 4 == 0) {
                    filtered.add(inserter, key, 0, 3, trailer, key, 0, 3);
                } else if (i % 4 == 2) {
                    filtered.add(inserter, key, 0, 3, hash, trailer, key, 0, 3);
                }
                long found = filtered.find(key, 0, 3, InternalKeys.NEWEST_TRAILER);
                assertThat(filtered.find(key, 0, 3, hash, InternalKeys.NEWEST_TRAILER))
                        .isEqualTo(found);
                assertThat(found != 0).isEqualTo(i % 2 == 0);
            }
            // A hash that no key has: the filter alone answers.
            MemorySegment present = Entries.memory(bytes("000"));
            assertThat(filtered.find(present, 0, 3, 0x0123_4567_89AB_CDEFL, InternalKeys.NEWEST_TRAILER))
                    .isZero();
            assertThat(filtered.chargedBytes()).isEqualTo(NativePool.CHUNK_BYTES + 8192);
        }
        assertThat(account.usedBytes(MemoryUse.MEMTABLE)).isEqualTo(memtable.chargedBytes());
    }

    @Test
    void find_withFilterAfterClose_isAClosedException() {
        Memtable filtered = new Memtable(account, 1, 1);
        filtered.close();
        assertThatThrownBy(() -> Entries.find(filtered, bytes("k"), 1)).isInstanceOf(ClosedException.class);
    }

    @Test
    void memtable_filterBytesOutOfBounds_isRefused() {
        assertThatThrownBy(() -> new Memtable(account, 1, -1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Memtable(account, 1, (1L << 30) + 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("filter of 1073741825 bytes, allowed 0 to 1073741824");
        assertThat(account.usedBytes()).isEqualTo(memtable.chargedBytes());
    }

    @Test
    void close_twice_givesMemoryBackOnce() {
        Entries.put(memtable, inserter, bytes("k"), 1, new byte[2 << 20]);
        memtable.close();
        memtable.close();
        assertThat(account.usedBytes()).isZero();
        assertThat(memtable.usedBytes()).isZero();
        assertThat(memtable.chargedBytes()).isZero();
    }

    @Test
    void use_afterClose_isAClosedException() {
        Entries.put(memtable, inserter, bytes("k"), 1, bytes("v"));
        EntryCursor cursor = memtable.cursor();
        long entry = Entries.find(memtable, bytes("k"), 1);
        memtable.close();
        MemorySegment key = Entries.memory(bytes("k"));

        assertThatThrownBy(() -> Entries.put(memtable, inserter, bytes("l"), 2, bytes("v")))
                .isInstanceOf(ClosedException.class)
                .hasMessageContaining("Memtable.close");
        assertThatThrownBy(() -> Entries.find(memtable, bytes("k"), 1)).isInstanceOf(ClosedException.class);
        assertThatThrownBy(() -> memtable.trailer(entry)).isInstanceOf(ClosedException.class);
        assertThatThrownBy(() -> memtable.valueMemory(entry)).isInstanceOf(ClosedException.class);
        assertThatThrownBy(memtable::isEmpty).isInstanceOf(ClosedException.class);
        assertThatThrownBy(cursor::first).isInstanceOf(ClosedException.class);
        assertThatThrownBy(cursor::last).isInstanceOf(ClosedException.class);
        assertThatThrownBy(() -> cursor.seek(key, 0, 1, 0)).isInstanceOf(ClosedException.class);
        assertThatThrownBy(() -> cursor.seekBefore(key, 0, 1, 0)).isInstanceOf(ClosedException.class);
    }

    @Test
    void cursor_unpositionedOrClosed_refusesSteps() {
        Entries.put(memtable, inserter, bytes("k"), 1, bytes("v"));
        EntryCursor cursor = memtable.cursor();
        assertThat(cursor.valid()).isFalse();
        assertThatThrownBy(cursor::next).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(cursor::previous).isInstanceOf(IllegalStateException.class);
        cursor.first();
        cursor.next();
        assertThat(cursor.valid()).isFalse();
        assertThatThrownBy(cursor::next).isInstanceOf(IllegalStateException.class);

        cursor.first();
        cursor.close();
        cursor.close();
        assertThat(cursor.valid()).isFalse();
        assertThatThrownBy(cursor::next).isInstanceOf(ClosedException.class);
        assertThatThrownBy(cursor::first).isInstanceOf(ClosedException.class);
    }

    @Test
    void cursor_copyValue_copiesTheAskedPartAndNoMore() {
        Entries.put(memtable, inserter, bytes("k"), 1, bytes("0123456789"));
        EntryCursor cursor = memtable.cursor();
        cursor.first();
        MemorySegment destination = Arena.ofAuto().allocate(8);
        cursor.copyValue(3, destination, 2, 4);
        assertThat(destination.toArray(ValueLayout.JAVA_BYTE)).containsExactly(0, 0, '3', '4', '5', '6', 0, 0);
        assertThatThrownBy(() -> cursor.copyValue(7, destination, 0, 4)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void cursor_entriesAddedWhileItStands_stepsStayInOrder() {
        Entries.put(memtable, inserter, bytes("b"), 1, bytes("v"));
        Entries.put(memtable, inserter, bytes("d"), 2, bytes("v"));
        EntryCursor cursor = memtable.cursor();
        cursor.seek(Entries.memory(bytes("b")), 0, 1, InternalKeys.NEWEST_TRAILER);
        Entries.put(memtable, inserter, bytes("a"), 3, bytes("v"));
        Entries.put(memtable, inserter, bytes("c"), 4, bytes("v"));
        cursor.next();
        assertThat(Entries.entry(cursor).key()).isIn(bytes("c"), bytes("d"));
        cursor.last();
        Entries.put(memtable, inserter, bytes("e"), 5, bytes("v"));
        assertThat(Entries.entry(cursor).key()).isEqualTo(bytes("d"));
        cursor.previous();
        assertThat(Entries.entry(cursor).key()).isIn(bytes("b"), bytes("c"));
    }

    @Test
    void inserter_usedWithSeveralMemtablesInTurns_placesAllRight() {
        try (Memtable other = new Memtable(account, 2)) {
            for (int i = 0; i < 1000; i++) {
                Entries.put(
                        i % 3 == 0 ? memtable : other, inserter, bytes(String.format("%04d", i)), i + 1, bytes("v"));
            }
            assertThat(walk()).isSorted().hasSize(334);
            assertThat(walk(other)).isSorted().hasSize(666);
        }
    }

    /** Built by hand, since it takes three threads at the right moments otherwise. */
    @Test
    void inserter_rememberedPairThatAnotherEntryDivided_isNotUsed() {
        List<Long> tall = LongStream.iterate(1, sequence -> sequence + 1)
                .filter(sequence -> memtable.heightOf(sequence) == 2)
                .limit(4)
                .boxed()
                .toList();
        int[] nodes = new int[3];
        for (int i = 0; i < 3; i++) {
            byte[] key = bytes("a" + 2 * i);
            Entries.put(memtable, inserter, key, tall.get(i), bytes("v"));
            nodes[i] = (int) Entries.find(memtable, key, tall.get(i));
        }
        Inserter behind = memtable.newInserter();
        behind.begin(memtable);
        // The lower level has not seen the middle entry, the upper one has: as when one add loses a race between both.
        behind.before[0] = nodes[0];
        behind.after[0] = nodes[2];
        behind.before[1] = nodes[0];
        behind.after[1] = nodes[1];
        behind.end(memtable);

        Entries.put(memtable, behind, bytes("a3"), tall.get(3), bytes("v"));

        assertThat(Entries.level(memtable, 0)).isSorted().hasSize(4);
        assertThat(Entries.level(memtable, 1)).isSorted().hasSize(4);
    }

    @Test
    void inserters_severalInTurns_placeAllRight() {
        List<Inserter> inserters = List.of(inserter, memtable.newInserter(), memtable.newInserter());
        SplittableRandom random = new SplittableRandom(11);
        // Streams that ascend, descend and jump about meet, so that what one remembers another has made obsolete.
        for (int i = 0; i < 3000; i++) {
            int number = switch (i % 3) {
                case 0 -> i;
                case 1 -> 3000 - i;
                default -> random.nextInt(3000);
            };
            Entries.put(memtable, inserters.get(i % 3), bytes(String.format("%04d", number)), i + 1, bytes("v"));
        }
        assertThat(walk()).isSorted().hasSize(3000);
        for (int level = 0; level < Memtable.MAX_HEIGHT; level++) {
            assertThat(Entries.level(memtable, level)).isSorted();
        }
    }

    @Test
    void heightOf_manySequences_halvesFromLevelToLevel() {
        int count = 1 << 16;
        int[] reaching = new int[Memtable.MAX_HEIGHT + 1];
        for (int sequence = 1; sequence <= count; sequence++) {
            int height = memtable.heightOf(sequence);
            assertThat(height).isBetween(1, Memtable.MAX_HEIGHT);
            for (int level = 1; level <= height; level++) {
                reaching[level]++;
            }
        }
        for (int level = 1; level <= 8; level++) {
            double expected = count / Math.pow(2, level - 1);
            assertThat((double) reaching[level]).isBetween(expected * 0.8, expected * 1.2);
        }
    }

    @Test
    void height_asEntriesComeIn_isThatOfTheTallest() {
        int tallest = 1;
        for (int sequence = 1; sequence <= 2000; sequence++) {
            Entries.put(memtable, inserter, bytes(String.format("%04d", sequence * 7 % 2000)), sequence, bytes("v"));
            tallest = Math.max(tallest, memtable.heightOf(sequence));
            assertThat(memtable.height()).isEqualTo(tallest);
        }
        assertThat(tallest).isGreaterThan(8);
    }

    @Test
    void heightOf_sameSeed_isTheSameAndOtherSeedsDiffer() {
        try (Memtable same = new Memtable(account, 1);
                Memtable other = new Memtable(account, 2)) {
            int differing = 0;
            for (int sequence = 0; sequence < 1000; sequence++) {
                assertThat(same.heightOf(sequence)).isEqualTo(memtable.heightOf(sequence));
                differing += other.heightOf(sequence) == memtable.heightOf(sequence) ? 0 : 1;
            }
            assertThat(differing).isGreaterThan(300);
        }
    }

    private String foundAt(String key, long sequence) {
        return Entries.text(Entries.value(memtable, Entries.find(memtable, bytes(key), sequence)));
    }

    private List<Entry> walk() {
        return walk(memtable);
    }

    private static List<Entry> walk(Memtable walked) {
        List<Entry> entries = new ArrayList<>();
        EntryCursor cursor = walked.cursor();
        for (cursor.first(); cursor.valid(); cursor.next()) {
            entries.add(Entries.entry(cursor));
        }
        return entries;
    }
}
