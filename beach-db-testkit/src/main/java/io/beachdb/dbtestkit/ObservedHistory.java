package io.beachdb.dbtestkit;

import io.beachdb.testkit.SimulatedScheduler;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What clients did to a few keys that they share and what they saw of them, and whether it can have happened: every operation
 * at one moment between its call and its return, all of them one after the other. For single keys that is
 * linearizability; for batches, and for snapshots whose moment lies within the call of {@code snapshot()}, strict
 * serializability. What is found after a crash must be the state after some of these moments, none of the promised
 * writes being later.
 *
 * <p>The search goes through all orders that calls and returns allow (Wing and Gong, "Testing and verifying concurrent objects", 1993)
 * and remembers where it has been (Lowe, "Testing for linearizability", 2017). For tasks of one {@link SimulatedScheduler}.
 */
final class ObservedHistory {
    /** What a key holds that is absent. Values are numbers from 1 on. */
    static final int ABSENT = 0;

    /** For a key that an operation does not write, or has not read. */
    static final int UNTOUCHED = -1;

    private static final long NEVER = Long.MAX_VALUE;

    /** One write, of one or several keys, or one read. */
    final class Operation {
        private final String who;
        private final boolean writes;
        private final int[] values;
        private final long called = ++moments;
        private long returned = NEVER;
        private boolean durable;

        private Operation(String who, boolean writes, int[] values) {
            this.who = who;
            this.writes = writes;
            this.values = values;
        }

        /** It has returned: its moment is over. */
        void returned() {
            returned = ++moments;
        }

        /** It has returned, and will be there after a power cut. */
        void returnedDurable() {
            returned();
            durable = true;
        }

        /** A write was refused: it must never be seen. */
        void refused() {
            operations.remove(this);
        }

        /** A read saw this; may be called after it returned. */
        void saw(int key, int value) {
            if (values[key] != UNTOUCHED && values[key] != value) {
                throw new AssertionError(who + " saw " + name(values[key]) + " and then " + name(value) + " at key "
                        + key + " in one snapshot");
            }
            values[key] = value;
        }

        private boolean isComplete() {
            return returned != NEVER;
        }

        private boolean mustBeThere() {
            return writes && isComplete() && (durable || !powerLost);
        }

        private boolean fits(int[] state) {
            for (int key = 0; key < values.length && !writes; key++) {
                if (values[key] != UNTOUCHED && values[key] != state[key]) {
                    return false;
                }
            }
            return true;
        }

        private int[] after(int[] state) {
            int[] next = state.clone();
            for (int key = 0; key < values.length && writes; key++) {
                next[key] = values[key] == UNTOUCHED ? state[key] : values[key];
            }
            return next;
        }

        @Override
        public String toString() {
            return who + (writes ? " writes " : " reads ") + text(values) + " [" + called + ", "
                    + (isComplete() ? returned : "no return") + "]";
        }
    }

    /** Where a search has been: what was done, and what it led to. */
    private record Place(BitSet done, List<Integer> state, boolean cut) {}

    private final List<Operation> operations = new ArrayList<>(); // by call
    private int[] initial;
    private long moments;
    private boolean powerLost;

    /** Begins with {@code keys} keys, all absent. */
    ObservedHistory(int keys) {
        this.initial = new int[keys];
    }

    /**
     * A write is called.
     *
     * @param values by key; {@link #UNTOUCHED} for keys that it leaves alone
     */
    Operation write(String who, int[] values) {
        return add(new Operation(who, true, values.clone()));
    }

    /** A read is called, of one moment; what it sees is told to the result. */
    Operation read(String who) {
        int[] values = new int[initial.length];
        Arrays.fill(values, UNTOUCHED);
        return add(new Operation(who, false, values));
    }

    private Operation add(Operation operation) {
        operations.add(operation);
        return operation;
    }

    /** Returns the writes that have returned by now; for {@link #durable}. */
    List<Operation> returnedWrites() {
        return operations.stream()
                .filter(operation -> operation.writes && operation.isComplete())
                .toList();
    }

    /** These will be there after a power cut. */
    void durable(List<Operation> writes) {
        writes.forEach(write -> write.durable = true);
    }

    /** The power was cut: writes that were only handed over may be lost. */
    void powerLost() {
        powerLost = true;
    }

    /**
     * Checks all that was seen since the last time, and what an opening found now; goes on from there.
     *
     * @param found by key
     * @throws AssertionError if it cannot have happened
     */
    void check(int[] found) {
        Search search = new Search(found);
        if (!search.place(new BitSet(), initial, false)) {
            throw new AssertionError(search.explanation());
        }
        operations.clear();
        initial = found.clone();
        powerLost = false;
    }

    /** The search for an order. */
    private final class Search {
        private final int[] found;
        private final Set<Place> seen = new HashSet<>();
        private BitSet farthest = new BitSet();
        private int[] farthestState = initial;
        private boolean farthestCut;

        Search(int[] found) {
            this.found = found;
        }

        /** Returns whether what is not done can follow. The earliest possible cut leaves the most ways on. */
        boolean place(BitSet done, int[] state, boolean cutBefore) {
            boolean cut = cutBefore || (Arrays.equals(state, found) && allDone(done, Operation::mustBeThere));
            if (cut && allDone(done, Operation::isComplete)) {
                return true;
            }
            if (!seen.add(new Place(
                    (BitSet) done.clone(), Arrays.stream(state).boxed().toList(), cut))) {
                return false;
            }
            if (done.cardinality() > farthest.cardinality()) {
                farthest = (BitSet) done.clone();
                farthestState = state;
                farthestCut = cut;
            }
            long bound = firstReturn(done);
            for (int i = done.nextClearBit(0); i < operations.size(); i = done.nextClearBit(i + 1)) {
                Operation operation = operations.get(i);
                if (operation.called > bound) {
                    return false; // and all after it
                }
                if ((operation.writes || operation.isComplete()) && operation.fits(state)) {
                    done.set(i);
                    if (place(done, operation.after(state), cut)) {
                        return true;
                    }
                    done.clear(i);
                }
            }
            return false;
        }

        private boolean allDone(BitSet done, Predicate<Operation> needed) {
            for (int i = done.nextClearBit(0); i < operations.size(); i = done.nextClearBit(i + 1)) {
                if (needed.test(operations.get(i))) {
                    return false;
                }
            }
            return true;
        }

        /** Returns when the first of those returned that are not done: what is called later comes later. */
        private long firstReturn(BitSet done) {
            long first = NEVER;
            for (int i = done.nextClearBit(0); i < operations.size(); i = done.nextClearBit(i + 1)) {
                first = Math.min(first, operations.get(i).returned);
            }
            return first;
        }

        String explanation() {
            StringBuilder text = new StringBuilder("no order of the operations on shared keys explains what was seen. ")
                    .append("The longest that does not contradict it has ")
                    .append(farthest.cardinality())
                    .append(" of ")
                    .append(operations.size())
                    .append(" operations and leads from ")
                    .append(text(initial))
                    .append(" to ")
                    .append(text(farthestState))
                    .append(
                            farthestCut
                                    ? ""
                                    : "; the opening found " + text(found) + ", which it does not pass in time")
                    .append("; left are:");
            for (int i = farthest.nextClearBit(0); i < operations.size(); i = farthest.nextClearBit(i + 1)) {
                text.append("\n    ").append(operations.get(i));
                if (operations.get(i).mustBeThere()) {
                    text.append(", promised");
                }
            }
            return text.toString();
        }
    }

    private static String name(int value) {
        return value == ABSENT ? "nothing" : "#" + value;
    }

    private static String text(int[] values) {
        StringBuilder text = new StringBuilder("{");
        for (int key = 0; key < values.length; key++) {
            if (values[key] != UNTOUCHED) {
                text.append(text.length() > 1 ? ", " : "")
                        .append(key)
                        .append(": ")
                        .append(name(values[key]));
            }
        }
        return text.append("}").toString();
    }
}
