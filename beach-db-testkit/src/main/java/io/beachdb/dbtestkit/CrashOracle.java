package io.beachdb.dbtestkit;

import io.beachdb.dbtestkit.CrashOperation.Edit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Says whether what a run left behind may be: everything it was promised, nothing it did not ask for, batches whole, and
 * in each lane a prefix of its order.
 */
final class CrashOracle {
    /*
     * O1  The outcome of a lane is fixed by two numbers: every write up to operation f is there (a flush took it, with or
     *     without log), and of the later ones the logged writes up to operation l, f <= l. A promise bounds f and l
     *     from below.
     * O2  A key that holds the value of operation p bounds them further: p is there (l >= p if p is logged, else
     *     f >= p), and p's next writer on this key is not (l < next logged one, f < next of any kind). So each value
     *     read is a box in the plane of (l, f), and the boxes of all such keys must have a point in common.
     * O3  An absent key has several boxes, one for each delete and one for "never written": it needs one of them.
     * O4  A batch is one operation, so a torn one asks for l >= p and l < p at once.
     */
    private static final int NEVER = Integer.MAX_VALUE;

    private final CrashWorkload workload;
    private final int run;
    private final Map<String, CrashOrigin> before;
    private final List<Map<String, List<Step>>> timelines = new ArrayList<>();

    /**
     * One change of a key in the order of its lane.
     *
     * @param operation index of the operation; -1 for what was there before the run
     * @param origin what the key holds afterwards; null for absent
     */
    private record Step(
            int operation, boolean logged, @Nullable CrashOrigin origin) {}

    /** A bound, and why it holds. */
    private record Bound(int operation, String why) {}

    /** A possible explanation of an absent key: l and f from (inclusive) to (exclusive). */
    private record Box(int logFrom, int logTo, int allFrom, int allTo) {
        boolean meets(Window window) {
            return logFrom < window.logTo.operation
                    && logTo > window.logFrom.operation
                    && allFrom < window.allTo.operation
                    && allTo > window.allFrom.operation;
        }
    }

    /** What is still possible: l and f from (inclusive) to (exclusive), with reasons. */
    private static final class Window {
        private Bound logFrom;
        private Bound logTo;
        private Bound allFrom;
        private Bound allTo;

        Window(CrashPromise promise, int operations) {
            logFrom = new Bound(promise.logged(), "operation " + promise.logged() + " was acknowledged");
            allFrom = new Bound(
                    promise.everything(), "all writes up to operation " + promise.everything() + " were promised");
            logTo = new Bound(operations, "the lane ends there");
            allTo = logTo;
        }

        void atLeast(boolean logged, Bound bound) {
            if (logged) {
                logFrom = larger(logFrom, bound);
            } else {
                allFrom = larger(allFrom, bound);
            }
        }

        void before(Bound nextLogged, Bound next) {
            logTo = smaller(logTo, nextLogged);
            allTo = smaller(allTo, next);
        }

        private static Bound larger(Bound a, Bound b) {
            return b.operation > a.operation ? b : a;
        }

        private static Bound smaller(Bound a, Bound b) {
            return b.operation < a.operation ? b : a;
        }
    }

    /**
     * @param run number of the run
     * @param before what its keys held when it began
     */
    CrashOracle(CrashWorkload workload, int run, Map<String, CrashOrigin> before) {
        this.workload = workload;
        this.run = run;
        this.before = before;
        for (int lane = 0; lane < workload.lanes(); lane++) {
            timelines.add(timeline(lane));
        }
    }

    /** The steps of each key of a lane; the last edit of a key within one operation is the one that counts. */
    private Map<String, List<Step>> timeline(int lane) {
        Map<String, List<Step>> timeline = new TreeMap<>();
        for (CrashOperation operation : workload.operations(lane)) {
            Map<String, Step> steps = new HashMap<>();
            for (int slot = 0; slot < operation.edits().size(); slot++) {
                Edit edit = operation.edits().get(slot);
                CrashOrigin origin = edit.isPut() ? new CrashOrigin(run, lane, operation.index(), slot) : null;
                steps.put(edit.key(), new Step(operation.index(), operation.isLogged(), origin));
            }
            steps.forEach((key, step) -> timeline.computeIfAbsent(
                            key, k -> new ArrayList<>(List.of(new Step(-1, true, before.get(k)))))
                    .add(step));
        }
        return timeline;
    }

    /**
     * Judges.
     *
     * @param after what the keys hold now
     * @param promises what each lane was promised
     * @return what cannot be, in sentences; empty if all is well
     */
    List<String> check(Map<String, CrashOrigin> after, CrashPromise[] promises) {
        List<String> violations = new ArrayList<>();
        checkUntouched(after, violations);
        for (int lane = 0; lane < timelines.size(); lane++) {
            String violation = checkLane(lane, after, promises[lane]);
            if (violation != null) {
                violations.add("lane " + lane + ": " + violation);
            }
        }
        return violations;
    }

    private void checkUntouched(Map<String, CrashOrigin> after, List<String> violations) {
        TreeSet<String> keys = new TreeSet<>(before.keySet());
        keys.addAll(after.keySet());
        timelines.forEach(timeline -> keys.removeAll(timeline.keySet()));
        for (String key : keys) {
            CrashOrigin was = before.get(key);
            CrashOrigin is = after.get(key);
            if (is != null && was == null) {
                violations.add(
                        "'" + key + "' comes from nowhere: " + holds(is) + ", and run " + run + " never writes it");
            } else if (was != null && !was.equals(is)) {
                violations.add(
                        "'" + key + "' was there before run " + run + ", which never writes it, and is not as it was: "
                                + (is == null ? "it is absent" : holds(is)));
            }
        }
    }

    private @Nullable String checkLane(int lane, Map<String, CrashOrigin> after, CrashPromise promise) {
        Window window = new Window(promise, workload.operations(lane).size());
        List<String> absent = new ArrayList<>();
        for (Map.Entry<String, List<Step>> entry : timelines.get(lane).entrySet()) {
            String key = entry.getKey();
            CrashOrigin is = after.get(key);
            if (is == null) {
                absent.add(key);
                continue;
            }
            int at = indexOf(entry.getValue(), is);
            if (at < 0) {
                return "'" + key + "' " + holds(is) + ", which never put that key";
            }
            narrow(window, key, entry.getValue(), at, is);
        }
        if (window.allFrom.operation > window.logFrom.operation) {
            window.logFrom = window.allFrom;
        }
        if (window.logFrom.operation >= window.logTo.operation) {
            return contradiction(lane, window.logFrom, window.logTo);
        }
        if (window.allFrom.operation >= window.allTo.operation) {
            return contradiction(lane, window.allFrom, window.allTo);
        }
        return checkAbsent(lane, window, absent);
    }

    private static int indexOf(List<Step> steps, CrashOrigin origin) {
        for (int i = 0; i < steps.size(); i++) {
            if (origin.equals(steps.get(i).origin)) {
                return i;
            }
        }
        return -1;
    }

    private static void narrow(Window window, String key, List<Step> steps, int at, CrashOrigin is) {
        Step step = steps.get(at);
        if (step.operation >= 0) {
            window.atLeast(
                    step.logged,
                    new Bound(step.operation, "'" + key + "' holds what operation " + step.operation + " put"));
        }
        window.before(
                notThere(key, steps, next(steps, at, true), is), notThere(key, steps, next(steps, at, false), is));
    }

    private static Bound notThere(String key, List<Step> steps, int next, CrashOrigin is) {
        if (next == NEVER) {
            return new Bound(NEVER, "");
        }
        Step step = steps.get(next);
        String should = step.origin == null ? "should be absent" : "should hold what it put";
        return new Bound(step.operation, "'" + key + "' " + should + ", and " + holds(is));
    }

    /** Returns the index of the next step, of the next logged one if so asked; {@link #NEVER} if there is none. */
    private static int next(List<Step> steps, int at, boolean logged) {
        for (int i = at + 1; i < steps.size(); i++) {
            if (steps.get(i).logged || !logged) {
                return i;
            }
        }
        return NEVER;
    }

    private String contradiction(int lane, Bound there, Bound missing) {
        String message = "operation " + describe(lane, there.operation) + " is there (" + there.why
                + "), but operation " + describe(lane, missing.operation) + " is not: " + missing.why;
        return there.operation == missing.operation ? "torn batch: " + message : message;
    }

    private String describe(int lane, int index) {
        if (index < 0 || index >= workload.operations(lane).size()) {
            return String.valueOf(index);
        }
        CrashOperation operation = workload.operations(lane).get(index);
        return index + " (" + operation.kind() + ", " + operation.durability() + ")";
    }

    private @Nullable String checkAbsent(int lane, Window window, List<String> absent) {
        List<List<Box>> open = new ArrayList<>();
        for (String key : absent) {
            List<Step> steps = Objects.requireNonNull(timelines.get(lane).get(key));
            List<Box> boxes = boxes(steps);
            boxes.removeIf(box -> !box.meets(window));
            if (boxes.isEmpty()) {
                return lost(lane, key, steps, window);
            }
            open.add(boxes);
        }
        return haveCommonPoint(window, open)
                ? null
                : "no moment in its order has all of these keys absent together, beside what the others hold: "
                        + absent;
    }

    /** The explanations of a key's being absent. */
    private static List<Box> boxes(List<Step> steps) {
        List<Box> boxes = new ArrayList<>();
        for (int i = 0; i < steps.size(); i++) {
            Step step = steps.get(i);
            if (step.origin == null) {
                int nextLogged = next(steps, i, true);
                int next = next(steps, i, false);
                boxes.add(new Box(
                        step.logged ? step.operation : -1,
                        nextLogged == NEVER ? NEVER : steps.get(nextLogged).operation,
                        step.logged ? -1 : step.operation,
                        next == NEVER ? NEVER : steps.get(next).operation));
            }
        }
        return boxes;
    }

    private String lost(int lane, String key, List<Step> steps, Window window) {
        int put = -1;
        Bound why = window.logFrom;
        for (Step step : steps) {
            if (step.operation <= window.allFrom.operation) {
                put = step.operation;
                why = window.allFrom;
            } else if (step.logged && step.operation <= window.logFrom.operation) {
                put = step.operation;
                why = window.logFrom;
            }
        }
        return put < 0
                ? "'" + key + "' was there before run " + run
                        + " and is absent, though nothing that is there deleted it"
                : "'" + key + "' is absent, but operation " + describe(lane, put) + " put it, and must be there: "
                        + why.why;
    }

    /**
     * Looks for a point (l, f) of the window that lies in one box of every key. The boxes of one key are disjoint for
     * each f, so at a point that all have in common as many boxes meet as there are keys.
     */
    private static boolean haveCommonPoint(Window window, List<List<Box>> keys) {
        TreeSet<Integer> corners = new TreeSet<>();
        corners.add(window.allFrom.operation);
        keys.forEach(boxes -> boxes.forEach(box -> {
            corners.add(box.allFrom);
            corners.add(box.allTo);
        }));
        for (int all : corners.subSet(window.allFrom.operation, window.allTo.operation)) {
            if (haveCommonLog(window, keys, all)) {
                return true;
            }
        }
        return false;
    }

    private static boolean haveCommonLog(Window window, List<List<Box>> keys, int all) {
        int from = Math.max(all, window.logFrom.operation);
        if (from >= window.logTo.operation) {
            return false;
        }
        TreeMap<Integer, Integer> changes = new TreeMap<>();
        changes.put(from, 0);
        for (List<Box> boxes : keys) {
            for (Box box : boxes) {
                if (box.allFrom <= all && all < box.allTo && box.logTo > from) {
                    changes.merge(Math.max(from, box.logFrom), 1, Integer::sum);
                    changes.merge(box.logTo, -1, Integer::sum);
                }
            }
        }
        int meeting = 0;
        for (Map.Entry<Integer, Integer> change : changes.entrySet()) {
            meeting += change.getValue();
            if (change.getKey() < window.logTo.operation && meeting == keys.size()) {
                return true;
            }
        }
        return false;
    }

    private static String holds(CrashOrigin origin) {
        return "holds what operation " + origin.operation() + " of run " + origin.run() + ", lane " + origin.lane()
                + ", put";
    }
}
