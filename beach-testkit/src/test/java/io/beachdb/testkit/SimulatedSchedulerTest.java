package io.beachdb.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.Mutex;
import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import io.beachdb.durability.Vfs.PathKind;
import io.beachdb.testkit.DiskOperation.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class SimulatedSchedulerTest {
    private static final long MILLI = 1_000_000;

    private static String threeTasksTakingTurns(long seed) {
        StringBuilder order = new StringBuilder();
        try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
            for (String name : List.of("a", "b", "c")) {
                scheduler.spawn(name, () -> {
                    for (int i = 0; i < 5; i++) {
                        order.append(name);
                        scheduler.reach("step");
                    }
                });
            }
            scheduler.run();
            return order + " " + scheduler.traceHash() + " " + scheduler.steps();
        }
    }

    @Test
    void run_sameSeed_sameSchedule() {
        Set<String> schedules = new HashSet<>();
        for (int seed = 0; seed < 200; seed++) {
            String first = threeTasksTakingTurns(seed);
            assertThat(threeTasksTakingTurns(seed)).as("seed %d", seed).isEqualTo(first);
            schedules.add(first);
        }
        assertThat(schedules).hasSizeGreaterThan(100);
    }

    @Test
    void run_unguardedCounter_losesUpdatesForSomeSeed() {
        assertThat(lostUpdates(false)).isPositive();
    }

    @Test
    void run_counterUnderMutex_losesNothing() {
        assertThat(lostUpdates(true)).isZero();
    }

    private static int lostUpdates(boolean guarded) {
        int lost = 0;
        for (int seed = 0; seed < 100; seed++) {
            try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
                Mutex mutex = new Mutex(scheduler, "counter");
                int[] counter = new int[1]; // plain: one task at a time, each sees what the last one did
                for (int t = 0; t < 3; t++) {
                    scheduler.spawn("adder" + t, () -> {
                        for (int i = 0; i < 10; i++) {
                            if (guarded) {
                                mutex.lock();
                            }
                            int seen = counter[0];
                            scheduler.reach("between load and store");
                            counter[0] = seen + 1;
                            if (guarded) {
                                mutex.unlock();
                            }
                        }
                    });
                }
                scheduler.run();
                lost += 30 - counter[0];
            }
        }
        return lost;
    }

    @Test
    void run_mutexesTakenInOppositeOrder_reportsTheDeadlock() {
        int deadlocks = 0;
        for (int seed = 0; seed < 50; seed++) {
            try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
                Mutex left = new Mutex(scheduler, "left");
                Mutex right = new Mutex(scheduler, "right");
                scheduler.spawn("one", () -> lockBoth(scheduler, left, right));
                scheduler.spawn("two", () -> lockBoth(scheduler, right, left));
                try {
                    scheduler.run();
                } catch (AssertionError error) {
                    deadlocks++;
                    assertThat(error)
                            .hasMessageContaining("deadlock")
                            .hasMessageContaining("one waits for right")
                            .hasMessageContaining("two waits for left")
                            .hasMessageContaining("SimulatedSchedulerTest.lockBoth")
                            .hasMessageContaining("seed " + seed);
                }
            }
        }
        assertThat(deadlocks).isBetween(1, 49);
    }

    private static void lockBoth(Scheduler scheduler, Mutex first, Mutex second) {
        first.lock();
        scheduler.reach("holding one");
        second.lock();
        second.unlock();
        first.unlock();
    }

    @Test
    void await_changeWithoutWake_isADeadlock() {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(1)) {
            Signal signal = scheduler.newSignal("the change", 0);
            AtomicBoolean changed = new AtomicBoolean();
            scheduler.spawn("waiter", () -> {
                scheduler.execute("changer", () -> {
                    scheduler.reach("later");
                    scheduler.sleep(1);
                    changed.set(true); // and nobody is woken
                });
                scheduler.await(signal, changed::get);
            });
            assertThatThrownBy(scheduler::run)
                    .isInstanceOf(AssertionError.class)
                    .hasMessageContaining("waiter waits for the change");
        }
    }

    @Test
    void timers_fireInOrderOfTime_andTimeJumps() {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(3)) {
            List<String> fired = new ArrayList<>();
            scheduler.spawn("client", () -> {
                for (int millis : new int[] {30, 10, 20}) {
                    scheduler.after(
                            millis * MILLI,
                            "timer",
                            () -> fired.add(millis + "@" + scheduler.clock().nanoTime() / MILLI));
                }
                Scheduler.Cancellable cancelled =
                        scheduler.after(15 * MILLI, "cancelled", () -> fired.add("cancelled"));
                cancelled.cancel();
                scheduler.sleep(40 * MILLI);
                fired.add("slept@" + scheduler.clock().nanoTime() / MILLI);
            });
            scheduler.run();
            assertThat(fired).containsExactly("10@10", "20@20", "30@30", "slept@40");
            assertThat(scheduler.clock().wallMillis()).isEqualTo(SimulatedClock.START_MILLIS + 40);
        }
    }

    @Test
    void await_withTimeout_endsAtItsTime_orWhenWoken() {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(5)) {
            Signal signal = scheduler.newSignal("signal", 0);
            AtomicBoolean set = new AtomicBoolean();
            List<String> results = new ArrayList<>();
            scheduler.spawn("waiter", () -> {
                results.add(scheduler.await(signal, set::get, 0) + "@"
                        + scheduler.clock().nanoTime());
                results.add(scheduler.await(signal, set::get, 100) + "@"
                        + scheduler.clock().nanoTime());
                results.add(scheduler.await(signal, set::get, Long.MAX_VALUE) + "@"
                        + scheduler.clock().nanoTime());
            });
            scheduler.spawn("setter", () -> {
                scheduler.sleep(250);
                set.set(true);
                signal.wake();
            });
            scheduler.run();
            assertThat(results).containsExactly("false@0", "false@100", "true@250");
        }
    }

    @Test
    void run_endlessLoop_isEndedByTheStepLimit() {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(1)) {
            scheduler.setMaxSteps(1000);
            scheduler.spawn("spinner", () -> {
                while (true) {
                    scheduler.reach("again");
                }
            });
            assertThatThrownBy(scheduler::run)
                    .hasMessageContaining("not ended after 1000 steps")
                    .hasMessageContaining("1000 spinner: again");
        }
    }

    @Test
    void run_errorInABackgroundTask_isThrownWithSeed() {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(77)) {
            scheduler.spawn("client", () -> {
                scheduler.execute("background", () -> {
                    throw new IllegalStateException("broken");
                });
                scheduler.sleep(10);
            });
            assertThatThrownBy(scheduler::run)
                    .hasMessageContaining("task background failed")
                    .hasMessageContaining("seed 77")
                    .hasRootCauseMessage("broken");
        }
    }

    @Test
    void run_clientsDone_leavesWaitingBackgroundTasks_closeEndsThem() {
        AtomicBoolean cleanedUp = new AtomicBoolean();
        SimulatedScheduler scheduler = new SimulatedScheduler(9);
        Signal never = scheduler.newSignal("never", 0);
        scheduler.execute("background", () -> {
            try {
                scheduler.await(never, () -> false);
            } finally {
                cleanedUp.set(true);
            }
        });
        scheduler.spawn("client", () -> scheduler.sleep(5));
        scheduler.run();
        assertThat(scheduler.tasksLeft()).isEqualTo(1);
        assertThat(cleanedUp).isFalse();
        scheduler.close();
        assertThat(cleanedUp).isTrue();
        assertThat(scheduler.tasksLeft()).isZero();
        assertThatThrownBy(() -> scheduler.spawn("late", () -> {})).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void crash_endsTheTasksOfTheProcess_andNobodyElse() {
        for (int seed = 0; seed < 50; seed++) {
            try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
                SimulatedProcess doomed = new SimulatedProcess("doomed");
                Signal never = scheduler.newSignal("never", 0);
                AtomicInteger ranOn = new AtomicInteger();
                AtomicInteger cleanedUp = new AtomicInteger();
                AtomicBoolean crashed = new AtomicBoolean();
                AtomicInteger looks = new AtomicInteger();
                scheduler.execute("bystander", () -> scheduler.await(never, () -> looks.incrementAndGet() < 0));
                scheduler.spawn(doomed, "waiter", () -> {
                    scheduler.after(MILLI, "timer", ranOn::incrementAndGet);
                    try {
                        scheduler.await(never, () -> false);
                    } finally {
                        cleanedUp.incrementAndGet();
                        never.wake();
                        scheduler.execute("too late", ranOn::incrementAndGet);
                    }
                });
                scheduler.spawn(doomed, "worker", () -> {
                    while (true) {
                        scheduler.reach("work");
                        if (crashed.get()) {
                            ranOn.incrementAndGet();
                        }
                        scheduler.sleep(10);
                    }
                });
                scheduler.spawn("controller", () -> {
                    scheduler.sleep(1000);
                    crashed.set(true);
                    scheduler.crash(doomed);
                    scheduler.sleep(5 * MILLI);
                });
                scheduler.run();
                assertThat(ranOn).hasValue(0);
                assertThat(cleanedUp).hasValue(1);
                assertThat(looks).as("looks of one whom the dead must not wake").hasValue(1);
                assertThat(scheduler.tasksLeft()).isEqualTo(1); // the bystander
            }
        }
    }

    @Test
    void crash_taskThatCatchesEverything_isReported() {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(2)) {
            SimulatedProcess process = new SimulatedProcess("p");
            scheduler.spawn(process, "undying", () -> {
                while (true) {
                    try {
                        scheduler.sleep(10);
                    } catch (Throwable error) {
                        scheduler.newSignal("swallowed", 0); // and goes on
                    }
                }
            });
            scheduler.spawn("controller", () -> {
                scheduler.sleep(100);
                scheduler.crash(process);
            });
            assertThatThrownBy(scheduler::run)
                    .hasMessageContaining("undying of process p does not end with its process");
        }
    }

    @Test
    void powerCut_inAFileOperation_endsEveryTaskOfTheMachine() {
        for (int seed = 0; seed < 50; seed++) {
            try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
                SimulatedDisk disk = new SimulatedDisk(scheduler);
                SimulatedVfs vfs = disk.start("p");
                Signal never = scheduler.newSignal("never", 0);
                AtomicInteger done = new AtomicInteger();
                scheduler.spawn(vfs.process(), "waiter", () -> {
                    scheduler.await(never, () -> false);
                    done.incrementAndGet();
                });
                scheduler.spawn(vfs.process(), "writer", () -> {
                    for (int i = 0; i < 10; i++) {
                        create(vfs, "/f" + i);
                    }
                    done.incrementAndGet();
                });
                disk.cutAt(1 + seed % 10);
                scheduler.run(); // no deadlock: both have ended
                assertThat(done).hasValue(0);
                disk.cutPower(CutPolicy.all());
                assertThat(disk.names(Path.of("/"))).hasSize(seed % 10);
            }
        }
    }

    private static void create(SimulatedVfs vfs, String path) {
        try {
            vfs.create(Path.of(path)).close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void fileOperations_arePoints_andRepeatFromTheSeed() {
        Set<Long> histories = new HashSet<>();
        for (int seed = 0; seed < 50; seed++) {
            long first = twoWriters(seed);
            assertThat(twoWriters(seed)).isEqualTo(first);
            histories.add(first);
        }
        assertThat(histories).hasSizeGreaterThan(20);
    }

    private static long twoWriters(long seed) {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
            SimulatedDisk disk = new SimulatedDisk(scheduler);
            SimulatedVfs vfs = disk.start("p");
            for (String name : List.of("a", "b")) {
                scheduler.spawn(vfs.process(), name, () -> {
                    for (int i = 0; i < 5; i++) {
                        create(vfs, "/" + name + i);
                    }
                });
            }
            scheduler.run();
            return disk.traceHash();
        }
    }

    @Test
    void fileOperation_done_othersMayGoOnBeforeTheCallerDoes() {
        AtomicInteger seenInBetween = new AtomicInteger();
        for (int seed = 0; seed < 100; seed++) {
            try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
                SimulatedDisk disk = new SimulatedDisk(scheduler);
                SimulatedVfs vfs = disk.start("p");
                AtomicBoolean told = new AtomicBoolean();
                scheduler.spawn(vfs.process(), "maker", () -> {
                    try {
                        vfs.create(Path.of("/f"));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                    told.set(true);
                });
                scheduler.spawn(vfs.process(), "looker", () -> {
                    for (int i = 0; i < 5; i++) {
                        scheduler.reach("look");
                        if (!told.get() && disk.trace().stream().anyMatch(o -> o.kind() == Kind.CREATE)) {
                            seenInBetween.incrementAndGet();
                        }
                    }
                });
                scheduler.run();
            }
        }
        assertThat(seenInBetween).hasPositiveValue();
    }

    @Test
    void violation_caughtByTheTask_failsTheRunAllTheSame() {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(4)) {
            SimulatedDisk disk = new SimulatedDisk(scheduler);
            SimulatedVfs vfs = disk.start("p");
            AtomicBoolean caught = new AtomicBoolean();
            scheduler.spawn(vfs.process(), "careless", () -> {
                create(vfs, "/f");
                try {
                    vfs.relyOn(Path.of("/f"), 0, "ack");
                } catch (AssertionError error) {
                    caught.set(true);
                }
            });
            assertThatThrownBy(scheduler::run).hasMessageContaining("ack counts on /f");
            assertThat(caught).isTrue();
        }
    }

    @Test
    void foreignThread_duringARun_isRefused() {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(6)) {
            List<Throwable> refused = new ArrayList<>();
            scheduler.spawn("client", () -> {
                Thread foreign = Thread.ofPlatform().unstarted(() -> {
                    try {
                        scheduler.reach("foreign");
                    } catch (IllegalStateException e) {
                        refused.add(e);
                    }
                });
                foreign.start();
                try {
                    foreign.join();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
            scheduler.run();
            assertThat(refused).hasSize(1);
        }
    }

    @Test
    void testThread_betweenRuns_mayDoAllButWait() {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(6)) {
            SimulatedDisk disk = new SimulatedDisk(scheduler);
            Mutex mutex = new Mutex(scheduler, "free");
            mutex.lock();
            create(disk.start("p"), "/f");
            AtomicBoolean ran = new AtomicBoolean();
            scheduler.execute("task", () -> ran.set(true));
            scheduler.run();
            assertThat(ran).isTrue();
            assertThatThrownBy(mutex::lock).isInstanceOf(IllegalStateException.class);
            mutex.unlock();
            Signal foreign = Scheduler.system().newSignal("foreign", 0);
            assertThatThrownBy(() -> scheduler.await(foreign, () -> true)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void monitorHeldAtAPoint_isReportedWithTheStack() {
        for (int seed = 0; ; seed++) {
            SimulatedScheduler scheduler = new SimulatedScheduler(seed);
            scheduler.setBlockedAfter(Duration.ofMillis(200));
            Object monitor = new Object();
            for (String name : List.of("one", "two")) {
                scheduler.spawn(name, () -> {
                    synchronized (monitor) {
                        scheduler.reach("inside");
                    }
                });
            }
            try {
                scheduler.run();
                scheduler.close();
            } catch (AssertionError error) {
                assertThat(error)
                        .hasMessageContaining("waits outside the scheduler")
                        .hasMessageContaining("Seed " + seed);
                scheduler.close(); // harmless
                return;
            }
            assertThat(seed).isLessThan(100);
        }
    }

    @Test
    void clock_moves_onlyByAdvance() {
        SimulatedClock clock = new SimulatedClock();
        clock.advance(Duration.ofSeconds(2));
        assertThat(clock.nanoTime()).isEqualTo(2_000_000_000L);
        clock.jumpWall(Duration.ofHours(-1));
        assertThat(clock.wallMillis()).isEqualTo(SimulatedClock.START_MILLIS + 2000 - 3_600_000);
        assertThat(clock.nanoTime()).isEqualTo(2_000_000_000L);
    }

    @Test
    void processes_oneKilled_otherGoesOn() {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(8)) {
            SimulatedDisk disk = new SimulatedDisk(scheduler);
            SimulatedVfs first = disk.start("first");
            SimulatedVfs second = disk.start("second");
            List<PathKind> seen = new ArrayList<>();
            scheduler.spawn(first.process(), "writer", () -> {
                for (int i = 0; ; i++) {
                    create(first, "/f" + i);
                    scheduler.sleep(10);
                }
            });
            scheduler.spawn(second.process(), "killer", () -> {
                scheduler.sleep(25);
                first.kill();
                scheduler.sleep(100);
                for (int i = 0; i < 5; i++) {
                    seen.add(kind(second, "/f" + i));
                }
            });
            scheduler.run();
            assertThat(seen)
                    .containsExactly(PathKind.FILE, PathKind.FILE, PathKind.FILE, PathKind.ABSENT, PathKind.ABSENT);
            assertThat(first.isAlive()).isFalse();
        }
    }

    private static PathKind kind(SimulatedVfs vfs, String path) {
        try {
            return vfs.kind(Path.of(path));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
