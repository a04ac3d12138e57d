package io.beachdb.testkit;

import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A scheduler that a seed decides: of all tasks exactly one runs at a time, and at every point (execute, await, wake,
 * reach, and each operation of a {@link SimulatedDisk} made with this scheduler) the seed chooses who goes on. Equal
 * seeds give equal runs, as far as the tasks do nothing that depends on anything else: {@link #traceHash} shows it.
 *
 * <p>A test starts its clients with {@link #spawn} and calls {@link #run}, which returns when all clients are done and
 * nobody else can go on. Time stands still while anybody can run, then jumps to the next timer. If a client waits and
 * there is no timer either, that is a deadlock, and {@code run} says who waits for what. Any error that leaves a task
 * ends the run and is thrown by {@code run}.
 *
 * <p>Only tasks may wait. Other threads may call the scheduler before and after a run, for things that need no waiting;
 * during a run, or to wait, that is an {@link IllegalStateException}. Close the scheduler: it ends the tasks that are left.
 *
 * <p>A task must not hold a monitor at a point: the one that goes on may want it, and nobody would run any more. That is
 * found, after a while, and reported with the stack of the blocked task.
 */
public final class SimulatedScheduler implements Scheduler, AutoCloseable {
    /*
     * C1  At most one thread runs: that of the task in `running`, or the test's while `running` is null. Whoever runs owns
     *     all fields here. The baton is passed by a volatile write to the next one's `turn`.
     * C2  Every choice is drawn from `random` over lists whose order depends on earlier choices only.
     * C3  Tasks of a crashed process go on before all others, to unwind: their next point throws, timers and new tasks of
     *     theirs are dropped, and they wake nobody.
     */

    /** Most steps of a run, unless set otherwise. */
    public static final long DEFAULT_MAX_STEPS = 20_000_000;

    private static final int RECENT_STEPS = 64;
    private static final int MAX_UNWINDING_STEPS = 100_000;
    private static final int STACK_FRAMES_SHOWN = 12;
    private static final long BLOCKED_NANOS = 20_000_000_000L;
    private static final long LOOK_NANOS = 50_000_000L;
    private static final int[] SWITCH_ONE_IN = {1, 2, 4, 16, 64};

    private static final String OWN_NAME = SimulatedScheduler.class.getName();

    /** Unwinds a task whose process has crashed, or whose scheduler is closed. */
    private static final class Unwind extends Error {
        private static final long serialVersionUID = 1L;

        Unwind() {
            super("the task's process has ended", null, false, false);
        }
    }

    /** One task, on a thread of its own. */
    private final class Task implements Runnable {
        private final int id;
        private final String name;
        private final @Nullable SimulatedProcess process;
        private final boolean client;
        private final Runnable body;
        private final Thread thread;
        private boolean started;
        private boolean unwinding;
        private int unwindingSteps;
        private boolean inCondition;
        private boolean timedOut;
        private @Nullable SimulatedSignal waitingFor;
        private String lastPoint = "not started";
        private volatile boolean turn;

        Task(String name, @Nullable SimulatedProcess process, boolean client, Runnable body) {
            this.id = ++lastTask;
            this.name = name;
            this.process = process;
            this.client = client;
            this.body = body;
            this.thread = Thread.ofVirtual().name(name).unstarted(this);
        }

        @Override
        public void run() {
            try {
                body.run();
            } catch (SimulatedEnd | Unwind end) {
                if (end instanceof Unwind && !unwinding) {
                    fail(new AssertionError("task " + name + " was unwound by another's end", end));
                }
            } catch (Throwable error) {
                if (!unwinding) {
                    fail(new AssertionError("task " + name + " failed: " + error, error));
                }
            }
            finished(this);
        }

        void resume() {
            if (started) {
                turn = true;
                LockSupport.unpark(thread);
            } else {
                started = true;
                thread.start();
            }
        }

        void awaitTurn() {
            while (!turn) {
                LockSupport.park(this);
            }
            turn = false;
        }

        @Override
        public String toString() {
            return name + (process == null ? "" : " of " + process);
        }
    }

    /** Something to happen at a time. */
    private final class Timer implements Cancellable {
        private final long at;
        private final long order;
        private final @Nullable SimulatedProcess process;
        private final Runnable action;
        private boolean cancelled;

        Timer(long delayNanos, @Nullable SimulatedProcess process, Runnable action) {
            long now = clock.nanoTime();
            this.at = delayNanos > Long.MAX_VALUE - now ? Long.MAX_VALUE : now + Math.max(0, delayNanos);
            this.order = ++lastTimer;
            this.process = process;
            this.action = action;
        }

        @Override
        public void cancel() {
            checkThread();
            cancelled = true;
        }
    }

    /** What tasks wait for. */
    private final class SimulatedSignal implements Signal {
        private final String name;
        private final String wakePoint;
        private final String awaitPoint;
        private final List<Task> waiters = new ArrayList<>();

        SimulatedSignal(String name) {
            this.name = name;
            this.wakePoint = "wake " + name;
            this.awaitPoint = "await " + name;
        }

        SimulatedScheduler owner() {
            return SimulatedScheduler.this;
        }

        @Override
        public void wake() {
            Task waker = checkThread();
            if (waker != null && waker.unwinding) {
                return;
            }
            for (Task waiter : waiters) {
                waiter.waitingFor = null;
                runnable.add(waiter);
            }
            waiters.clear();
            if (waker != null) {
                point(waker, wakePoint);
            }
        }
    }

    // Set once.
    private final long seed;
    private final SimulatedRandom random;
    private final int switchOneIn;
    private final SimulatedClock clock = new SimulatedClock();
    // Owned by whoever runs (C1).
    private final List<Task> runnable = new ArrayList<>();
    private final Deque<Task> ending = new ArrayDeque<>();
    private final Set<Task> tasks = new LinkedHashSet<>(); // all that have not finished
    private final PriorityQueue<Timer> timers =
            new PriorityQueue<>(Comparator.comparingLong((Timer t) -> t.at).thenComparingLong(t -> t.order));
    private final String[] recentTasks = new String[RECENT_STEPS];
    private final String[] recentPoints = new String[RECENT_STEPS];
    private int lastTask;
    private long lastTimer;
    private int clientsLeft;
    private long maxSteps = DEFAULT_MAX_STEPS;
    private long blockedNanos = BLOCKED_NANOS;
    private long traceHash;
    private boolean endingOnly;
    private @Nullable AssertionError failure;
    // Read or written by the test's thread while a task runs.
    private volatile boolean closed;
    private volatile long steps;
    private volatile @Nullable Task running;
    private volatile @Nullable Thread tester;
    private volatile boolean testersTurn = true;

    /** Makes a scheduler whose every choice {@code seed} decides, also how often tasks change places. */
    public SimulatedScheduler(long seed) {
        this.seed = seed;
        this.random = new SimulatedRandom(SimulatedRandom.mix(seed));
        this.switchOneIn = SWITCH_ONE_IN[random.nextInt(SWITCH_ONE_IN.length)];
    }

    /** Bounds the number of points that a run may pass: one that never ends is an error then. */
    public void setMaxSteps(long points) {
        maxSteps = points;
    }

    /** Sets for how long, in real time, a task may run from one point to the next before the run is given up. */
    public void setBlockedAfter(Duration realTime) {
        blockedNanos = realTime.toNanos();
    }

    /** Starts a client task of no process: no crash ends it, but its first use of a file of an ended process does. */
    public void spawn(String name, Runnable body) {
        spawn(null, name, body);
    }

    /** Starts a client task of a process. {@link #run} runs it. */
    public void spawn(@Nullable SimulatedProcess process, String name, Runnable body) {
        checkThread();
        checkOpen();
        clientsLeft++;
        start(new Task(name, process, true, body));
    }

    private void start(Task task) {
        tasks.add(task);
        runnable.add(task);
    }

    /**
     * Runs until every client is done and nothing else can go on without a timer. May be called again, after more clients
     * have been spawned.
     *
     * @throws AssertionError if a task failed, a durability violation was found, clients wait for ever, the steps were not
     *     enough, or a task blocked outside the scheduler; the message holds the seed
     */
    public void run() {
        checkTester("run");
        checkOpen();
        passToTasks();
        AssertionError found = failure;
        if (found != null) {
            close();
            throw new AssertionError(
                    found.getMessage() + "\nseed " + seed + ", step " + steps + "; the last steps:" + recentSteps(),
                    found);
        }
    }

    private String recentSteps() {
        StringBuilder text = new StringBuilder();
        for (long step = Math.max(1, steps - RECENT_STEPS + 1); step <= steps; step++) {
            int at = (int) (step % RECENT_STEPS);
            text.append('\n')
                    .append(step)
                    .append(' ')
                    .append(recentTasks[at])
                    .append(": ")
                    .append(recentPoints[at]);
        }
        return text.toString();
    }

    /** Gives the baton away, and returns when it is back. */
    private void passToTasks() {
        Task next = pickNext();
        if (next == null) {
            return;
        }
        tester = Thread.currentThread();
        testersTurn = false;
        passTo(next);
        long lastSteps = -1;
        long lastProgress = System.nanoTime();
        while (!testersTurn) {
            LockSupport.parkNanos(this, LOOK_NANOS);
            if (steps != lastSteps) {
                lastSteps = steps;
                lastProgress = System.nanoTime();
            } else if (!testersTurn && System.nanoTime() - lastProgress > blockedNanos) {
                closed = true; // its threads are given up
                throw new AssertionError(blocked());
            }
        }
    }

    private String blocked() {
        Task task = running;
        StringBuilder text = new StringBuilder("no step for " + blockedNanos / 1_000_000
                + " ms: a task waits outside the scheduler, on a monitor that a task held at a point, or computes for ever. "
                + "Seed " + seed + ".");
        if (task != null) {
            text.append("\nIt is ").append(task).append(", last at ").append(task.lastPoint);
            appendStack(text, task);
        }
        return text.toString();
    }

    private void passTo(Task next) {
        running = next;
        next.resume();
    }

    private void passToTester() {
        running = null;
        testersTurn = true;
        LockSupport.unpark(tester);
    }

    /** Chooses who goes on when the one who ran cannot; null: the test. */
    private @Nullable Task pickNext() {
        while (true) {
            Task first = ending.poll();
            if (first != null) {
                return first;
            }
            if (endingOnly || failure != null) {
                return null;
            }
            if (!runnable.isEmpty()) {
                return choose();
            }
            if (clientsLeft == 0) {
                return null;
            }
            if (!fireTimers()) {
                failure = new AssertionError("deadlock: no task can go on, and there is no timer." + waiting());
                return null;
            }
        }
    }

    private Task choose() {
        int at = random.nextInt(runnable.size());
        Task chosen = runnable.get(at);
        runnable.set(at, runnable.getLast());
        runnable.removeLast();
        return chosen;
    }

    private boolean fireTimers() {
        while (!timers.isEmpty() && timers.peek().cancelled) {
            timers.poll();
        }
        Timer first = timers.peek();
        if (first == null) {
            return false;
        }
        clock.advanceTo(first.at);
        while (!timers.isEmpty() && timers.peek().at <= clock.nanoTime()) {
            Timer due = timers.poll();
            if (!due.cancelled) {
                due.action.run();
            }
        }
        return true;
    }

    /** A point: the running task may lose its turn here. */
    private void point(Task task, String point) {
        if (task.inCondition) {
            return;
        }
        if (task.unwinding) {
            unwindFurther(task);
        }
        task.lastPoint = point;
        step(task, point);
        if (!ending.isEmpty() || failure != null) {
            runnable.add(task);
            block(task);
        } else if (!runnable.isEmpty() && random.nextInt(switchOneIn) == 0) {
            Task next = choose();
            runnable.add(task);
            passTo(next);
            continueWhenTurn(task);
        }
    }

    private void step(Task task, String point) {
        long step = steps + 1; // one thread runs at a time
        steps = step;
        traceHash = SimulatedRandom.mix(traceHash ^ (long) task.id << 32 ^ point.hashCode());
        recentTasks[(int) (step % RECENT_STEPS)] = task.name;
        recentPoints[(int) (step % RECENT_STEPS)] = point;
        if (step >= maxSteps && failure == null) {
            failure = new AssertionError("the run has not ended after " + maxSteps + " steps." + waiting());
        }
    }

    /** Lets somebody else run until it is this task's turn again. */
    private void block(Task task) {
        Task next = pickNext();
        if (next == task) {
            return;
        }
        if (next == null) {
            passToTester();
        } else {
            passTo(next);
        }
        continueWhenTurn(task);
    }

    private static void continueWhenTurn(Task task) {
        task.awaitTurn();
        if (task.unwinding) {
            throw new Unwind();
        }
    }

    private void unwindFurther(Task task) {
        if (++task.unwindingSteps > MAX_UNWINDING_STEPS) {
            fail(new AssertionError(
                    "task " + task + " does not end with its process: it catches every error and goes on"));
            finished(task);
            while (true) {
                LockSupport.park(task); // for ever; the thread is given up
            }
        }
        throw new Unwind();
    }

    private void finished(Task task) {
        tasks.remove(task);
        if (task.client) {
            clientsLeft--;
        }
        Task next = pickNext();
        if (next == null) {
            passToTester();
        } else {
            passTo(next);
        }
    }

    /** Ends the run with an error, the first one given. */
    void fail(AssertionError error) {
        if (failure == null) {
            failure = error;
        }
    }

    // ---- crashes

    /**
     * Ends all tasks and timers of a process: the ones not started never are, the others unwind at their next point, before
     * anybody else goes on.
     */
    public void crash(SimulatedProcess process) {
        checkThread();
        end(List.copyOf(tasks).stream().filter(task -> task.process == process).toList());
        timers.removeIf(timer -> timer.process == process);
    }

    private void end(List<Task> ended) {
        for (Task task : ended) {
            if (task.unwinding) {
                continue;
            }
            task.unwinding = true;
            runnable.remove(task);
            if (task.waitingFor != null) {
                task.waitingFor.waiters.remove(task);
                task.waitingFor = null;
            }
            if (!task.started) {
                tasks.remove(task);
                clientsLeft -= task.client ? 1 : 0;
            } else if (task != running) {
                ending.add(task);
            }
        }
    }

    /** Ends every task that is left. Closing twice is harmless. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        checkTester("close");
        closed = true;
        endingOnly = true;
        timers.clear();
        end(List.copyOf(tasks));
        passToTasks();
    }

    // ---- Scheduler

    @Override
    public void execute(String name, Runnable task) {
        Task creator = checkThread();
        if (creator != null && creator.unwinding) {
            return;
        }
        checkOpen();
        start(new Task(name, creator == null ? null : creator.process, false, task));
        if (creator != null) {
            point(creator, "execute");
        }
    }

    @Override
    public Cancellable after(long delayNanos, String name, Runnable task) {
        Task creator = checkThread();
        if (creator != null && creator.unwinding) {
            return () -> {};
        }
        checkOpen();
        SimulatedProcess process = creator == null ? null : creator.process;
        Timer timer = new Timer(delayNanos, process, () -> start(new Task(name, process, false, task)));
        timers.add(timer);
        return timer;
    }

    @Override
    public Signal newSignal(String name, long spinNanos) {
        return new SimulatedSignal(name);
    }

    @Override
    public void await(Signal signal, BooleanSupplier condition) {
        await(signal, condition, false, 0);
    }

    @Override
    public boolean await(Signal signal, BooleanSupplier condition, long timeoutNanos) {
        return await(signal, condition, true, timeoutNanos);
    }

    private boolean await(Signal given, BooleanSupplier condition, boolean timed, long timeoutNanos) {
        if (!(given instanceof SimulatedSignal signal) || signal.owner() != this) {
            throw new IllegalArgumentException(given + " is a signal of another scheduler");
        }
        Task task = checkThread();
        if (task == null) {
            if (condition.getAsBoolean()) {
                return true;
            }
            throw new IllegalStateException("only a task can wait for " + signal.name + ": spawn one, and run()");
        }
        point(task, signal.awaitPoint);
        if (holds(task, condition)) {
            return true;
        }
        if (timed && timeoutNanos <= 0) {
            return false;
        }
        Timer timeout = timed ? new Timer(timeoutNanos, task.process, () -> timeOut(task)) : null;
        if (timeout != null) {
            timers.add(timeout);
        }
        task.timedOut = false;
        try {
            while (true) {
                task.waitingFor = signal;
                signal.waiters.add(task);
                block(task);
                if (holds(task, condition)) {
                    return true;
                }
                if (task.timedOut) {
                    return false;
                }
            }
        } finally {
            if (timeout != null) {
                timeout.cancelled = true;
            }
        }
    }

    private void timeOut(Task task) {
        task.timedOut = true;
        if (task.waitingFor != null) {
            task.waitingFor.waiters.remove(task);
            task.waitingFor = null;
            runnable.add(task);
        }
    }

    private static boolean holds(Task task, BooleanSupplier condition) {
        task.inCondition = true;
        try {
            return condition.getAsBoolean();
        } finally {
            task.inCondition = false;
        }
    }

    @Override
    public void reach(String point) {
        Task task = checkThread();
        if (task != null) {
            point(task, point);
        }
    }

    @Override
    public SimulatedClock clock() {
        return clock;
    }

    /** Lets a task wait for a time. */
    public void sleep(long nanos) {
        if (await(new SimulatedSignal("time"), () -> false, nanos)) {
            throw new AssertionError("woken from a sleep that nobody can end");
        }
    }

    // ---- what happened

    /** Returns the seed. */
    public long seed() {
        return seed;
    }

    /** Returns how many points were passed. */
    public long steps() {
        return steps;
    }

    /** Returns a number that is equal for equal schedules: who was at which point, in order. */
    public long traceHash() {
        return traceHash;
    }

    /** Returns how many tasks have not finished, those that nobody waits for included. */
    public int tasksLeft() {
        checkThread();
        return tasks.size();
    }

    private String waiting() {
        StringBuilder text = new StringBuilder();
        for (Task task : tasks) {
            SimulatedSignal signal = task.waitingFor;
            text.append('\n').append(task);
            if (signal == null) {
                text.append(" can run, last at ").append(task.lastPoint);
            } else {
                text.append(" waits for ").append(signal.name);
                appendStack(text, task);
            }
        }
        return text.toString();
    }

    private static void appendStack(StringBuilder text, Task task) {
        int shown = 0;
        for (StackTraceElement frame : task.thread.getStackTrace()) {
            String type = frame.getClassName();
            boolean ours = type.equals(OWN_NAME) || type.startsWith(OWN_NAME + "$") || type.startsWith("java.");
            if (!ours && shown++ < STACK_FRAMES_SHOWN) {
                text.append("\n    at ").append(frame);
            }
        }
    }

    // ---- threads

    /** Returns the calling task; null for a thread of the test between runs. */
    private @Nullable Task checkThread() {
        Task task = running;
        if (task == null) {
            return null;
        }
        if (task.thread != Thread.currentThread()) {
            throw new IllegalStateException("thread " + Thread.currentThread().getName()
                    + " is no task of this scheduler, and a run goes on: spawn a task");
        }
        return task;
    }

    private void checkTester(String operation) {
        if (running != null) {
            throw new IllegalStateException(operation + " is for the test, between runs");
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the scheduler is closed");
        }
    }
}
