package io.beachdb.dbtestkit;

import io.beachdb.testkit.SimulatedRandom;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What an {@link EngineSimulation} plays: everything that a seed decides, or a part of it. Its text repeats the run.
 *
 * @param seed decides how many clients and lives there are, the options, fates and troubles of each life, and what each step of
 *     each client is; one step does not depend on those before it, so that any may be left out
 * @param schedule decides, with the seed, who goes on when, and where the power is cut
 * @param within a cut, a kill or an error comes within so many operations from the start of a life
 * @param lives which lives there are, from 0; one more always follows, to compare
 * @param steps which steps the clients do, by {@link #step}
 */
public record SimulationPlan(long seed, int schedule, int within, BitSet lives, BitSet steps) {
    /** How many things each client does in each life. */
    static final int STEPS = 40;

    private static final int MAX_CLIENTS = 4;
    private static final int MAX_LIVES = 4;
    private static final int WITHIN = 900;
    private static final String RANGES = "((?:\\d+(?:-\\d+)?(?:,\\d+(?:-\\d+)?)*)?)";
    private static final Pattern TEXT =
            Pattern.compile("seed=(-?\\d+) schedule=(\\d+) within=(\\d+) lives=" + RANGES + " steps=" + RANGES);

    public SimulationPlan {
        lives = (BitSet) lives.clone();
        steps = (BitSet) steps.clone();
    }

    /** Returns all that a seed decides. */
    public static SimulationPlan of(long seed) {
        BitSet lives = new BitSet();
        lives.set(0, 1 + random(seed, 1).nextInt(MAX_LIVES));
        BitSet steps = new BitSet();
        for (int life = lives.nextSetBit(0); life >= 0; life = lives.nextSetBit(life + 1)) {
            for (int client = 0; client < clients(seed); client++) {
                steps.set(step(life, client, 0), step(life, client, STEPS));
            }
        }
        return new SimulationPlan(seed, 0, WITHIN, lives, steps);
    }

    /** Returns the plan of a text, as {@link #toString} gives it. */
    public static SimulationPlan parse(String text) {
        Matcher matcher = TEXT.matcher(text.strip());
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text + "' is no plan of a simulation; one looks like " + of(1));
        }
        try {
            long seed = Long.parseLong(matcher.group(1));
            SimulationPlan whole = of(seed);
            return new SimulationPlan(
                    seed,
                    Integer.parseInt(matcher.group(2)),
                    Math.max(1, Integer.parseInt(matcher.group(3))),
                    ranges(matcher.group(4), whole.lives),
                    ranges(matcher.group(5), whole.steps));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "' is no plan of a simulation: " + e.getMessage(), e);
        }
    }

    private static BitSet ranges(String text, BitSet allowed) {
        BitSet set = new BitSet();
        for (String range : text.isEmpty() ? new String[0] : text.split(",")) {
            String[] ends = range.split("-");
            int from = Integer.parseInt(ends[0]);
            int to = Integer.parseInt(ends[ends.length - 1]);
            if (from > to || to >= allowed.length()) {
                throw new IllegalArgumentException("'" + range + "' is not within 0-" + (allowed.length() - 1));
            }
            set.set(from, to + 1);
        }
        set.and(allowed);
        return set;
    }

    private static String ranges(BitSet set) {
        List<String> ranges = new ArrayList<>();
        for (int from = set.nextSetBit(0); from >= 0; ) {
            int to = set.nextClearBit(from) - 1;
            ranges.add(from == to ? "" + from : from + "-" + to);
            from = set.nextSetBit(to + 1);
        }
        return String.join(",", ranges);
    }

    /** Returns the number of a step. */
    static int step(int life, int client, int index) {
        return (life * MAX_CLIENTS + client) * STEPS + index;
    }

    static int clientOf(int step) {
        return step / STEPS % MAX_CLIENTS;
    }

    private static int clients(long seed) {
        return 1 + random(seed, 2).nextInt(MAX_CLIENTS);
    }

    int clients() {
        return clients(seed);
    }

    /** Returns random bits for one thing, that nothing drawn for another influences. */
    static SimulatedRandom random(long seed, long... what) {
        long bits = seed;
        for (long part : what) {
            bits = new SimulatedRandom(bits ^ part * 0x9E37_79B9L).nextLong();
        }
        return new SimulatedRandom(bits);
    }

    BitSet steps(Predicate<Integer> of) {
        BitSet some = new BitSet();
        steps.stream().filter(of::test).forEach(some::set);
        return some;
    }

    SimulationPlan withSchedule(int other) {
        return new SimulationPlan(seed, other, within, lives, steps);
    }

    SimulationPlan withWithin(int other) {
        return new SimulationPlan(seed, schedule, other, lives, steps);
    }

    SimulationPlan withoutLife(int life) {
        BitSet fewer = (BitSet) lives.clone();
        fewer.clear(life);
        BitSet left = (BitSet) steps.clone();
        left.clear(step(life, 0, 0), step(life + 1, 0, 0));
        return new SimulationPlan(seed, schedule, within, fewer, left);
    }

    SimulationPlan withoutSteps(BitSet some) {
        BitSet left = (BitSet) steps.clone();
        left.andNot(some);
        return new SimulationPlan(seed, schedule, within, lives, left);
    }

    @Override
    public String toString() {
        return "seed=" + seed + " schedule=" + schedule + " within=" + within + " lives=" + ranges(lives) + " steps="
                + ranges(steps);
    }
}
