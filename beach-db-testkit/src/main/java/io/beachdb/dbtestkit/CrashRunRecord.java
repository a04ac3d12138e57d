package io.beachdb.dbtestkit;

import java.nio.charset.StandardCharsets;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The first write of every run, in the database itself: what the run will do, and what it found. With it a directory
 * explains itself, over any number of runs, and each run is judged by what it began with.
 *
 * @param run number of the run in this directory, from 0
 * @param seed seed of its workload
 * @param operations operations of its workload
 * @param profile profile of its workload
 * @param found all keys that were there when it began, with the writes that made them
 */
record CrashRunRecord(int run, long seed, int operations, CrashProfile profile, SortedMap<String, CrashOrigin> found) {
    private static final String KEY_PREFIX = "run/";

    static boolean isKey(String key) {
        return key.startsWith(KEY_PREFIX);
    }

    String key() {
        return KEY_PREFIX + String.format("%06d", run);
    }

    CrashWorkload workload() {
        return new CrashWorkload(seed, operations, profile);
    }

    byte[] encode() {
        StringBuilder text = new StringBuilder("run=" + run + " seed=" + seed + " ops=" + operations + " profile="
                + profile.label() + " keys=" + found.size() + "\n");
        found.forEach(
                (key, origin) -> text.append(key).append('=').append(origin).append('\n'));
        return text.toString().getBytes(StandardCharsets.US_ASCII);
    }

    /** Reads what {@link #encode} wrote; null if the bytes are anything else. */
    static @Nullable CrashRunRecord decode(byte[] bytes) {
        String[] lines = new String(bytes, StandardCharsets.US_ASCII).split("\n", -1);
        String[] fields = lines[0].split("[ =]");
        try {
            SortedMap<String, CrashOrigin> found = new TreeMap<>();
            for (int i = 1; i < lines.length - 1; i++) {
                int equals = lines[i].lastIndexOf('=');
                CrashOrigin origin = CrashOrigin.parse(lines[i].substring(equals + 1));
                if (equals < 0 || origin == null) {
                    return null;
                }
                found.put(lines[i].substring(0, equals), origin);
            }
            if (fields.length != 10) {
                return null;
            }
            CrashRunRecord record = new CrashRunRecord(
                    Integer.parseInt(fields[1]),
                    Long.parseLong(fields[3]),
                    Integer.parseInt(fields[5]),
                    CrashProfile.named(fields[7]),
                    found);
            CrashWorkload.checkCount(record.operations); // no run began with others
            // Every byte counts: a record that was cut or changed does not give itself back.
            return java.util.Arrays.equals(record.encode(), bytes) ? record : null;
        } catch (IllegalArgumentException notOurs) {
            return null;
        }
    }
}
