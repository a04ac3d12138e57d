package io.beachdb.memtable;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Nothing is allocated on the Java heap per operation, once the code is compiled: less than 0.01 bytes on average. */
final class MemtableAllocationTest {
    private static final int COUNT = 200_000;
    private static final int KEY_BYTES = 16;
    private static final int VALUE_BYTES = 100;
    private static final double MOST_BYTES = 0.01;

    private final MemoryBudget budget = MemoryBudget.ofBytes(256 << 20);
    private final MemoryAccount account = budget.openAccount();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment keys = arena.allocate((long) COUNT * KEY_BYTES);
    private final MemorySegment value = arena.allocate(VALUE_BYTES);
    private final Inserter inserter = new Inserter();
    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private long sum;

    MemtableAllocationTest() {
        SplittableRandom random = new SplittableRandom(3);
        for (long i = 0; i < keys.byteSize(); i += 8) {
            keys.set(ValueLayout.JAVA_LONG_UNALIGNED, i, random.nextLong());
        }
    }

    @AfterEach
    void close() {
        budget.close();
        arena.close();
    }

    @Test
    void add_random_allocatesNothing() {
        check(COUNT, () -> {
            try (Memtable memtable = new Memtable(account, 1, 1 << 19)) {
                long before = allocatedBytes();
                fill(memtable);
                return allocatedBytes() - before;
            }
        });
    }

    @Test
    void find_presentAndAbsent_allocatesNothing() {
        try (Memtable memtable = new Memtable(account, 1, 1 << 19)) {
            fill(memtable);
            check(COUNT, () -> {
                long before = allocatedBytes();
                for (long i = 0; i < COUNT; i++) {
                    // An odd offset reads bytes that are no key.
                    long offset = Math.min(i * KEY_BYTES + (i & 1), keys.byteSize() - KEY_BYTES);
                    long entry = memtable.find(keys, offset, KEY_BYTES, InternalKeys.NEWEST_TRAILER);
                    if (entry != 0) {
                        sum += memtable.valueLength(entry);
                        sum += memtable.valueMemory(entry).get(ValueLayout.JAVA_BYTE, memtable.valueOffset(entry));
                    }
                }
                return allocatedBytes() - before;
            });
        }
    }

    @Test
    void cursor_stepsAndSeeks_allocateNothing() {
        try (Memtable memtable = new Memtable(account, 1, 1 << 19)) {
            fill(memtable);
            EntryCursor cursor = memtable.cursor();
            MemorySegment destination = arena.allocate(VALUE_BYTES);
            check(3 * COUNT, () -> {
                long before = allocatedBytes();
                for (cursor.first(); cursor.valid(); cursor.next()) {
                    cursor.copyValue(0, destination, 0, cursor.valueLength());
                }
                for (cursor.last(); cursor.valid(); cursor.previous()) {
                    sum += cursor.trailer();
                }
                for (long i = 0; i < COUNT; i += 2) {
                    cursor.seek(keys, i * KEY_BYTES, KEY_BYTES, InternalKeys.NEWEST_TRAILER);
                    cursor.seekBefore(keys, i * KEY_BYTES, KEY_BYTES, InternalKeys.NEWEST_TRAILER);
                }
                return allocatedBytes() - before;
            });
        }
    }

    private void fill(Memtable memtable) {
        for (long i = 0; i < COUNT; i++) {
            memtable.add(
                    inserter, keys, i * KEY_BYTES, KEY_BYTES, InternalKeys.trailer(i + 1, 1), value, 0, VALUE_BYTES);
        }
    }

    /** Runs rounds until one keeps below the limit: the first ones also pay for the interpreter and the compiler. */
    private void check(int operations, LongSupplier round) {
        double least = Double.MAX_VALUE;
        for (int i = 0; i < 8 && least >= MOST_BYTES; i++) {
            least = round.getAsLong() / (double) operations;
        }
        assertThat(least).as("bytes per operation (of what was read: %d)", sum).isLessThan(MOST_BYTES);
    }

    private long allocatedBytes() {
        return threads.getCurrentThreadAllocatedBytes();
    }
}
