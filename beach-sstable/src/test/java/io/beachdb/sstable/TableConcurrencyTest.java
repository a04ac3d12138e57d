package io.beachdb.sstable;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.KeyHash;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Many threads read one table through a cache that holds a fraction of it. */
class TableConcurrencyTest {
    private static final int THREADS = 6;
    private static final int ROUNDS = 4_000;

    @Test
    void reads_ofManyThreadsThroughASmallCache_areRight() throws Exception {
        TreeSet<Entry> model = new TreeSet<>();
        Random random = new Random(4);
        for (int i = 0; i < 40_000; i++) {
            byte[] value = new byte[40];
            random.nextBytes(value);
            model.add(new Entry(
                    String.format("key%07d", i).getBytes(StandardCharsets.UTF_8),
                    InternalKeys.trailer(i + 1, InternalKeys.KIND_PUT),
                    value));
        }
        List<Entry> sorted = new ArrayList<>(model);
        try (TableFixture fixture = new TableFixture();
                BlockCache cache = new BlockCache(fixture.account, fixture.epochs, 256 << 10)) {
            long number = fixture.write(TableOptions.DEFAULT, model).number();
            TableContext context = new TableContext(cache, fixture.epochs, fixture.account);
            CyclicBarrier start = new CyclicBarrier(THREADS);
            try (TableReader reader = new TableReader(
                            () -> fixture.directory.open(FileName.table(number)),
                            TableFixture.ID,
                            number,
                            fixture.bytes(number).length,
                            context);
                    ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
                List<Future<?>> running = new ArrayList<>();
                for (int i = 0; i < THREADS; i++) {
                    int seed = i;
                    running.add(threads.submit(() -> {
                        start.await(); // the first use is one of all at once
                        read(fixture, reader, sorted, new Random(seed));
                        return null;
                    }));
                }
                for (Future<?> future : running) {
                    future.get();
                }
            }
            assertThat(cache.stats().evictions()).isPositive();
            assertThat(cache.stats().pinnedBytes()).isZero();
            assertThat(fixture.openFiles.get()).isZero();
            assertThat(fixture.account.usedBytes(MemoryUse.TABLE)).isZero();
        }
    }

    private static void read(TableFixture fixture, TableReader reader, List<Entry> sorted, Random random) {
        MemoryAccount account = fixture.account;
        NativeBlock keyBlock = account.acquire(MemoryUse.SCRATCH, 64);
        MemorySegment memory = keyBlock.memory();
        try (PointResult result = new PointResult(account);
                EntryCursor cursor = reader.cursor(ReadOptions.CURSOR)) {
            for (int i = 0; i < ROUNDS; i++) {
                int at = random.nextInt(sorted.size());
                Entry entry = sorted.get(at);
                byte[] key = entry.key();
                MemorySegment.copy(key, 0, memory, ValueLayout.JAVA_BYTE, 0, key.length);
                if (random.nextInt(4) > 0) {
                    long hash = KeyHash.hash(memory, 0, key.length);
                    TableFixture.ReaderSlot slot = fixture.epochs.enter();
                    try {
                        reader.get(memory, 0, key.length, hash, InternalKeys.NEWEST_TRAILER, result);
                        check(result.valueMemory(), result.valueOffset(), result.valueLength(), entry);
                    } finally {
                        fixture.epochs.exit(slot);
                    }
                } else {
                    cursor.seek(memory, 0, key.length, InternalKeys.NEWEST_TRAILER);
                    boolean forward = random.nextBoolean();
                    for (int j = at; j >= 0 && j < sorted.size() && Math.abs(j - at) < 40; j += forward ? 1 : -1) {
                        check(cursor.valueMemory(), cursor.valueOffset(), cursor.valueLength(), sorted.get(j));
                        if (forward) {
                            cursor.next();
                        } else {
                            cursor.previous();
                        }
                    }
                }
            }
        } finally {
            account.release(MemoryUse.SCRATCH, keyBlock);
        }
    }

    private static void check(MemorySegment memory, long offset, long length, Entry expected) {
        byte[] found = memory.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
        if (!Arrays.equals(found, expected.value())) {
            throw new AssertionError("another value than that of " + expected);
        }
    }
}
