package io.beachdb.base.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NativePoolTest {
    private static final int MIB = 1 << 20;

    private final ArrayDeque<Arena> closing = new ArrayDeque<>();
    private final NativePool pool = new NativePool(closing::add);

    @AfterEach
    void close() {
        pool.close();
        runClosing();
    }

    private void runClosing() {
        while (!closing.isEmpty()) {
            closing.removeFirst().close();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0, 4096",
        "1, 4096",
        "4096, 4096",
        "4097, 8192",
        "65536, 65536",
        "524289, 1048576",
        "1048576, 1048576",
        "1048577, 1048577",
        "5000000, 5000000"
    })
    void acquire_anySize_givesWhatRoundUpSays(long bytes, long given) {
        assertThat(NativePool.roundUp(bytes)).isEqualTo(given);
        NativeBlock block = pool.acquire(bytes);
        assertThat(block.bytes()).isEqualTo(given);
        assertThat(block.memory().byteSize()).isEqualTo(given);
        assertThat(block.memory().address() % 64).isZero();
        assertThat(block.memory().isNative()).isTrue();
        assertThat(block.view().capacity()).isEqualTo((int) given);
        assertThat(block.view()).isSameAs(block.view());
        for (long at = 0; at < given; at += 512) {
            assertThat(block.memory().get(ValueLayout.JAVA_BYTE, at))
                    .as("fresh memory is zero")
                    .isZero();
        }
        block.release();
    }

    @Test
    void acquire_afterRelease_usesTheSameMemory() {
        NativeBlock first = pool.acquire(10_000);
        long address = first.memory().address();
        first.release();
        assertThat(pool.acquire(9_000).memory().address()).isEqualTo(address);
        assertThat(pool.heldBytes()).isEqualTo(4 * MIB);
    }

    @Test
    void acquire_manySizes_neverOverlap() {
        SplittableRandom random = new SplittableRandom(20261122);
        List<NativeBlock> held = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            if (held.size() > 60 || !held.isEmpty() && random.nextInt(3) == 0) {
                NativeBlock block = held.remove(random.nextInt(held.size()));
                checkMark(block);
                block.release();
            } else {
                NativeBlock block = pool.acquire(1L << random.nextInt(21));
                mark(block);
                held.add(block);
            }
        }
        held.forEach(NativePoolTest::checkMark);
    }

    private static void mark(NativeBlock block) {
        long address = block.memory().address();
        block.memory().set(ValueLayout.JAVA_LONG, 0, address);
        block.memory().set(ValueLayout.JAVA_LONG, block.bytes() - 8, ~address);
    }

    private static void checkMark(NativeBlock block) {
        long address = block.memory().address();
        assertThat(block.memory().get(ValueLayout.JAVA_LONG, 0)).isEqualTo(address);
        assertThat(block.memory().get(ValueLayout.JAVA_LONG, block.bytes() - 8)).isEqualTo(~address);
    }

    @Test
    void release_largeBlock_freesItInTheBackground() {
        NativeBlock large = pool.acquire(3 * MIB);
        assertThat(pool.heldBytes()).isEqualTo(3 * MIB);
        MemorySegment memory = large.memory();
        large.release();
        assertThat(pool.heldBytes()).isZero();
        assertThat(closing).hasSize(1);
        assertThat(memory.scope().isAlive())
                .as("not on the thread that releases")
                .isTrue();
        runClosing();
        assertThat(memory.scope().isAlive()).isFalse();
    }

    @Test
    void release_twice_isAnAssertion() {
        NativeBlock block = pool.acquire(1);
        block.release();
        assertThatThrownBy(block::release).isInstanceOf(AssertionError.class);
    }

    @Test
    void acquire_negativeSize_isRefused() {
        assertThatThrownBy(() -> pool.acquire(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    /** More than the machine has: an error of the JVM, after which the pool works as before. */
    @Test
    void acquire_moreThanThereIs_leavesThePoolAsItWas() {
        assertThatThrownBy(() -> pool.acquire(1L << 60)).isInstanceOf(Throwable.class);
        assertThat(pool.heldBytes()).isZero();
        pool.acquire(100).release();
    }

    @Test
    void close_withBlocksInUse_makesTheirMemoryInaccessible() {
        NativeBlock small = pool.acquire(100);
        NativeBlock large = pool.acquire(2 * MIB);
        pool.close();
        pool.close();
        runClosing();
        assertThat(pool.heldBytes()).isZero();
        for (NativeBlock block : List.of(small, large)) {
            assertThatThrownBy(() -> block.memory().get(ValueLayout.JAVA_BYTE, 0))
                    .isInstanceOf(IllegalStateException.class);
        }
        small.release();
        large.release();
        runClosing();
        assertThatThrownBy(() -> pool.acquire(1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> pool.acquire(2 * MIB)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void threads_acquireAndRelease_neverShareABlock() throws InterruptedException {
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            SplittableRandom random = new SplittableRandom(t);
            Thread thread = new Thread(() -> {
                try {
                    List<NativeBlock> held = new ArrayList<>();
                    for (int i = 0; i < 20_000; i++) {
                        if (held.size() > 8) {
                            NativeBlock block = held.remove(random.nextInt(held.size()));
                            checkOwner(block);
                            block.release();
                        }
                        NativeBlock block = pool.acquire(1L << 12 + random.nextInt(5));
                        block.memory()
                                .set(
                                        ValueLayout.JAVA_LONG,
                                        8,
                                        Thread.currentThread().threadId());
                        held.add(block);
                    }
                    held.forEach(NativePoolTest::checkOwner);
                } catch (Throwable thrown) {
                    failure.compareAndSet(null, thrown);
                }
            });
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failure.get()).isNull();
    }

    private static void checkOwner(NativeBlock block) {
        if (block.memory().get(ValueLayout.JAVA_LONG, 8)
                != Thread.currentThread().threadId()) {
            throw new AssertionError("another thread has this block too");
        }
    }
}
