package io.beachdb.bench;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.KeyHash;
import io.beachdb.memtable.Inserter;
import io.beachdb.memtable.Memtable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One memtable: filling it, point reads of present and absent keys, steps of a cursor. 16-byte decimal keys, 100-byte
 * values; one operation is one entry. An insert costs the average over an empty to a full memtable.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class MemtableBenchmark {
    private static final int KEY_BYTES = 16;
    private static final int VALUE_BYTES = 100;

    /** About a 64-MiB memtable by default. */
    @Param("400000")
    int entries;

    /** Bits of filter for each entry; 0 for none. */
    @Param({"0", "16"})
    int filterBits;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment value = arena.allocate(VALUE_BYTES);
    private MemoryBudget budget;
    private MemoryAccount account;
    private MemorySegment ascending;
    private MemorySegment shuffled;
    private MemorySegment absent;
    private Memtable full;

    /** What each thread of a benchmark has of its own. */
    @State(Scope.Thread)
    public static class Place {
        private final Inserter inserter = new Inserter();
        private @Nullable Memtable filling;
        private @Nullable EntryCursor cursor;
        private int at;

        @TearDown(Level.Iteration)
        public void close() {
            if (filling != null) {
                filling.close();
                filling = null;
            }
            at = 0;
        }
    }

    @Setup
    public void fill() {
        budget = MemoryBudget.ofBytes(1L << 30);
        account = budget.openAccount();
        SplittableRandom random = new SplittableRandom(42);
        int[] order = new int[entries];
        for (int i = 0; i < entries; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        ascending = arena.allocate((long) entries * KEY_BYTES);
        shuffled = arena.allocate((long) entries * KEY_BYTES);
        absent = arena.allocate((long) entries * KEY_BYTES);
        for (int i = 0; i < entries; i++) {
            write(ascending, i, 2L * i);
            write(shuffled, i, 2L * order[i]);
            write(absent, i, 2L * order[i] + 1);
        }
        full = newMemtable();
        Inserter inserter = full.newInserter();
        for (int i = 0; i < entries; i++) {
            insert(full, inserter, shuffled, i);
        }
    }

    private static void write(MemorySegment keys, long index, long number) {
        byte[] key = String.format("%016d", number).getBytes(StandardCharsets.US_ASCII);
        MemorySegment.copy(key, 0, keys, ValueLayout.JAVA_BYTE, index * KEY_BYTES, KEY_BYTES);
    }

    @TearDown
    public void close() {
        full.close();
        budget.close();
        arena.close();
    }

    private Memtable newMemtable() {
        return new Memtable(account, 7, (long) entries * filterBits / 8);
    }

    private void insert(Memtable memtable, Inserter inserter, MemorySegment keys, int index) {
        long offset = (long) index * KEY_BYTES;
        long hash = filterBits == 0 ? 0 : KeyHash.hash(keys, offset, KEY_BYTES);
        long trailer = InternalKeys.trailer(index + 1L, InternalKeys.KIND_PUT);
        memtable.add(inserter, keys, offset, KEY_BYTES, hash, trailer, value, 0, VALUE_BYTES);
    }

    private void insertNext(Place place, MemorySegment keys) {
        if (place.at == entries || place.filling == null) {
            if (place.filling != null) {
                place.filling.close();
            }
            place.filling = newMemtable();
            place.at = 0;
        }
        insert(place.filling, place.inserter, keys, place.at++);
    }

    @Benchmark
    public void insertSequential(Place place) {
        insertNext(place, ascending);
    }

    @Benchmark
    public void insertRandom(Place place) {
        insertNext(place, shuffled);
    }

    private long get(Place place, MemorySegment keys) {
        place.at = place.at + 1 == entries ? 0 : place.at + 1;
        long offset = (long) place.at * KEY_BYTES;
        long hash = filterBits == 0 ? 0 : KeyHash.hash(keys, offset, KEY_BYTES);
        return full.find(keys, offset, KEY_BYTES, hash, InternalKeys.NEWEST_TRAILER);
    }

    @Benchmark
    public byte getPresent(Place place) {
        long entry = get(place, shuffled);
        return full.valueMemory(entry).get(ValueLayout.JAVA_BYTE, full.valueOffset(entry));
    }

    @Benchmark
    public long getAbsent(Place place) {
        return get(place, absent);
    }

    @Benchmark
    public long next(Place place) {
        if (place.cursor == null) {
            place.cursor = full.cursor();
        }
        if (place.cursor.valid()) {
            place.cursor.next();
        }
        if (!place.cursor.valid()) {
            place.cursor.first();
        }
        return place.cursor.trailer();
    }

    @Benchmark
    public long previous(Place place) {
        if (place.cursor == null) {
            place.cursor = full.cursor();
        }
        if (place.cursor.valid()) {
            place.cursor.previous();
        }
        if (!place.cursor.valid()) {
            place.cursor.last();
        }
        return place.cursor.trailer();
    }
}
