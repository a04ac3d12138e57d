package io.beachdb.base.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EpochsTest {
    private static final class ReaderSlot extends Epochs.Slot {
        private int inside;
    }

    private final AtomicInteger made = new AtomicInteger();
    private final Epochs<ReaderSlot> epochs = new Epochs<>(2, () -> {
        made.incrementAndGet();
        return new ReaderSlot();
    });

    @Test
    void isQuiet_noReader_atOnce() {
        assertThat(epochs.oldestReader()).isEqualTo(Long.MAX_VALUE);
        assertThat(epochs.isQuiet(epochs.retire())).isTrue();
    }

    @Test
    void isQuiet_readerFromBefore_onlyWhenItHasLeft() {
        ReaderSlot before = epochs.enter();
        long stamp = epochs.retire();
        ReaderSlot after = epochs.enter();
        assertThat(epochs.isQuiet(stamp)).isFalse();
        epochs.exit(before);
        assertThat(epochs.isQuiet(stamp)).as("the other reader came later").isTrue();
        assertThat(epochs.isQuiet(epochs.retire())).isFalse();
        epochs.exit(after);
        assertThat(epochs.isQuiet(stamp + 1)).isTrue();
    }

    @Test
    void isQuiet_earlierStamps_areQuietWithLaterOnes() {
        long first = epochs.retire();
        ReaderSlot reader = epochs.enter();
        long second = epochs.retire();
        assertThat(second).isGreaterThan(first);
        assertThat(epochs.isQuiet(first)).isTrue();
        assertThat(epochs.isQuiet(second)).isFalse();
        epochs.exit(reader);
    }

    @Test
    void enter_moreReadersThanSlots_growsAndForgetsNobody() {
        List<ReaderSlot> inside = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            inside.add(epochs.enter());
        }
        Set<ReaderSlot> different = new HashSet<>(inside);
        assertThat(different).hasSize(100);
        long stamp = epochs.retire();
        while (!inside.isEmpty()) {
            assertThat(epochs.isQuiet(stamp)).isFalse();
            epochs.exit(inside.remove(inside.size() / 2));
        }
        assertThat(epochs.isQuiet(stamp)).isTrue();
        Set<ReaderSlot> all = new HashSet<>();
        epochs.forEachSlot(all::add);
        assertThat(all).hasSize(made.get()).containsAll(different);
    }

    /** Else the slots of the first growth, with a reader inside, would be replaced by those of the second. */
    @Test
    void enter_twoReadersFindAllTaken_oneGrows() throws InterruptedException {
        CountDownLatch growing = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Epochs<ReaderSlot> contended = new Epochs<>(2, () -> {
            made.incrementAndGet();
            if (made.get() > 4 && growing.getCount() > 0) { // two for `epochs`, two for these
                growing.countDown();
                await(goOn);
            }
            return new ReaderSlot();
        });
        contended.enter();
        contended.enter();
        Thread first = Thread.ofPlatform().start(contended::enter);
        growing.await();
        Thread second = Thread.ofPlatform().start(contended::enter);
        while (second.getState() != Thread.State.BLOCKED && second.isAlive()) {
            Thread.onSpinWait(); // it has seen the full array, and waits to make a longer one
        }
        goOn.countDown();
        first.join();
        second.join();
        List<ReaderSlot> slots = new ArrayList<>();
        contended.forEachSlot(slots::add);
        assertThat(slots).hasSize(4);
        assertThat(made).as("slots made, none of them thrown away").hasValue(2 + 4);
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** A piece of memory: its owner marks it when it frees it. */
    private static final class Piece {
        private volatile boolean freed;
    }

    /** Readers load the published piece and look whether it is freed; the owner replaces and frees by stamps. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void threads_readersAndOwner_noReaderSeesFreedMemory(boolean virtual) throws InterruptedException {
        AtomicReference<Piece> published = new AtomicReference<>(new Piece());
        AtomicReference<@Nullable String> failure = new AtomicReference<>();
        AtomicBoolean done = new AtomicBoolean();
        List<Thread> readers = new ArrayList<>();
        CountDownLatch started = new CountDownLatch(virtual ? 40 : 4);
        for (int t = 0; t < (virtual ? 40 : 4); t++) {
            Runnable reader = () -> {
                started.countDown();
                int turns = 0;
                while (!done.get()) {
                    ReaderSlot slot = epochs.enter();
                    if (slot.inside++ != 0) {
                        failure.compareAndSet(null, "two readers in one slot");
                    }
                    Piece piece = Objects.requireNonNull(published.get());
                    for (int i = 0; i < 20; i++) {
                        if (piece.freed) {
                            failure.compareAndSet(null, "a reader inside saw a freed piece");
                        }
                    }
                    slot.inside--;
                    epochs.exit(slot);
                    if (++turns % 64 == 0) {
                        Thread.onSpinWait();
                    }
                }
            };
            readers.add(
                    virtual
                            ? Thread.ofVirtual().start(reader)
                            : Thread.ofPlatform().start(reader));
        }
        if (!virtual) {
            started.await();
        }
        record Retired(Piece piece, long stamp) {}
        ArrayDeque<Retired> retired = new ArrayDeque<>();
        int freed = 0;
        for (int i = 0; i < 100_000; i++) {
            Piece old = published.getAndSet(new Piece());
            retired.add(new Retired(old, epochs.retire()));
            while (!retired.isEmpty() && epochs.isQuiet(retired.getFirst().stamp)) {
                retired.removeFirst().piece.freed = true;
                freed++;
            }
        }
        done.set(true);
        for (Thread reader : readers) {
            reader.join();
        }
        assertThat(failure.get()).isNull();
        assertThat(freed).isPositive();
        assertThat(epochs.oldestReader()).isEqualTo(Long.MAX_VALUE);
    }
}
