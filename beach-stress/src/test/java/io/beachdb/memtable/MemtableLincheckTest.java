package io.beachdb.memtable;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.stress.Lincheck;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.TreeSet;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.Validate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * The skiplist against a sorted set, each operation at one instant (a walk is none: entries may come behind it). Its links
 * are native memory, which the model checker does not see: it switches at the accesses to the heap around them, such as
 * those to the arena's chunks; real threads do the rest.
 */
@Param(name = "key", gen = IntGen.class, conf = "1:3")
@Param(name = "sequence", gen = IntGen.class, conf = "1:6")
public class MemtableLincheckTest {
    private static final int KEY_BYTES = 2;
    private static final int VALUE_BYTES = 40;
    private static final int FACTOR = 10; // an entry as a number: key * FACTOR + sequence

    // Static, so that not each of many thousand memtables takes fresh memory from the system.
    private static final MemoryAccount ACCOUNT = MemoryBudget.ofBytes(64L << 20).openAccount();
    private static final MemorySegment KEYS = Arena.global().allocate(16 * KEY_BYTES);
    private static final MemorySegment VALUES = Arena.global().allocate(16 * VALUE_BYTES);

    static {
        for (int i = 0; i < 16; i++) {
            KEYS.asSlice((long) i * KEY_BYTES, KEY_BYTES).fill((byte) i);
            VALUES.asSlice((long) i * VALUE_BYTES, VALUE_BYTES).fill((byte) i);
        }
    }

    private final Memtable memtable;
    private final Inserter[] inserters;

    @SuppressWarnings("this-escape") // the method called returns a constant
    public MemtableLincheckTest() {
        memtable = new Memtable(ACCOUNT, 1, filterBytes());
        inserters = new Inserter[8];
        for (int i = 0; i < inserters.length; i++) {
            inserters[i] = memtable.newInserter();
        }
    }

    long filterBytes() {
        return 0;
    }

    /** The same with a filter before the list. */
    public static class Filtered extends MemtableLincheckTest {
        @Override
        long filterBytes() {
            return 4096;
        }
    }

    /** Returns whether it was new. */
    @Operation
    public boolean add(@Param(name = "key") int key, @Param(name = "sequence") int sequence) {
        try {
            memtable.add(
                    inserters[key], // remembers the place of some add before, of this thread or another's
                    KEYS,
                    (long) key * KEY_BYTES,
                    KEY_BYTES,
                    InternalKeys.trailer(sequence, InternalKeys.KIND_PUT),
                    VALUES,
                    (long) sequence * VALUE_BYTES,
                    VALUE_BYTES);
            return true;
        } catch (IllegalArgumentException present) {
            return false;
        }
    }

    /** Returns the newest sequence of a key up to the given one, 0 if there is none. */
    @Operation
    public int find(@Param(name = "key") int key, @Param(name = "sequence") int sequence) {
        long entry = memtable.find(KEYS, (long) key * KEY_BYTES, KEY_BYTES, InternalKeys.seekTrailer(sequence));
        if (entry == 0) {
            return 0;
        }
        checkValue(
                memtable.valueMemory(entry),
                memtable.valueOffset(entry),
                memtable.valueLength(entry),
                memtable.trailer(entry));
        return (int) InternalKeys.sequence(memtable.trailer(entry));
    }

    @Operation
    public int atOrAfter(@Param(name = "key") int key, @Param(name = "sequence") int sequence) {
        EntryCursor cursor = memtable.cursor();
        cursor.seek(KEYS, (long) key * KEY_BYTES, KEY_BYTES, InternalKeys.seekTrailer(sequence));
        return entry(cursor);
    }

    @Operation
    public int before(@Param(name = "key") int key, @Param(name = "sequence") int sequence) {
        EntryCursor cursor = memtable.cursor();
        cursor.seekBefore(KEYS, (long) key * KEY_BYTES, KEY_BYTES, InternalKeys.seekTrailer(sequence));
        return entry(cursor);
    }

    @Operation
    public int first() {
        EntryCursor cursor = memtable.cursor();
        cursor.first();
        return entry(cursor);
    }

    @Operation
    public int last() {
        EntryCursor cursor = memtable.cursor();
        cursor.last();
        return entry(cursor);
    }

    private static int entry(EntryCursor cursor) {
        if (!cursor.valid()) {
            return 0;
        }
        checkValue(cursor.valueMemory(), cursor.valueOffset(), cursor.valueLength(), cursor.trailer());
        int key = cursor.keyMemory().get(ValueLayout.JAVA_BYTE, cursor.keyOffset());
        return key * FACTOR + (int) InternalKeys.sequence(cursor.trailer());
    }

    private static void checkValue(MemorySegment memory, long offset, long length, long trailer) {
        long from = InternalKeys.sequence(trailer) * VALUE_BYTES;
        if (length != VALUE_BYTES
                || MemorySegment.mismatch(memory, offset, offset + length, VALUES, from, from + VALUE_BYTES) != -1) {
            throw new AssertionError("M4: an entry that is not whole");
        }
    }

    @Validate
    public void end() {
        memtable.close();
    }

    /** What it must look like: entries as numbers; of one key, larger sequences come first. */
    public static class SortedEntries {
        private final TreeSet<Integer> entries = new TreeSet<>();

        // In the set each entry stands as key * FACTOR + (FACTOR - sequence), so that its order is the internal one.
        private static int inOrder(int key, int sequence) {
            return key * FACTOR + FACTOR - sequence;
        }

        private static int entry(@Nullable Integer inOrder) {
            if (inOrder == null) {
                return 0;
            }
            int key = (inOrder - 1) / FACTOR;
            return key * FACTOR + FACTOR - (inOrder - key * FACTOR);
        }

        public boolean add(int key, int sequence) {
            return entries.add(inOrder(key, sequence));
        }

        public int find(int key, int sequence) {
            int found = atOrAfter(key, sequence);
            return found / FACTOR == key ? found % FACTOR : 0;
        }

        public int atOrAfter(int key, int sequence) {
            return entry(entries.ceiling(inOrder(key, sequence)));
        }

        public int before(int key, int sequence) {
            return entry(entries.lower(inOrder(key, sequence)));
        }

        public int first() {
            return entry(entries.isEmpty() ? null : entries.first());
        }

        public int last() {
            return entry(entries.isEmpty() ? null : entries.last());
        }
    }

    @Test
    void memtable_modelChecked_isASortedSet() {
        Lincheck.modelCheck(MemtableLincheckTest.class, SortedEntries.class, 2, 4, 300, MemoryAccount.class);
    }

    @Test
    void memtable_stressed_isASortedSet() {
        Lincheck.stress(MemtableLincheckTest.class, SortedEntries.class, 3, 8, 1000);
    }

    @Test
    void filteredMemtable_modelChecked_isASortedSet() {
        Lincheck.modelCheck(Filtered.class, SortedEntries.class, 2, 4, 300, MemoryAccount.class);
    }

    @Test
    void filteredMemtable_stressed_isASortedSet() {
        Lincheck.stress(Filtered.class, SortedEntries.class, 3, 8, 1000);
    }
}
