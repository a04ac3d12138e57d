package io.beachdb.cli;

import java.util.Locale;

/** Figures as people read them: decimal units, three figures or so. */
final class Units {
    private static final String[] BYTES = {"B", "kB", "MB", "GB", "TB"};

    private Units() {}

    static String bytes(long bytes) {
        return scaled((double) bytes);
    }

    private static String scaled(double bytes) {
        double value = bytes;
        int unit = 0;
        while (Math.abs(value) >= 999.5 && unit < BYTES.length - 1) {
            value /= 1000;
            unit++;
        }
        return unit == 0
                ? format("%.0f B", value)
                : format(value < 9.995 ? "%.2f %s" : value < 99.95 ? "%.1f %s" : "%.0f %s", value, BYTES[unit]);
    }

    static String count(long count) {
        return format("%,d", count);
    }

    /** A count of things, in the singular for one. */
    static String count(long count, String one, String more) {
        return count(count) + " " + (count == 1 ? one : more);
    }

    static String entries(long count) {
        return count(count, "entry", "entries");
    }

    static String duration(long nanos) {
        if (nanos < 1_000) {
            return nanos + " ns";
        }
        if (nanos < 1_000_000) {
            return format("%.1f us", nanos / 1e3);
        }
        return nanos < 1_000_000_000 ? format("%.1f ms", nanos / 1e6) : format("%.1f s", nanos / 1e9);
    }

    static String bytesPerSecond(long bytes, long nanos) {
        return scaled(bytes * 1e9 / Math.max(1, nanos)) + "/s";
    }

    static String perSecond(long count, long nanos) {
        return count(Math.round(count * 1e9 / Math.max(1, nanos))) + "/s";
    }

    @SuppressWarnings("AnnotateFormatMethod") // would be the only use of an annotation library
    static String format(String format, Object... arguments) {
        return String.format(Locale.ROOT, format, arguments);
    }
}
