package io.beachdb.memtable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.memory.NativePool;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

final class EntryArenaTest {
    private final MemoryBudget budget = MemoryBudget.ofBytes(1 << 30);
    private final MemoryAccount account = budget.openAccount();

    @AfterEach
    void close() {
        assertThat(budget.usedBytes()).isZero();
        budget.close();
    }

    @Test
    void allocate_fillingAChunkToTheLastByte_startsTheNextOnlyThen() {
        EntryArena arena = new EntryArena(account);
        int half = EntryArena.LARGEST_SHARED_BYTES;
        arena.allocate(half, half);
        assertThat(arena.chargedBytes()).isEqualTo(NativePool.CHUNK_BYTES);
        arena.allocate(1, 0);
        assertThat(arena.chargedBytes()).isEqualTo(2 * NativePool.CHUNK_BYTES);
        assertThat(arena.usedBytes()).isEqualTo(NativePool.CHUNK_BYTES + 8);
        arena.close();
    }

    @Test
    void allocate_afterClose_isRefusedAndTakesNothing() {
        EntryArena arena = new EntryArena(account);
        arena.close();
        assertThatThrownBy(() -> arena.allocate(8, 8)).isInstanceOf(ClosedException.class);
        assertThatThrownBy(() -> arena.allocateOwn(8)).isInstanceOf(ClosedException.class);
        assertThat(account.usedBytes()).isZero();
    }

    @Test
    void allocate_moreBlocksThanReferencesCanName_isRefused() {
        MemoryBudget own = MemoryBudget.ofBytes(1 << 30);
        EntryArena arena = new EntryArena(own.openAccount());
        for (int i = 1; i < 1 << 15; i++) {
            arena.allocateOwn(1);
        }
        long charged = own.usedBytes();
        assertThatThrownBy(() -> arena.allocateOwn(1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("32768 blocks");
        assertThat(own.usedBytes()).isEqualTo(charged).isEqualTo(arena.chargedBytes());
        arena.close();
        assertThat(own.usedBytes()).isZero();
        own.close();
    }

    /** Large and small pieces, so that the threads keep meeting at the end of a chunk, where some still fit. */
    @RepeatedTest(20)
    void allocate_severalThreads_piecesNeverOverlapAndUseIsExact() throws Exception {
        int threads = 4;
        EntryArena arena = new EntryArena(account);
        TreeMap<Long, Long> ends = new TreeMap<>();
        long sum = 0;
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            List<Future<List<long[]>>> running = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                long seed = thread;
                running.add(executor.submit(() -> allocateMany(arena, new SplittableRandom(seed))));
            }
            for (Future<List<long[]>> future : running) {
                for (long[] piece : future.get()) {
                    assertThat(ends.put(piece[0], piece[0] + piece[1])).isNull();
                    sum += piece[1];
                }
            }
        }
        long end = 0;
        for (var piece : ends.entrySet()) {
            assertThat(piece.getKey()).isGreaterThanOrEqualTo(end);
            end = piece.getValue();
        }
        assertThat(arena.usedBytes()).isEqualTo(sum);
        assertThat(account.usedBytes()).isEqualTo(arena.chargedBytes());
        arena.close();
    }

    /** Returns where each piece begins, chunks laid end to end, and its length. */
    private static List<long[]> allocateMany(EntryArena arena, SplittableRandom random) {
        List<long[]> pieces = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            int nodeBytes = 8 * (1 + random.nextInt(i % 2 == 0 ? 8 : EntryArena.LARGEST_SHARED_BYTES / 8));
            int valueBytes = 8 * (1 + random.nextInt(i % 2 == 0 ? 8 : EntryArena.LARGEST_SHARED_BYTES / 8));
            long pair = arena.allocate(nodeBytes, valueBytes);
            pieces.add(new long[] {(long) EntryArena.nodeOf(pair) << 3, nodeBytes});
            pieces.add(new long[] {(long) EntryArena.valueOf(pair) << 3, valueBytes});
        }
        return pieces;
    }
}
