package io.beachdb.dbtestkit.strace;

import io.beachdb.dbtestkit.strace.FileCall.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Calls sorted by the file they mean, whatever it was called at the time; a file is named by its first path. A change of a
 * name is the file's, and one of its directory.
 *
 * <p>Writes, and changes of a directory, are compared by what lies between two syncs: of those that overlap a sync neither
 * order is wrong, and what seems to overlap to the one may not to the other. The seam's view of a call holds the kernel's
 * in it. So what the seam says was surely between two syncs, the kernel must have seen there; and what the kernel surely
 * saw there, must be possible by the seam. Of one file, or directory, one sync runs at a time.
 */
final class FileHistories {
    private record History(List<FileCall> calls, List<FileCall> changes) {

        History() {
            this(new ArrayList<>(), new ArrayList<>());
        }

        List<FileCall> syncs() {
            return calls.stream().filter(FileCall::isSync).toList();
        }

        /** Returns what was changed after the sync of that index, from 1 (0: the beginning), and before the next. */
        Changes surelyAfter(int sync) {
            List<FileCall> syncs = syncs();
            return new Changes(changes.stream()
                    .filter(change -> sync == 0 || syncs.get(sync - 1).isBefore(change))
                    .filter(change -> sync == syncs.size() || change.isBefore(syncs.get(sync))));
        }

        /** Returns what may have been. */
        Changes maybeAfter(int sync) {
            List<FileCall> syncs = syncs();
            return new Changes(changes.stream()
                    .filter(change -> sync == 0 || !change.isBefore(syncs.get(sync - 1)))
                    .filter(change -> sync == syncs.size() || !syncs.get(sync).isBefore(change)));
        }
    }

    /** Ranges that were written, and names that were changed. */
    private record Changes(TreeMap<Long, Long> written, Set<String> names) {

        Changes(Stream<FileCall> calls) {
            this(new TreeMap<>(), new TreeSet<>());
            calls.forEach(call -> {
                if (call.kind() == Kind.WRITE) {
                    write(call.offset(), call.offset() + call.length());
                } else {
                    names.add((call.kind() + " " + call.path() + " " + call.other()).strip());
                }
            });
        }

        /** Notes that {@code from} to {@code to} (exclusive) were written, as one range with those it touches. */
        private void write(long from, long to) {
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

        boolean holds(Changes other) {
            return names.containsAll(other.names)
                    && other.written.entrySet().stream().allMatch(range -> {
                        Map.Entry<Long, Long> mine = written.floorEntry(range.getKey());
                        return mine != null && mine.getValue() >= range.getValue();
                    });
        }

        @Override
        public String toString() {
            return names + " and these bytes (from=to): " + written;
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
        String file = file(call.path());
        History history = history(file);
        if (call.kind() == Kind.WRITE) {
            history.changes.add(call);
            return;
        }
        history.calls.add(call);
        switch (call.kind()) {
            case CREATE, MAKE_DIRECTORY, DELETE -> changed(call.path(), call);
            case LINK -> changed(call.other(), call);
            case RENAME -> {
                changed(call.path(), call);
                changed(call.other(), call);
            }
            default -> {}
        }
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

    private String file(String path) {
        return files.computeIfAbsent(path, p -> p + " #0"); // one that was there before
    }

    private History history(String file) {
        return histories.computeIfAbsent(file, f -> new History());
    }

    private void changed(String name, FileCall call) {
        history(file(name.substring(0, Math.max(1, name.lastIndexOf('/')))))
                .changes
                .add(call);
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
        Changes allSaid = new Changes(said.changes.stream());
        Changes allSeen = new Changes(seen.changes.stream());
        if (!allSaid.equals(allSeen)) {
            differences.add(file + ": the seam says it changed " + allSaid + ", the kernel saw " + allSeen);
            return;
        }
        int syncs = said.syncs().size();
        for (int sync = 0; sync <= syncs && syncs == seen.syncs().size(); sync++) {
            if (!seen.surelyAfter(sync).holds(said.surelyAfter(sync))
                    || !said.maybeAfter(sync).holds(seen.surelyAfter(sync))) {
                differences.add(
                        file + ", between its syncs " + sync + " and " + (sync + 1) + ": the seam says it changed "
                                + said.surelyAfter(sync) + ", the kernel saw " + seen.surelyAfter(sync));
            }
        }
    }

    private static boolean agree(FileCall said, FileCall seen) {
        boolean more = said.kind() == Kind.DATA_SYNC && seen.kind() == Kind.SYNC;
        return said.isAs(seen) || (more && said.path().equals(seen.path()));
    }
}
