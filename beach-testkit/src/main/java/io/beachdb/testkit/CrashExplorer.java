package io.beachdb.testkit;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Runs a program once, cuts the power before each of its operations, and starts it again on what the disk may hold then:
 * every legal state while few changes are pending, a choice of them beyond. Equal states are looked at once.
 *
 * <p>A recovery is a run too: with a depth of two its operations are cut in turn, in a choice of the states; and so are those of a
 * process that follows one that died while the machine stayed up, and sees what is not on disk.
 *
 * @param <P> what has been promised so far: immutable, with {@code equals}
 */
public final class CrashExplorer<P> {
    /*
     * X1  A moment is the disk right before an operation, and what was promised then. So a cut after the last operation
     *     and before the next one, with an acknowledgement in between, is the next one's moment.
     * X2  A state is what a cut leaves on disk, with what was promised. Equal ones (by fingerprint) need one look.
     * X3  All choices follow from the seed, and the text of a violation repeats it. With several threads it is theirs to decide
     *     which of two equal states is looked at, and so in which of the two the recovery is cut.
     */

    /** A program that keeps promises about its files. */
    public interface Program<P> {
        /** Returns what is promised before it ever ran. */
        P nothing();

        /** Runs from its beginning to its end, on an empty disk. */
        void run(SimulatedDisk disk, Promises<P> promises);

        /**
         * Starts again after a cut, compares what is there with what was promised, and goes on for a little: so that a
         * further cut has something to lose.
         *
         * @throws AssertionError if a promise is broken; whatever else it throws is taken for that as well
         */
        void recover(SimulatedDisk disk, P promise, Promises<P> promises);
    }

    /** Where a running program says what it has promised. */
    public static final class Promises<P> {
        private volatile Supplier<P> current;

        Promises(P first) {
            current = () -> first;
        }

        /** From here on {@code promise} holds, whatever happens. */
        public void set(P promise) {
            current = () -> promise;
        }

        /** From here on what {@code promise} returns holds, at each moment. */
        public void follow(Supplier<P> promise) {
            current = promise;
        }

        P current() {
            return current.get();
        }
    }

    /** X1. */
    private record Moment<P>(
            int index, @Nullable DiskOperation before, List<DiskOperation> trace, SimulatedDisk disk, P promise) {}

    /** X2. */
    private record State<P>(long fingerprint, P promise) {}

    /** Where a promise was broken, and by which cut (null: the death of the process); {@code before} leads to the disk. */
    private record Found<P>(
            Moment<P> moment, String before, @Nullable CutPolicy policy, Throwable broken) {}

    /**
     * What an exploration came to.
     *
     * @param moments where the power was cut, in the first run
     * @param cuts how often it was cut in all
     * @param states distinct states among what was left, each recovered from
     * @param statesByDepth how many of them after one cut, after two in a row, and so on; the death of a process counts as a cut
     * @param violations a few texts that say what was broken, by the loss of as little as can be, whether a journalling file
     *     system would show it too, and how to see it again
     */
    public record Result(long moments, long cuts, long states, List<Long> statesByDepth, List<String> violations) {
        /** Says how much was looked at, and what was found. */
        @Override
        public String toString() {
            return "cut at " + moments + " moments, " + cuts + " cuts, " + states + " distinct states, by depth "
                    + statesByDepth + ", " + violations.size() + " violations"
                    + violations.stream().map(violation -> "\n" + violation).collect(Collectors.joining());
        }
    }

    private static final String DEATH = "death"; // in place of a policy
    private static final int TIMELINE = 30;

    private final Program<P> program;
    private final long seed;
    private final int exhaustive;
    private final int exhaustiveNames;
    private final int samples;
    private final int depth;
    private final int nestedOneIn;
    private final int threads;
    private final int maxViolations;

    private final AtomicLongArray statesByDepth;
    private final Set<State<P>> seen = ConcurrentHashMap.newKeySet();
    private final AtomicLong cuts = new AtomicLong();
    private final ConcurrentLinkedQueue<Found<P>> found = new ConcurrentLinkedQueue<>();

    private CrashExplorer(Builder<P> builder) {
        this.program = builder.program;
        this.seed = builder.seed;
        this.exhaustive = builder.exhaustive;
        this.exhaustiveNames = builder.exhaustiveNames < 0 ? exhaustive : builder.exhaustiveNames;
        this.samples = builder.samples;
        this.depth = builder.depth;
        this.nestedOneIn = builder.nestedOneIn;
        this.threads = builder.threads;
        this.maxViolations = builder.maxViolations;
        this.statesByDepth = new AtomicLongArray(depth);
    }

    /** Begins to say how to explore a program. */
    public static <P> Builder<P> of(Program<P> program) {
        return new Builder<>(program);
    }

    /** How to explore. */
    public static final class Builder<P> {
        private final Program<P> program;
        private long seed = 1;
        private int exhaustive = 6;
        private int exhaustiveNames = -1;
        private int samples = 4;
        private int depth = 1;
        private int nestedOneIn = 20;
        private int threads = 1;
        private int maxViolations = 5;

        private Builder(Program<P> program) {
            this.program = program;
        }

        /** Sets the seed of everything that is left to chance. */
        public Builder<P> seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** Sets up to how many pending changes all their subsets are tried, 0 to 16; 6 at first. */
        public Builder<P> exhaustive(int changes) {
            this.exhaustive = changes;
            return this;
        }

        /**
         * Sets up to how many pending changes of names all their subsets are tried, with bytes of all sorts, 0 to 16; as many as of
         * all changes at first. Each more doubles what is tried at a moment.
         */
        public Builder<P> exhaustiveNames(int names) {
            this.exhaustiveNames = names;
            return this;
        }

        /**
         * Sets how many of each kind are tried beyond that; 4 at first. Of changes of names each is lost alone, however many there
         * are.
         */
        public Builder<P> samples(int samples) {
            this.samples = samples;
            return this;
        }

        /** Sets how often the power is cut in a row, 1 or more: the recovery from one cut is cut too. 1 at first. */
        public Builder<P> depth(int depth) {
            this.depth = depth;
            return this;
        }

        /** Sets in one of how many states the recovery is cut; 20 at first. */
        public Builder<P> nestedOneIn(int states) {
            this.nestedOneIn = states;
            return this;
        }

        /** Sets after how many violations to stop; 5 at first. Each is shrunk, which takes longer than to find it. */
        public Builder<P> maxViolations(int most) {
            this.maxViolations = most;
            return this;
        }

        /** Sets how many threads explore at once; 1 at first. */
        public Builder<P> threads(int threads) {
            this.threads = threads;
            return this;
        }

        /** Runs the program and explores. */
        public Result explore() {
            return new CrashExplorer<>(this).exploreAll();
        }

        /**
         * Repeats one state of an exploration with the same seed.
         *
         * @param path as a violation names it: moment and policy of each cut, by semicolons
         * @throws AssertionError if a promise is broken there
         * @throws IllegalArgumentException if there is no such state
         */
        public void replay(String path) {
            new CrashExplorer<>(this).replayPath(path);
        }
    }

    private Result exploreAll() {
        SimulatedDisk first = new SimulatedDisk();
        List<Moment<P>> moments = record(first, program::run, program.nothing());
        assertNoViolation(first); // the program may have swallowed it
        Limits limits = new Limits(exhaustive, exhaustiveNames, samples);
        Workers.forEach("crash-explorer", threads, moments, moment -> explore(moment, "", depth, limits));
        List<String> violations = found.stream().map(this::report).toList();
        List<Long> byDepth =
                IntStream.range(0, depth).mapToObj(statesByDepth::get).toList();
        return new Result(moments.size(), cuts.get(), seen.size(), byDepth, violations);
    }

    /** How much is tried at a moment. */
    private record Limits(int exhaustive, int exhaustiveNames, int samples) {
        /** Returns those of the moments of a recovery, of which there are many. */
        Limits nested() {
            return new Limits(Math.min(exhaustive, 2), Math.min(exhaustiveNames, 2), 1);
        }

        List<CutPolicy> policies(SimulatedDisk disk, long seed) {
            return CutPolicy.exploring(disk, exhaustive, exhaustiveNames, samples, seed);
        }
    }

    private interface Run<P> {
        void on(SimulatedDisk disk, Promises<P> promises);
    }

    /** Runs something, and keeps the disk as it was before each operation that a cut may prevent. */
    private static <P> List<Moment<P>> record(SimulatedDisk disk, Run<P> run, P first) {
        Promises<P> promises = new Promises<>(first);
        List<Moment<P>> moments = new ArrayList<>();
        ArrayDeque<DiskOperation> last = new ArrayDeque<>();
        disk.onOperation(operation -> {
            if (operation.kind().isCutPoint()) {
                moments.add(
                        new Moment<>(moments.size(), operation, List.copyOf(last), disk.copy(), promises.current()));
                if (last.size() == TIMELINE) {
                    last.removeFirst();
                }
                last.addLast(operation);
            }
        });
        run.on(disk, promises);
        moments.add(new Moment<>(moments.size(), null, List.copyOf(last), disk.copy(), promises.current()));
        return moments;
    }

    /** @param before how to come to the disk that the moment is of; empty for the first run */
    private void explore(Moment<P> moment, String before, int levels, Limits limits) {
        if (levels > 1 && isChosen(before + moment.index)) {
            exploreDeath(moment, before, levels, limits);
        }
        long own = SimulatedRandom.mix(seed ^ SimulatedRandom.mix(moment.index + 1L) ^ before.hashCode());
        for (CutPolicy policy : limits.policies(moment.disk, own)) {
            if (found.size() >= maxViolations) {
                return;
            }
            cuts.incrementAndGet();
            SimulatedDisk disk = moment.disk.copy();
            disk.cutPower(policy);
            if (!seen.add(new State<>(disk.fingerprint(), moment.promise))) {
                continue;
            }
            statesByDepth.incrementAndGet(depth - levels);
            String path = before + moment.index + " " + policy;
            try {
                if (levels > 1 && isChosen(path)) {
                    exploreRecovery(disk, moment, path, levels, limits);
                } else {
                    recovery(moment).on(disk, new Promises<>(moment.promise));
                    assertNoViolation(disk);
                }
            } catch (RuntimeException | Error e) {
                found.add(new Found<>(moment, before, policy, e));
            }
        }
    }

    private boolean isChosen(String path) {
        return Math.floorMod(SimulatedRandom.mix(path.hashCode() ^ seed), nestedOneIn) == 0;
    }

    /** The process dies, and the machine does not: the next one sees all that was done, on disk or not. */
    private void exploreDeath(Moment<P> moment, String before, int levels, Limits limits) {
        String path = before + moment.index + " " + DEATH;
        try {
            exploreRecovery(moment.disk.copy(), moment, path, levels, limits);
        } catch (RuntimeException | Error e) {
            found.add(new Found<>(moment, before, null, e));
        }
    }

    private void exploreRecovery(SimulatedDisk disk, Moment<P> moment, String path, int levels, Limits limits) {
        List<Moment<P>> inner = record(disk, recovery(moment), moment.promise);
        assertNoViolation(disk);
        for (Moment<P> each : inner) {
            explore(each, path + "; ", levels - 1, limits.nested());
        }
    }

    private Run<P> recovery(Moment<P> moment) {
        return (disk, promises) -> program.recover(disk, moment.promise, promises);
    }

    private static void assertNoViolation(SimulatedDisk disk) {
        if (!disk.violations().isEmpty()) {
            throw new AssertionError(disk.violations().getFirst());
        }
    }

    /** Returns what breaks when the power is cut there, or the process dies; null if nothing does. */
    private @Nullable Throwable broken(Moment<P> moment, @Nullable CutPolicy policy) {
        SimulatedDisk disk = moment.disk.copy();
        if (policy != null) {
            disk.cutPower(policy);
        }
        try {
            recovery(moment).on(disk, new Promises<>(moment.promise));
            assertNoViolation(disk);
            return null;
        } catch (RuntimeException | Error e) {
            return e;
        }
    }

    // ---- what is told of a violation

    private String report(Found<P> found) {
        Moment<P> moment = found.moment;
        if (broken(moment, found.policy) == null) {
            return "seed " + seed + ", state \"" + found.before + moment.index + " "
                    + (found.policy == null ? DEATH : found.policy) + "\" broke once, and not again: " + found.broken;
        }
        CutPolicy policy = found.policy == null ? null : shrunk(moment, found.policy);
        SimulatedDisk left = moment.disk.copy();
        String decision = policy == null ? "" : left.cutPower(policy).toString();
        StringBuilder text = new StringBuilder("seed " + seed + ", state \"" + found.before + moment.index + " "
                + (policy == null ? DEATH : policy) + "\": " + broken(moment, policy) + "\n");
        text.append(
                breaksOnAJournal(found.before, moment.index)
                        ? "On a journalling file system too: "
                        : "By the POSIX minimum: ");
        text.append("the last operations:\n");
        for (DiskOperation operation : moment.trace) {
            text.append("  ").append(operation).append('\n');
        }
        text.append(policy == null ? "  DEATH OF THE PROCESS " : "  POWER CUT ")
                .append(moment.before == null ? "at the end" : "before " + moment.before);
        text.append("\nwhat became of what was not on disk:\n").append(decision);
        text.append("promised: ").append(moment.promise).append('\n');
        text.append("left: ").append(left.tree()).append('\n');
        return text.toString();
    }

    /** Loses as little as still breaks something; as it was, if what it loses cannot be told change by change. */
    private CutPolicy shrunk(Moment<P> moment, CutPolicy policy) {
        CutDecision decision = moment.disk.copy().cutPower(policy);
        TreeSet<Integer> lost = new TreeSet<>();
        for (int i = 0; i < decision.events().size(); i++) {
            if (!decision.events().get(i).isKept()) {
                lost.add(i);
            }
        }
        if (broken(moment, CutPolicy.losing(lost)) == null) {
            return policy;
        }
        for (Integer index : List.copyOf(lost)) {
            lost.remove(index);
            if (broken(moment, CutPolicy.losing(lost)) == null) {
                lost.add(index);
            }
        }
        return CutPolicy.losing(lost);
    }

    /** Returns whether the same moment has a bad state also where a sync of a file saves its names. */
    private boolean breaksOnAJournal(String before, int index) {
        SimulatedDisk disk = new SimulatedDisk();
        disk.setJournalling(true);
        try {
            Moment<P> moment = moment(reach(disk, before), index);
            Limits limits = new Limits(exhaustive, exhaustiveNames, samples);
            for (CutPolicy policy : limits.policies(moment.disk, seed)) {
                if (broken(moment, policy) != null) {
                    return true;
                }
            }
            return false;
        } catch (IllegalArgumentException noSuchMoment) {
            return false; // the runs part ways
        }
    }

    // ---- going where a text leads

    /** A disk, and what runs on it next. */
    private record Reached<P>(SimulatedDisk disk, Run<P> run, P promise) {}

    /** Makes the cuts that a text names, from the first run on. */
    private Reached<P> reach(SimulatedDisk empty, String path) {
        Reached<P> at = new Reached<>(empty, program::run, program.nothing());
        for (String step : path.isBlank() ? new String[0] : path.strip().split("; ?")) {
            if (!step.matches("[0-9]{1,9} .+")) {
                throw new IllegalArgumentException(
                        "a state is cuts by semicolons, each a moment and a policy; found " + step);
            }
            int space = step.indexOf(' ');
            Moment<P> moment = moment(at, Integer.parseInt(step.substring(0, space)));
            SimulatedDisk disk = moment.disk.copy();
            String what = step.substring(space + 1);
            if (!what.equals(DEATH)) {
                disk.cutPower(CutPolicy.parse(what));
            }
            at = new Reached<>(disk, recovery(moment), moment.promise);
        }
        return at;
    }

    private static <P> Moment<P> moment(Reached<P> at, int index) {
        List<Moment<P>> moments = record(at.disk, at.run, at.promise);
        if (index >= moments.size()) {
            throw new IllegalArgumentException("moment is " + index + ", there are " + moments.size());
        }
        return moments.get(index);
    }

    private void replayPath(String path) {
        if (path.isBlank()) {
            throw new IllegalArgumentException(
                    "a state is moment and policy of each cut, by semicolons, as \"5 none\"");
        }
        Reached<P> at = reach(new SimulatedDisk(), path);
        at.run.on(at.disk, new Promises<>(at.promise));
        assertNoViolation(at.disk);
    }
}
