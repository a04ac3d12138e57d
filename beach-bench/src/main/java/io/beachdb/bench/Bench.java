package io.beachdb.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Named workloads, BeachDB beside its peers: in turns, each run in a JVM of its own, medians over the rounds, and the ratio.
 */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Runs named workloads on BeachDB and on peers, in turns, each in a JVM of its own.")
public final class Bench implements Callable<Integer> {
    private static final String SELF = "beach";

    @Option(
            names = "--peers",
            split = ",",
            description = "stores beside BeachDB: rocksdb (LZ4), rocksdb-none (uncompressed)")
    private List<String> peers = List.of();

    @Option(
            names = "--workloads",
            split = ",",
            description = "which to run, in the order of the list below (default: all)")
    private List<String> workloads = Workload.titles();

    @Option(names = "--n", description = "entries of a workload (default: ${DEFAULT-VALUE})")
    private long n = 1_000_000;

    @Option(names = "--rounds", description = "how often each is run (default: ${DEFAULT-VALUE})")
    private int rounds = 1;

    @Option(names = "--seed", description = "of the random keys (default: ${DEFAULT-VALUE})")
    private long seed = 1;

    @Option(names = "--dir", description = "where to make the databases (default: a temporary folder)")
    private @org.jspecify.annotations.Nullable Path directory;

    @Option(names = "--json", description = "file for all figures, one JSON object a line")
    private @org.jspecify.annotations.Nullable Path json;

    private final List<Figures> figures = new ArrayList<>();
    private final Map<String, String> descriptions = new LinkedHashMap<>();

    private Bench() {}

    /** Runs the command; exits with 0 only on success. */
    public static void main(String[] arguments) {
        CommandLine command = new CommandLine(new Bench());
        command.getCommandSpec().usageMessage().footer(footer());
        command.setExecutionExceptionHandler((e, line, result) -> {
            line.getErr().println("bench: " + (e.getMessage() == null ? e : e.getMessage()));
            return 1;
        });
        System.exit(command.execute(arguments));
    }

    private static String[] footer() {
        List<String> lines =
                new ArrayList<>(List.of("", "Workloads (16-byte keys, 100-byte half-compressible values):"));
        for (Workload workload : Workload.values()) {
            lines.add(String.format("  %-17s %s", workload.title, workload.text));
        }
        lines.add("Each ends after n operations or 15 seconds. Unsynced writes go to the log.");
        return lines.toArray(new String[0]);
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (n < 1000) {
            throw new IllegalArgumentException("--n is " + n + ", allowed 1000 and more");
        }
        if (rounds < 1) {
            throw new IllegalArgumentException("--rounds is " + rounds + ", allowed 1 and more");
        }
        List<Workload> wanted = workloads.stream().map(Workload::of).sorted().toList();
        List<String> stores = new ArrayList<>(List.of(SELF));
        stores.addAll(peers);
        Path base = directory == null ? Files.createTempDirectory("beach-bench") : Files.createDirectories(directory);
        Map<Workload.Group, List<Workload>> groups =
                wanted.stream().collect(Collectors.groupingBy(w -> w.group, LinkedHashMap::new, Collectors.toList()));
        try {
            for (int round = 1; round <= rounds; round++) {
                for (List<Workload> group : groups.values()) {
                    for (String store : stores) {
                        runGroup(base, store, group, round);
                    }
                }
            }
        } finally {
            if (directory == null) {
                delete(base);
            }
        }
        Path file = json;
        if (file != null) {
            writeJson(file);
        }
        report(stores, wanted);
        return 0;
    }

    private void runGroup(Path base, String store, List<Workload> group, int round)
            throws IOException, InterruptedException {
        Path database = base.resolve(store);
        delete(database);
        Files.createDirectories(database);
        System.err.printf(
                "round %d of %d: %s: %s%n",
                round, rounds, store, group.stream().map(w -> w.title).collect(Collectors.joining(" ")));
        Process worker = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx2g",
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-cp",
                        System.getProperty("java.class.path"),
                        BenchWorker.class.getName(),
                        store,
                        database.toString(),
                        Long.toString(n),
                        Long.toString(seed),
                        group.stream().map(w -> w.title).collect(Collectors.joining(",")))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader out =
                new BufferedReader(new InputStreamReader(worker.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                take(store, line);
            }
        }
        int exit = worker.waitFor();
        delete(database);
        if (exit != 0) {
            throw new IOException(store + " ended with exit code " + exit + "; its messages stand above");
        }
    }

    private void take(String store, String line) {
        if (line.startsWith(Figures.LINE_START)) {
            Figures measured = Figures.parse(line);
            figures.add(measured);
            System.err.printf(Locale.ROOT, "  %-17s %12s/s%n", measured.workload(), Tables.count(measured.perSecond()));
        } else if (line.startsWith("STORE ")) {
            descriptions.put(store, line.substring("STORE ".length()));
        } else {
            System.err.println(line);
        }
    }

    private void report(List<String> stores, List<Workload> wanted) {
        System.out.printf(
                Locale.ROOT,
                "n = %,d, %d round%s, %d processors, %s %s, heap -Xmx2g%n",
                n,
                rounds,
                rounds == 1 ? "" : "s",
                Runtime.getRuntime().availableProcessors(),
                System.getProperty("java.vm.name"),
                System.getProperty("java.vm.version"));
        descriptions.forEach((store, text) -> System.out.printf("%-13s %s%n", store, text));
        Tables.print(figures, stores, wanted.stream().map(w -> w.title).toList());
    }

    private void writeJson(Path file) throws IOException {
        List<String> lines = figures.stream()
                .map(f -> f.fields().entrySet().stream()
                        .map(e -> "\"" + e.getKey() + "\": "
                                + (e.getValue() instanceof String text ? "\"" + text + "\"" : e.getValue()))
                        .collect(Collectors.joining(", ", "{", "}")))
                .toList();
        Files.write(file, lines);
    }

    private static void delete(Path path) throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        try (Stream<Path> below = Files.walk(path)) {
            for (Path each : below.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(each);
            }
        }
    }

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
