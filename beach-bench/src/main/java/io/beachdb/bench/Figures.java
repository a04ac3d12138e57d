package io.beachdb.bench;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What one run of a workload measured. Sent from worker to controller as one line of {@code name=value} pairs.
 *
 * @param operations how many were done
 * @param seconds how long it took
 * @param cpuMicros processor time of the whole process for each operation, in microseconds
 * @param bytesWritten bytes that the process gave to the disk
 * @param diskBytes size of the database's files afterwards
 * @param peakBytes largest resident memory of the process so far
 * @param latencyNanos p50, p99, p99.9 and p99.99; 0 for scans
 * @param capped whether time ended it before the count
 */
record Figures(
        String workload,
        String store,
        long operations,
        double seconds,
        double cpuMicros,
        long bytesWritten,
        long diskBytes,
        long peakBytes,
        Latency latencyNanos,
        boolean capped) {

    /** Latencies at some percentiles, in nanoseconds. */
    record Latency(long p50, long p99, long p999, long p9999) {}

    static final String LINE_START = "FIGURES ";

    double perSecond() {
        return operations / seconds;
    }

    Map<String, Object> fields() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("workload", workload);
        fields.put("store", store);
        fields.put("operations", operations);
        fields.put("seconds", seconds);
        fields.put("cpuMicros", cpuMicros);
        fields.put("bytesWritten", bytesWritten);
        fields.put("diskBytes", diskBytes);
        fields.put("peakBytes", peakBytes);
        fields.put("p50", latencyNanos.p50);
        fields.put("p99", latencyNanos.p99);
        fields.put("p999", latencyNanos.p999);
        fields.put("p9999", latencyNanos.p9999);
        fields.put("capped", capped);
        return fields;
    }

    String line() {
        StringBuilder line = new StringBuilder(LINE_START);
        fields().forEach((name, value) ->
                line.append(name).append('=').append(value).append(' '));
        return line.toString().strip();
    }

    static Figures parse(String line) {
        Map<String, String> fields = new LinkedHashMap<>();
        for (String pair : line.substring(LINE_START.length()).split(" ")) {
            int equals = pair.indexOf('=');
            fields.put(pair.substring(0, equals), pair.substring(equals + 1));
        }
        return new Figures(
                text(fields, "workload"),
                text(fields, "store"),
                number(fields, "operations"),
                Double.parseDouble(text(fields, "seconds")),
                Double.parseDouble(text(fields, "cpuMicros")),
                number(fields, "bytesWritten"),
                number(fields, "diskBytes"),
                number(fields, "peakBytes"),
                new Latency(
                        number(fields, "p50"), number(fields, "p99"), number(fields, "p999"), number(fields, "p9999")),
                Boolean.parseBoolean(text(fields, "capped")));
    }

    private static String text(Map<String, String> fields, String name) {
        String value = fields.get(name);
        if (value == null) {
            throw new IllegalArgumentException("figures without " + name);
        }
        return value;
    }

    private static long number(Map<String, String> fields, String name) {
        return Long.parseLong(text(fields, name));
    }
}
