package io.beachdb.dbtestkit;

import io.beachdb.Cursor;
import io.beachdb.Reader;
import io.beachdb.base.format.Escapes;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a directory of crash runs holds, read in every way there is: forwards, backwards and by point reads, which must
 * agree.
 *
 * @param runs the records of the runs, by number
 * @param keys all other keys, with the writes that made their values
 * @param violations what no run can have asked for: foreign keys, values that are nobody's, reads that disagree
 */
record CrashState(
        SortedMap<Integer, CrashRunRecord> runs, SortedMap<String, CrashOrigin> keys, List<String> violations) {

    static CrashState read(Reader reader) {
        List<byte[]> keys = new ArrayList<>();
        List<byte[]> values = new ArrayList<>();
        try (Cursor cursor = reader.cursor()) {
            for (cursor.first(); cursor.valid(); cursor.next()) {
                keys.add(copy(cursor.key()));
                values.add(copy(cursor.value()));
            }
        }
        List<String> violations = new ArrayList<>();
        checkBackwards(reader, keys, values, violations);
        for (int i = 0; i < keys.size(); i++) {
            byte[] got = reader.get(keys.get(i));
            if (got == null || !Arrays.equals(got, values.get(i))) {
                violations.add(show(keys.get(i)) + " reads as " + (got == null ? "absent" : show(got))
                        + " by get, and as " + show(values.get(i)) + " by cursor");
            }
        }
        return sort(keys, values, violations);
    }

    private static void checkBackwards(Reader reader, List<byte[]> keys, List<byte[]> values, List<String> violations) {
        int at = keys.size();
        try (Cursor cursor = reader.cursor()) {
            for (cursor.last(); cursor.valid(); cursor.previous()) {
                at--;
                byte[] key = copy(cursor.key());
                if (at < 0
                        || !Arrays.equals(key, keys.get(at))
                        || !Arrays.equals(copy(cursor.value()), values.get(at))) {
                    violations.add("backwards, the cursor comes to " + show(key) + " where forwards it had "
                            + (at < 0 ? "nothing" : show(keys.get(at))));
                    return;
                }
            }
        }
        if (at != 0) {
            violations.add("backwards, the cursor ends " + at + " entries before the first");
        }
    }

    private static CrashState sort(List<byte[]> keys, List<byte[]> values, List<String> violations) {
        SortedMap<Integer, CrashRunRecord> runs = new TreeMap<>();
        for (int i = 0; i < keys.size(); i++) {
            String key = text(keys.get(i));
            if (CrashRunRecord.isKey(key)) {
                CrashRunRecord record = CrashRunRecord.decode(values.get(i));
                if (record == null || !record.key().equals(key)) {
                    violations.add(key + " holds no whole record of a run: " + show(values.get(i)));
                } else {
                    runs.put(record.run(), record);
                }
            }
        }
        if (!runs.isEmpty() && runs.lastKey() != runs.size() - 1) {
            violations.add("the records of runs have a gap: there are " + runs.keySet());
        }
        SortedMap<String, CrashOrigin> origins = new TreeMap<>();
        for (int i = 0; i < keys.size(); i++) {
            String key = text(keys.get(i));
            if (CrashRunRecord.isKey(key)) {
                continue;
            }
            CrashOrigin origin = CrashValues.claimedOrigin(values.get(i));
            CrashRunRecord run = origin == null ? null : runs.get(origin.run());
            if (origin == null || run == null || !CrashValues.isWhole(run.seed(), origin, values.get(i))) {
                violations.add(show(keys.get(i)) + " holds a value that no run wrote: " + show(values.get(i)));
            } else {
                origins.put(key, origin);
            }
        }
        return new CrashState(runs, origins, Collections.unmodifiableList(violations));
    }

    private static byte[] copy(MemorySegment segment) {
        return segment.toArray(ValueLayout.JAVA_BYTE);
    }

    private static String text(byte[] key) {
        return new String(key, StandardCharsets.ISO_8859_1);
    }

    private static String show(byte[] bytes) {
        return "'" + Escapes.escape(MemorySegment.ofArray(bytes), 0, bytes.length, 60) + "'";
    }
}
