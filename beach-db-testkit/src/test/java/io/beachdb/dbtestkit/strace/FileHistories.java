package io.beachdb.dbtestkit.strace;

import io.beachdb.dbtestkit.strace.FileCall.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;

/** Calls sorted by the file they mean, whatever it was called at the time; a file is named by its first path. */
final class FileHistories {
    private record History(List<FileCall> calls, TreeMap<Long, Long> written) {

        History() {
            this(new ArrayList<>(), new TreeMap<>());
        }

        /** Notes that {@code from} to {@code to} (exclusive) were written, as one range with those it touches. */
        void write(long from, long to) {
            long start = from;
            long end = to;
            Map.Entry<Long, Long> before = written.floorEntry(to);
            while (before != null && before.getValue() >= start) {
                start = Math.min(start, before.getKey());
                end = Math.max(end, before.getValue());
                written.remove(before.getKey());
                before = written.floorEntry(to);
            }
            written.put(start, end);
        }
    }

    private final Map<String, History> histories = new HashMap<>(); // by file
    private final Map<String, String> files = new HashMap<>(); // by path
    private final Map<String, Integer> made = new HashMap<>(); // how many had this first path

    FileHistories(List<FileCall> calls) {
        calls.forEach(this::take);
    }

    private void take(FileCall call) {
        if (call.kind() == Kind.CREATE || call.kind() == Kind.MAKE_DIRECTORY) {
            files.put(call.path(), call.path() + " #" + made.merge(call.path(), 1, Integer::sum));
        }
        String file = files.computeIfAbsent(call.path(), path -> path + " #0"); // that one was there before
        History history = histories.computeIfAbsent(file, f -> new History());
        if (call.kind() == Kind.WRITE) {
            history.write(call.offset(), call.offset() + call.length());
            return;
        }
        history.calls.add(call);
        switch (call.kind()) {
            case RENAME -> {
                files.remove(call.path());
                files.put(call.other(), file);
            }
            case LINK -> files.put(call.other(), file);
            case DELETE -> files.remove(call.path());
            default -> {}
        }
    }

    /** Returns where what the kernel saw is not what the seam said, a line for each file. */
    static List<String> differences(List<FileCall> seam, List<FileCall> kernel) {
        Map<String, History> said = new FileHistories(seam).histories;
        Map<String, History> seen = new FileHistories(kernel).histories;
        TreeSet<String> all = new TreeSet<>(said.keySet());
        all.addAll(seen.keySet());
        List<String> differences = new ArrayList<>();
        for (String file : all) {
            compare(
                    file,
                    Objects.requireNonNullElseGet(said.get(file), History::new),
                    Objects.requireNonNullElseGet(seen.get(file), History::new),
                    differences);
        }
        return differences;
    }

    private static void compare(String file, History said, History seen, List<String> differences) {
        int calls = Math.max(said.calls.size(), seen.calls.size());
        for (int i = 0; i < calls; i++) {
            FileCall one = i < said.calls.size() ? said.calls.get(i) : null;
            FileCall other = i < seen.calls.size() ? seen.calls.get(i) : null;
            if (one == null || other == null || !agree(one, other)) {
                differences.add(file + ", call " + (i + 1) + ": the seam says " + one + ", the kernel saw " + other);
                break;
            }
        }
        if (!said.written.equals(seen.written)) {
            differences.add(file + ": the seam says these bytes were written (from=to): " + said.written
                    + ", the kernel saw " + seen.written);
        }
    }

    private static boolean agree(FileCall said, FileCall seen) {
        boolean more = said.kind() == Kind.DATA_SYNC && seen.kind() == Kind.SYNC;
        return said.equals(seen) || (more && said.path().equals(seen.path()));
    }
}
