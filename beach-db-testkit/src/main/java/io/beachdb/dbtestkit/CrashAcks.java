package io.beachdb.dbtestkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a run had acknowledged when it ended: the lines that it printed, read back.
 *
 * <pre>
 * SEED 7 OPS 1000 PROFILE tiny       before the database is opened
 * RUN 3                              the run's record is on disk; operations begin
 * ACK 0 17 PUT +k10023/0=9a3e1f02    lane 0 has its operation 17 acknowledged: what it set (with a CRC-32C) and removed
 * LOGGED 0 18                        lane 0's operation 18, LOGGED, has returned
 * DONE                               all operations ended, and the database is closed
 * </pre>
 *
 * <p>A last line without an end was cut by the kill: it counts as not printed.
 */
public final class CrashAcks {
    private static final int UNKNOWN = -1;

    private final @Nullable CrashWorkload workload;
    private int run = UNKNOWN;
    private final int[] acknowledged;
    private final int[] everything;
    private final int[] logged;
    private int lines;
    private boolean done;

    private CrashAcks(@Nullable CrashWorkload workload) {
        this.workload = workload;
        int lanes = workload == null ? 0 : workload.lanes();
        acknowledged = filled(lanes);
        everything = filled(lanes);
        logged = filled(lanes);
    }

    private static int[] filled(int lanes) {
        int[] none = new int[lanes];
        Arrays.fill(none, -1);
        return none;
    }

    /** Nothing was acknowledged, or nothing is known of it. */
    public static CrashAcks none() {
        return new CrashAcks(null);
    }

    /**
     * Reads the output of a run.
     *
     * @throws IllegalArgumentException if a whole line is not one that its seed gives; says which
     */
    public static CrashAcks parse(String output) {
        List<String> lines = new ArrayList<>(output.lines().toList());
        if (!output.isEmpty() && !output.endsWith("\n")) {
            lines.removeLast();
        }
        if (lines.isEmpty()) {
            return none();
        }
        CrashAcks acks = new CrashAcks(header(lines.getFirst()));
        for (int number = 2; number <= lines.size(); number++) {
            acks.take(lines.get(number - 1), number);
        }
        return acks;
    }

    private static CrashWorkload header(String line) {
        String[] words = line.split(" ");
        if (words.length != 6 || !words[0].equals("SEED") || !words[2].equals("OPS") || !words[4].equals("PROFILE")) {
            throw bad(1, line, "SEED s OPS n PROFILE p");
        }
        try {
            return new CrashWorkload(
                    Long.parseLong(words[1]), Integer.parseInt(words[3]), CrashProfile.named(words[5]));
        } catch (NumberFormatException e) {
            throw bad(1, line, "SEED s OPS n PROFILE p, with whole numbers");
        }
    }

    private void take(String line, int number) {
        String[] words = line.split(" ", 4);
        try {
            switch (words[0]) {
                case "RUN" -> run = Integer.parseInt(words[1]);
                case "ACK" -> takeAcknowledgement(line, number, words);
                case "LOGGED" -> raise(logged, words, number, line);
                case "DONE" -> done = true;
                default -> throw bad(number, line, "RUN, ACK, LOGGED or DONE");
            }
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
            throw bad(number, line, "whole numbers after " + words[0]);
        }
    }

    private void takeAcknowledgement(String line, int number, String[] words) {
        CrashOperation operation = raise(acknowledged, words, number, line);
        int lane = Integer.parseInt(words[1]);
        String expected = known().acknowledgement(run, lane, operation);
        if (!line.equals(expected) || !operation.isAcknowledged()) {
            throw bad(number, line, expected);
        }
        if (operation.promisesEverything()) {
            everything[lane] = operation.index();
        }
        lines++;
    }

    private CrashOperation raise(int[] lanes, String[] words, int number, String line) {
        int lane = Integer.parseInt(words[1]);
        int index = Integer.parseInt(words[2]);
        if (run == UNKNOWN
                || lane < 0
                || lane >= lanes.length
                || index < 0
                || index >= known().operations(lane).size()
                || index <= lanes[lane]) {
            throw bad(number, line, "a lane and an operation of the workload, in order, after RUN");
        }
        lanes[lane] = index;
        return known().operations(lane).get(index);
    }

    private CrashWorkload known() {
        return java.util.Objects.requireNonNull(workload);
    }

    private static IllegalArgumentException bad(int number, String line, String expected) {
        String shown = line.length() > 80 ? line.substring(0, 80) + "..." : line;
        return new IllegalArgumentException("line " + number + " of the acknowledgements is '" + shown + "', expected "
                + expected + ": it is not what a crash worker of this version printed");
    }

    /** Returns the workload of the first line; null if nothing is known of the run. */
    public @Nullable CrashWorkload workload() {
        return workload;
    }

    /** Returns the number of the run in its directory, -1 if its record was not acknowledged. */
    public int run() {
        return run;
    }

    /** Returns how many operations were acknowledged as on disk. */
    public int count() {
        return lines;
    }

    /** Returns whether the run came to its end and closed the database. */
    public boolean done() {
        return done;
    }

    /**
     * Returns what must be there after the death of the process, lane by lane.
     *
     * @param processOnly whether only the process died, so that what the operating system was given is safe too
     */
    CrashPromise[] promises(boolean processOnly) {
        CrashPromise[] promises = new CrashPromise[acknowledged.length];
        for (int lane = 0; lane < promises.length; lane++) {
            int last = known().operations(lane).size() - 1;
            promises[lane] = done
                    ? new CrashPromise(last, last)
                    : new CrashPromise(
                            processOnly ? Math.max(acknowledged[lane], logged[lane]) : acknowledged[lane],
                            everything[lane]);
        }
        return promises;
    }
}
