package io.beachdb.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.memory.NativeBlock;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MemoryBudgetTest {
    private static final long MIB = 1 << 20;

    private final MemoryBudget budget = MemoryBudget.ofBytes(8 * MIB);
    private final MemoryAccount account = budget.openAccount();

    @AfterEach
    void close() {
        for (MemoryUse use : MemoryUse.values()) {
            budget.release(use, budget.usedBytes(use));
        }
        budget.close();
    }

    @Test
    void ofBytes_tooSmall_isRefusedWithTheRange() {
        assertThatThrownBy(() -> MemoryBudget.ofBytes(MemoryBudget.MIN_BYTES - 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("memory budget is 4194303 bytes, allowed 4194304 and more");
    }

    @Test
    void charges_ofTwoAccounts_addUpByUse() {
        MemoryAccount other = budget.openAccount();
        assertThat(account.tryCharge(MemoryUse.MEMTABLE, 3 * MIB)).isTrue();
        other.charge(MemoryUse.MEMTABLE, MIB);
        other.charge(MemoryUse.CACHE, 2 * MIB);
        assertThat(budget.usedBytes()).isEqualTo(6 * MIB);
        assertThat(budget.usedBytes(MemoryUse.MEMTABLE)).isEqualTo(4 * MIB);
        assertThat(account.usedBytes()).isEqualTo(3 * MIB);
        assertThat(other.usedBytes(MemoryUse.CACHE)).isEqualTo(2 * MIB);
        account.release(MemoryUse.MEMTABLE, 3 * MIB);
        assertThat(budget.usedBytes()).isEqualTo(3 * MIB);
        assertThat(budget.peakBytes()).isEqualTo(6 * MIB);
        assertThat(account.budget()).isSameAs(budget);
    }

    @Test
    void close_whileSomethingIsCharged_isRefusedAndChangesNothing() {
        NativeBlock block = account.acquire(MemoryUse.CACHE, 4096);
        assertThatThrownBy(budget::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        "the memory budget is in use: 4096 bytes are charged (CACHE 4096). Close the databases that share"
                                + " it first.");
        account.release(MemoryUse.CACHE, block);
        account.release(MemoryUse.CACHE, account.acquire(MemoryUse.CACHE, 4096));
        budget.close();
        budget.close();
    }

    @Test
    void tryCharge_atTheBound_fitsToTheByte() {
        assertThat(account.tryCharge(MemoryUse.LOG, 8 * MIB - 1)).isTrue();
        assertThat(account.tryCharge(MemoryUse.LOG, 2)).isFalse();
        assertThat(account.usedBytes()).isEqualTo(8 * MIB - 1);
        assertThat(account.tryCharge(MemoryUse.LOG, 1)).isTrue();
        assertThat(budget.overdraftBytes()).isZero();
    }

    @Test
    void charge_beyondTheBound_showsAsOverdraft() {
        account.charge(MemoryUse.PINNED, 9 * MIB);
        assertThat(budget.overdraftBytes()).isEqualTo(MIB);
        account.release(MemoryUse.PINNED, 9 * MIB);
        assertThat(budget.overdraftBytes()).isZero();
    }

    @Test
    void release_moreThanCharged_isAnAssertion() {
        account.charge(MemoryUse.LOG, 10);
        assertThatThrownBy(() -> account.release(MemoryUse.CACHE, 10)).isInstanceOf(AssertionError.class);
    }

    @Test
    void tryCharge_reclaimersGiveEnough_succeeds() {
        MemoryAccount cache = budget.openAccount();
        cache.charge(MemoryUse.CACHE, 8 * MIB);
        List<Long> asked = new ArrayList<>();
        Scheduler.Cancellable registered = budget.addReclaimer(bytes -> {
            asked.add(bytes);
            long given = Math.min(MIB, cache.usedBytes());
            cache.release(MemoryUse.CACHE, given);
            return given;
        });
        assertThat(account.tryCharge(MemoryUse.MEMTABLE, 3 * MIB)).isTrue();
        assertThat(asked).containsExactly(3 * MIB, 2 * MIB, MIB);
        registered.cancel();
        assertThat(account.tryCharge(MemoryUse.MEMTABLE, MIB)).isFalse();
        assertThat(asked).hasSize(3);
    }

    @Test
    void tryCharge_moreThanTheBudget_emptiesNoCache() {
        MemoryAccount cache = budget.openAccount();
        cache.charge(MemoryUse.CACHE, MIB);
        AtomicInteger calls = new AtomicInteger();
        budget.addReclaimer(bytes -> {
            calls.incrementAndGet();
            return 0;
        });
        assertThat(account.tryCharge(MemoryUse.MEMTABLE, 8 * MIB + 1)).isFalse();
        assertThat(account.tryCharge(MemoryUse.MEMTABLE, Long.MAX_VALUE)).isFalse();
        assertThat(calls).hasValue(0);
        assertThat(account.tryCharge(MemoryUse.MEMTABLE, 8 * MIB)).isFalse();
        assertThat(calls).hasValue(1);
    }

    @Test
    void charge_overTheBound_asksReclaimersInTurnForTheRest() {
        List<String> asked = new ArrayList<>();
        MemoryAccount cache = budget.openAccount();
        cache.charge(MemoryUse.CACHE, 8 * MIB);
        budget.addReclaimer(bytes -> {
            asked.add("first " + bytes);
            cache.release(MemoryUse.CACHE, 1);
            return 1;
        });
        budget.addReclaimer(bytes -> {
            asked.add("second " + bytes);
            cache.release(MemoryUse.CACHE, bytes);
            return bytes;
        });
        account.charge(MemoryUse.PINNED, 100);
        assertThat(asked).containsExactly("first 100", "second 99");
        assertThat(budget.overdraftBytes()).isZero();
    }

    @Test
    void charge_whoseReclaimerFails_isNotCharged() {
        try (MemoryBudget small = MemoryBudget.ofBytes(MemoryBudget.MIN_BYTES)) {
            MemoryAccount charged = small.openAccount();
            small.addReclaimer(bytes -> {
                throw new OutOfMemoryError("of the test");
            });
            assertThatThrownBy(() -> charged.charge(MemoryUse.CACHE, MemoryBudget.MIN_BYTES + 1))
                    .isInstanceOf(OutOfMemoryError.class);
            assertThat(charged.usedBytes()).isZero();
            assertThat(small.usedBytes()).isZero();
        }
    }

    @Test
    void release_anything_wakesListeners() {
        AtomicInteger woken = new AtomicInteger();
        Scheduler.Cancellable listener = budget.onRelease(woken::incrementAndGet);
        account.charge(MemoryUse.LOG, 10);
        assertThat(woken).hasValue(0);
        account.release(MemoryUse.LOG, 4);
        assertThat(woken).hasValue(1);
        listener.cancel();
        account.release(MemoryUse.LOG, 6);
        assertThat(woken).hasValue(1);
    }

    @Test
    void acquire_aBlock_chargesItsTrueSize() {
        NativeBlock block = account.acquire(MemoryUse.SCRATCH, 5000);
        assertThat(block.bytes()).isEqualTo(8192);
        assertThat(account.usedBytes(MemoryUse.SCRATCH)).isEqualTo(8192);
        NativeBlock second = account.tryAcquire(MemoryUse.SCRATCH, 8 * MIB - 8192);
        assertThat(second).isNotNull();
        assertThat(account.tryAcquire(MemoryUse.SCRATCH, 1)).isNull();
        account.release(MemoryUse.SCRATCH, block);
        account.release(MemoryUse.SCRATCH, second);
        assertThat(budget.usedBytes()).isZero();
    }

    @Test
    void acquire_refusedByThePool_isNotCharged() {
        assertThatThrownBy(() -> account.acquire(MemoryUse.SCRATCH, 1L << 60)).isInstanceOf(Throwable.class);
        assertThat(budget.usedBytes()).isZero();
        budget.close();
        assertThatThrownBy(() -> account.acquire(MemoryUse.SCRATCH, 1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> account.tryAcquire(MemoryUse.SCRATCH, 1)).isInstanceOf(IllegalStateException.class);
        assertThat(budget.usedBytes()).isZero();
        assertThat(account.usedBytes()).isZero();
    }

    /** Threads that charge what fits, with a cache that gives way: the bound holds at every moment, the end is zero. */
    @Test
    void threads_tryCharge_neverExceedTheBound() throws InterruptedException {
        MemoryAccount cache = budget.openAccount();
        AtomicLong cached = new AtomicLong();
        budget.addReclaimer(bytes -> {
            long given = Math.min(bytes, cached.getAndSet(0));
            if (given > 0) {
                // Gives back all that it took out of its own books.
                cache.release(MemoryUse.CACHE, given);
            }
            return given;
        });
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            SplittableRandom random = new SplittableRandom(t);
            Thread thread = new Thread(() -> {
                try {
                    charger(random);
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
        assertThat(account.usedBytes()).isZero();
        assertThat(budget.usedBytes()).isEqualTo(cache.usedBytes());
        assertThat(budget.peakBytes()).isLessThanOrEqualTo(8 * MIB);
    }

    private void charger(SplittableRandom random) {
        long held = 0;
        MemoryUse use = MemoryUse.values()[random.nextInt(MemoryUse.values().length)];
        for (int i = 0; i < 20_000; i++) {
            long bytes = random.nextLong(3 * MIB);
            if (account.tryCharge(use, bytes)) {
                held += bytes;
            } else {
                account.release(use, held);
                held = 0;
            }
            if (budget.usedBytes() > budget.capacityBytes()) {
                throw new AssertionError("used " + budget.usedBytes());
            }
        }
        account.release(use, held);
    }
}
