package io.beachdb.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The real scheduler and the mutex over it. A lost wake-up shows as a test that ends by its time limit. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SystemSchedulerTest {
    private final Scheduler scheduler = Scheduler.system();

    private static Thread started(boolean virtual, AtomicReference<@Nullable Throwable> failure, Runnable action) {
        Runnable guarded = () -> {
            try {
                action.run();
            } catch (Throwable thrown) {
                failure.compareAndSet(null, thrown);
            }
        };
        return virtual
                ? Thread.ofVirtual().start(guarded)
                : Thread.ofPlatform().daemon().start(guarded);
    }

    private static void joinAll(List<Thread> threads, AtomicReference<@Nullable Throwable> failure)
            throws InterruptedException {
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failure.get()).isNull();
    }

    @Test
    void execute_aTask_runsOnADaemonThreadNamedForIt() throws InterruptedException {
        AtomicReference<@Nullable Thread> thread = new AtomicReference<>();
        AtomicReference<String> name = new AtomicReference<>("");
        CountDownLatch ran = new CountDownLatch(1);
        scheduler.execute("flush 7", () -> {
            thread.set(Thread.currentThread());
            name.set(Thread.currentThread().getName());
            ran.countDown();
        });
        ran.await();
        Thread used = thread.get();
        assertThat(name.get()).isEqualTo("beach-flush 7");
        assertThat(used).isNotNull();
        assertThat(used.isDaemon()).isTrue();
        assertThat(used.isVirtual()).isFalse();
    }

    @Test
    void execute_manyTasksThatWaitForEachOther_allRun() throws InterruptedException {
        int tasks = 40;
        CountDownLatch all = new CountDownLatch(tasks);
        Signal signal = scheduler.newSignal("all here", 0);
        AtomicInteger here = new AtomicInteger();
        for (int i = 0; i < tasks; i++) {
            scheduler.execute("meet", () -> {
                here.incrementAndGet();
                signal.wake();
                scheduler.await(signal, () -> here.get() == tasks);
                all.countDown();
            });
        }
        all.await();
    }

    @Test
    void after_aDelay_runsOnceAndNotBefore() throws InterruptedException {
        AtomicLong ranAt = new AtomicLong();
        CountDownLatch ran = new CountDownLatch(1);
        long from = scheduler.clock().nanoTime();
        scheduler.after(20_000_000, "later", () -> {
            ranAt.set(scheduler.clock().nanoTime());
            ran.countDown();
        });
        ran.await();
        assertThat(ranAt.get() - from).isGreaterThanOrEqualTo(20_000_000);
    }

    @Test
    void after_calledOff_doesNotRun() throws InterruptedException {
        AtomicBoolean ran = new AtomicBoolean();
        scheduler.after(5_000_000, "called off", () -> ran.set(true)).cancel();
        CountDownLatch later = new CountDownLatch(1);
        Scheduler.Cancellable tooLate = scheduler.after(30_000_000, "after it", later::countDown);
        later.await();
        tooLate.cancel();
        assertThat(ran).isFalse();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 50_000})
    void await_conditionNeverHolds_endsAtItsTime(long spinNanos) {
        Signal signal = scheduler.newSignal("never", spinNanos);
        for (long timeout : new long[] {0, -5, 1, 3_000_000}) {
            long from = System.nanoTime();
            assertThat(scheduler.await(signal, () -> false, timeout)).isFalse();
            assertThat(System.nanoTime() - from).isGreaterThanOrEqualTo(timeout);
        }
    }

    @Test
    void await_conditionHoldsAlready_returnsAtOnce() {
        Signal signal = scheduler.newSignal("now", 0);
        scheduler.await(signal, () -> true);
        assertThat(scheduler.await(signal, () -> true, 0)).isTrue();
        assertThat(scheduler.await(signal, () -> true, Long.MAX_VALUE)).isTrue();
    }

    @Test
    void await_longestTimeout_waitsForTheCondition() throws InterruptedException {
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Signal signal = scheduler.newSignal("long", 0);
        AtomicBoolean ready = new AtomicBoolean();
        AtomicBoolean result = new AtomicBoolean();
        CountDownLatch looking = new CountDownLatch(1);
        Thread waiter = started(
                false,
                failure,
                () -> result.set(scheduler.await(
                        signal,
                        () -> {
                            looking.countDown();
                            return ready.get();
                        },
                        Long.MAX_VALUE)));
        looking.await();
        ready.set(true);
        signal.wake();
        joinAll(List.of(waiter), failure);
        assertThat(result).isTrue();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void await_interruptedBeforeAndWhileWaiting_waitsOnAndKeepsTheStatus(boolean virtual) throws InterruptedException {
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Signal signal = scheduler.newSignal("interrupted", 0);
        AtomicBoolean ready = new AtomicBoolean();
        AtomicBoolean kept = new AtomicBoolean();
        AtomicInteger looks = new AtomicInteger();
        Thread waiter = started(virtual, failure, () -> {
            Thread.currentThread().interrupt();
            scheduler.await(signal, () -> {
                looks.incrementAndGet();
                return ready.get();
            });
            kept.set(Thread.currentThread().isInterrupted());
        });
        for (int i = 0; i < 20; i++) {
            int before = looks.get();
            waiter.interrupt();
            while (looks.get() == before) {
                Thread.onSpinWait(); // it looks again after each interrupt, and waits on
            }
        }
        assertThat(waiter.isAlive()).isTrue();
        ready.set(true);
        signal.wake();
        joinAll(List.of(waiter), failure);
        assertThat(kept).isTrue();
    }

    @Test
    void await_interruptedWithATimeout_waitsToItsEnd() {
        Signal signal = scheduler.newSignal("interrupted, timed", 0);
        Thread.currentThread().interrupt();
        long from = System.nanoTime();
        assertThat(scheduler.await(signal, () -> false, 5_000_000)).isFalse();
        assertThat(System.nanoTime() - from).isGreaterThanOrEqualTo(5_000_000);
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void await_conditionThrows_leavesTheSignalUsable() throws InterruptedException {
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Signal signal = scheduler.newSignal("throws", 0);
        AtomicInteger looks = new AtomicInteger();
        assertThatThrownBy(() -> scheduler.await(signal, () -> {
                    if (looks.incrementAndGet() == 2) {
                        throw new IllegalStateException("second look");
                    }
                    return false;
                }))
                .hasMessage("second look");
        AtomicBoolean ready = new AtomicBoolean();
        Thread waiter = started(false, failure, () -> scheduler.await(signal, ready::get));
        ready.set(true);
        signal.wake();
        joinAll(List.of(waiter), failure);
    }

    /** Turns are passed from thread to thread; each turn is one change and one wake. */
    @ParameterizedTest
    @ValueSource(longs = {0, 2_000})
    void wake_underStress_isNeverLost(long spinNanos) throws InterruptedException {
        for (boolean virtual : new boolean[] {false, true}) {
            AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
            Signal signal = scheduler.newSignal("turns", spinNanos);
            AtomicInteger turn = new AtomicInteger();
            int players = 4;
            int turns = 4000;
            List<Thread> threads = new ArrayList<>();
            for (int t = 0; t < players; t++) {
                int mine = t;
                threads.add(started(virtual, failure, () -> {
                    for (int i = 0; i < turns / players; i++) {
                        scheduler.await(signal, () -> turn.get() % players == mine);
                        turn.incrementAndGet();
                        signal.wake();
                    }
                }));
            }
            joinAll(threads, failure);
            assertThat(turn).hasValue(turns);
        }
    }

    /** Waiters that time out and waiters that do not share one signal: none of them is forgotten. */
    @Test
    void wake_besideTimeouts_isNeverLost() throws InterruptedException {
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Signal signal = scheduler.newSignal("mixed", 0);
        AtomicInteger permits = new AtomicInteger();
        AtomicInteger taken = new AtomicInteger();
        int wanted = 3000;
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            boolean timed = t % 2 == 0;
            threads.add(started(false, failure, () -> {
                while (true) {
                    if (timed) {
                        if (!scheduler.await(signal, () -> take(permits), 1000)) {
                            if (taken.get() >= wanted) {
                                return;
                            }
                            continue;
                        }
                    } else {
                        scheduler.await(signal, () -> taken.get() >= wanted || take(permits));
                        if (taken.get() >= wanted) {
                            return;
                        }
                    }
                    if (taken.incrementAndGet() >= wanted) {
                        signal.wake();
                        return;
                    }
                }
            }));
        }
        for (int i = 0; i < wanted + 8; i++) {
            permits.incrementAndGet();
            signal.wake();
        }
        joinAll(threads, failure);
        assertThat(taken.get()).isGreaterThanOrEqualTo(wanted);
    }

    private static boolean take(AtomicInteger permits) {
        int before = permits.get();
        return before > 0 && permits.compareAndSet(before, before - 1);
    }

    // ------------------------------------------------------------------------------------------------ Mutex

    private static final class Counter {
        private int value; // guarded by the mutex under test
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void mutex_manyThreads_oneInsideAtATime(boolean virtual) throws InterruptedException {
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Mutex mutex = new Mutex(scheduler, "counter");
        Counter counter = new Counter();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            threads.add(started(virtual, failure, () -> {
                for (int i = 0; i < 5000; i++) {
                    mutex.lock();
                    counter.value++;
                    mutex.unlock();
                }
            }));
        }
        joinAll(threads, failure);
        assertThat(counter.value).isEqualTo(20_000);
        assertThat(mutex.isHeld()).isFalse();
    }

    @Test
    void mutex_held_refusesTryLockAndIsNotReentrant() {
        Mutex mutex = new Mutex(scheduler, "plain");
        assertThat(mutex.tryLock()).isTrue();
        assertThat(mutex.isHeld()).isTrue();
        assertThat(mutex.tryLock()).isFalse();
        mutex.unlock();
        assertThat(mutex.isHeld()).isFalse();
        assertThatThrownBy(mutex::unlock).isInstanceOf(AssertionError.class);
        mutex.lock();
        mutex.unlock();
    }

    @Test
    void mutex_heldAcrossAWait_letsNobodyIn() throws InterruptedException {
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Mutex mutex = new Mutex(scheduler, "held");
        Signal signal = scheduler.newSignal("inside", 0);
        AtomicBoolean go = new AtomicBoolean();
        AtomicBoolean left = new AtomicBoolean();
        CountDownLatch inside = new CountDownLatch(1);
        Thread holder = started(false, failure, () -> {
            mutex.lock();
            inside.countDown();
            scheduler.await(signal, go::get);
            left.set(true);
            mutex.unlock();
        });
        inside.await();
        Thread next = started(false, failure, () -> {
            mutex.lock();
            if (!left.get()) {
                throw new AssertionError("two inside");
            }
            mutex.unlock();
        });
        go.set(true);
        signal.wake();
        joinAll(List.of(holder, next), failure);
    }

    // ------------------------------------------------------------------------------------------------ the other seams

    @Test
    void randomSource_ofOneSeed_repeats() {
        RandomSource first = RandomSource.seeded(7);
        RandomSource second = RandomSource.seeded(7);
        RandomSource other = RandomSource.seeded(8);
        long[] bits = new long[100];
        int same = 0;
        for (int i = 0; i < bits.length; i++) {
            bits[i] = first.nextLong();
            assertThat(second.nextLong()).isEqualTo(bits[i]);
            same += other.nextLong() == bits[i] ? 1 : 0;
        }
        assertThat(same).isZero();
        assertThat(RandomSource.system().nextLong())
                .isNotEqualTo(RandomSource.system().nextLong());
    }

    @Test
    void clock_ofTheSystem_neverGoesBack() {
        Clock clock = Clock.system();
        assertThat(scheduler.clock()).isSameAs(clock);
        long before = clock.nanoTime();
        assertThat(clock.nanoTime()).isGreaterThanOrEqualTo(before);
        assertThat(clock.wallMillis()).isGreaterThan(1_700_000_000_000L);
    }
}
