package io.beachdb.dbtestkit;

import io.beachdb.Reader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Reads what crash runs left in a directory and judges it by what had been acknowledged. Used over several rounds, it
 * also remembers what it was shown: what one opening showed, no later one may lose.
 */
public final class CrashVerifier {
    private final boolean processOnly;
    private final SortedMap<Integer, CrashAcks> acknowledged = new TreeMap<>();
    private @Nullable CrashState shown;

    /**
     * @param processOnly whether only processes died: then {@code LOGGED} writes that returned must be there too. After
     *     a power cut they need not
     */
    public CrashVerifier(boolean processOnly) {
        this.processOnly = processOnly;
    }

    /**
     * What was seen.
     *
     * @param runs how many runs the database has records of
     * @param keys how many keys it holds, records aside
     * @param violations what cannot be, in sentences; empty if all is well
     */
    public record Verdict(int runs, int keys, List<String> violations) {
        public boolean isGood() {
            return violations.isEmpty();
        }
    }

    /** Takes what a run had acknowledged when it ended. */
    public void add(CrashAcks acks) {
        if (acks.run() >= 0) {
            acknowledged.put(acks.run(), acks);
        }
    }

    /** Judges a directory in which there is no database: right if nothing was acknowledged. */
    public Verdict verifyNothing() {
        List<String> violations = new ArrayList<>();
        acknowledged
                .values()
                .forEach(acks -> violations.add("there is no database, but run " + acks.run()
                        + " had been acknowledged, and " + acks.count() + " of its operations"));
        return new Verdict(0, 0, violations);
    }

    /** Judges what there is. */
    public Verdict verify(Reader reader) {
        CrashState state = CrashState.read(reader);
        List<String> violations = new ArrayList<>(state.violations());
        if (violations.isEmpty()) {
            compareWithShown(state, violations);
            judge(state, violations);
        }
        shown = state;
        return new Verdict(state.runs().size(), state.keys().size(), List.copyOf(violations));
    }

    private void compareWithShown(CrashState state, List<String> violations) {
        CrashState earlier = shown;
        if (earlier == null) {
            return;
        }
        CrashRunRecord next = state.runs().get(earlier.runs().size());
        Map<String, CrashOrigin> then = next == null ? state.keys() : next.found();
        if (!earlier.keys().equals(then)) {
            violations.add("an earlier opening showed another state than the next one, with no write between them: "
                    + difference(earlier.keys(), then));
        }
    }

    private static String difference(Map<String, CrashOrigin> earlier, Map<String, CrashOrigin> then) {
        SortedMap<String, String> differing = new TreeMap<>();
        earlier.forEach((key, origin) -> {
            if (!origin.equals(then.get(key))) {
                differing.put(key, origin + " became " + Objects.requireNonNullElse(then.get(key), "absent"));
            }
        });
        then.forEach((key, origin) -> {
            if (!earlier.containsKey(key)) {
                differing.put(key, "absent became " + origin);
            }
        });
        return differing.size() + " keys, first '" + differing.firstKey() + "': "
                + differing.firstEntry().getValue();
    }

    private void judge(CrashState state, List<String> violations) {
        int last = state.runs().size() - 1;
        if (last < 0 && !state.keys().isEmpty()) {
            violations.add("there are keys, and no run wrote its record");
        }
        acknowledged.forEach((run, acks) -> judge(state, run, acks, violations));
        CrashRunRecord newest = state.runs().get(last);
        if (newest != null && !acknowledged.containsKey(last)) {
            judge(state, newest, null, violations);
        }
        // What a later run has found is not judged anew in later rounds.
        acknowledged.headMap(last).clear();
    }

    private void judge(CrashState state, int run, CrashAcks acks, List<String> violations) {
        CrashRunRecord record = state.runs().get(run);
        CrashWorkload workload = Objects.requireNonNull(acks.workload());
        if (record == null) {
            violations.add("run " + run + " was acknowledged, and its record is lost");
        } else if (record.seed() != workload.seed()
                || record.operations() != workload.count()
                || record.profile() != workload.profile()) {
            violations.add("run " + run + " of this database had seed " + record.seed()
                    + ", the acknowledgements are of seed " + workload.seed() + ": they belong to another directory");
        } else {
            judge(state, record, acks.promises(processOnly), violations);
        }
    }

    /** Judges one run by what the next one found, or by what is there now. */
    private static void judge(
            CrashState state, CrashRunRecord record, CrashPromise @Nullable [] promises, List<String> violations) {
        CrashRunRecord next = state.runs().get(record.run() + 1);
        CrashWorkload workload = record.workload();
        CrashPromise[] promised = promises;
        if (promised == null) {
            promised = new CrashPromise[workload.lanes()];
            Arrays.fill(promised, CrashPromise.NOTHING);
        }
        violations.addAll(new CrashOracle(workload, record.run(), record.found())
                .check(next == null ? state.keys() : next.found(), promised));
    }
}
