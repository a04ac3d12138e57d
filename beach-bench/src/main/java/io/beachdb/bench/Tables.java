package io.beachdb.bench;

import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** Prints figures as tables for people: medians over the rounds, BeachDB first, and how many times faster it is. */
final class Tables {
    private Tables() {}

    static void print(List<Figures> figures, List<String> stores, List<String> workloads) {
        System.out.println();
        System.out.println("Operations a second (scans: entries); x: BeachDB / peer; * ended by time");
        header(stores, true);
        for (String workload : workloads) {
            StringBuilder row = new StringBuilder(String.format("%-17s", workload));
            double own = median(figures, workload, stores.getFirst(), Figures::perSecond);
            for (String store : stores) {
                double value = median(figures, workload, store, Figures::perSecond);
                boolean capped = figures.stream()
                        .anyMatch(
                                f -> f.workload().equals(workload) && f.store().equals(store) && f.capped());
                row.append(String.format(Locale.ROOT, "%13s%s", count(value), capped ? "*" : " "));
            }
            for (String peer : stores.subList(1, stores.size())) {
                row.append(String.format(
                        Locale.ROOT, "%8.2fx", own / median(figures, workload, peer, Figures::perSecond)));
            }
            System.out.println(row);
        }
        part(figures, stores, workloads, "CPU microseconds an operation, whole process", Figures::cpuMicros, "%.2f");
        for (String percentile : List.of("p50", "p99", "p99.9", "p99.99")) {
            part(
                    figures,
                    stores,
                    workloads,
                    "Latency " + percentile + ", microseconds",
                    f -> latency(f, percentile),
                    "%.1f");
        }
        part(figures, stores, workloads, "MB written to disk", f -> f.bytesWritten() / 1e6, "%.0f");
        part(figures, stores, workloads, "MB on disk afterwards", f -> f.diskBytes() / 1e6, "%.0f");
        part(figures, stores, workloads, "MB of memory at most, so far in that JVM", f -> f.peakBytes() / 1e6, "%.0f");
    }

    private static double latency(Figures f, String percentile) {
        long nanos = switch (percentile) {
            case "p50" -> f.latencyNanos().p50();
            case "p99" -> f.latencyNanos().p99();
            case "p99.9" -> f.latencyNanos().p999();
            default -> f.latencyNanos().p9999();
        };
        return nanos / 1e3;
    }

    private static void part(
            List<Figures> figures,
            List<String> stores,
            List<String> workloads,
            String title,
            ToDoubleFunction<Figures> figure,
            String format) {
        System.out.println();
        System.out.println(title);
        header(stores, false);
        for (String workload : workloads) {
            StringBuilder row = new StringBuilder(String.format("%-17s", workload));
            for (String store : stores) {
                row.append(String.format(
                        "%13s ", String.format(Locale.ROOT, format, median(figures, workload, store, figure))));
            }
            System.out.println(row);
        }
    }

    private static void header(List<String> stores, boolean ratios) {
        StringBuilder row = new StringBuilder(String.format("%-17s", "workload"));
        stores.forEach(store -> row.append(String.format("%13s ", store)));
        if (ratios) {
            stores.stream().skip(1).forEach(peer -> row.append(String.format("%9s", "x")));
        }
        System.out.println(row);
    }

    private static double median(
            List<Figures> figures, String workload, String store, ToDoubleFunction<Figures> figure) {
        double[] values = figures.stream()
                .filter(f -> f.workload().equals(workload) && f.store().equals(store))
                .mapToDouble(figure)
                .toArray();
        return values.length == 0 ? Double.NaN : Bench.median(values);
    }

    /** A count as people read it: 1.24M, 328k, 970. */
    static String count(double value) {
        if (value >= 1e6) {
            return String.format(Locale.ROOT, "%.2fM", value / 1e6);
        }
        return value >= 1e4
                ? String.format(Locale.ROOT, "%.0fk", value / 1e3)
                : String.format(Locale.ROOT, "%.0f", value);
    }
}
