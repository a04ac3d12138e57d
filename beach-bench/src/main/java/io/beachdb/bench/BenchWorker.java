package io.beachdb.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.HdrHistogram.Histogram;

/** Runs the workloads of one group on one store, in a JVM of its own; prints a line of figures for each. */
public final class BenchWorker {
    private static final long MAX_NANOS = 15_000_000_000L;
    private static final int TIME_CHECK = 128; // operations between looks at the clock's limit
    private static final int BATCH = 100;
    private static final int SEEK_ENTRIES = 10;
    private static final int NANOS_PER_MICRO = 1_000;

    private final String storeName;
    private final Path directory;
    private final long n;
    private final long seed;
    private final Entries entries;

    private BenchWorker(String storeName, Path directory, long n, long seed) {
        this.storeName = storeName;
        this.directory = directory;
        this.n = n;
        this.seed = seed;
        this.entries = new Entries(seed);
    }

    /** Arguments: store, directory, n, seed, workloads of one group by comma. */
    public static void main(String[] arguments) {
        BenchWorker worker = new BenchWorker(
                arguments[0], Path.of(arguments[1]), Long.parseLong(arguments[2]), Long.parseLong(arguments[3]));
        List<Workload> workloads = new ArrayList<>();
        for (String title : arguments[4].split(",")) {
            workloads.add(Workload.of(title));
        }
        worker.run(workloads);
    }

    private void run(List<Workload> workloads) {
        try (Store store = Store.open(storeName, directory)) {
            System.out.println("STORE " + store.description());
            if (workloads.getFirst().group == Workload.Group.READ) {
                load(store);
                store.settle();
            } else if (workloads.getFirst().group == Workload.Group.FILLRANDOM
                    && workloads.getFirst() != Workload.FILLRANDOM) {
                load(store);
            }
            for (Workload workload : workloads) {
                if (workload.group == Workload.Group.READ) {
                    store.settle();
                }
                System.out.println(measure(store, workload).line());
            }
        }
    }

    /** Puts every key once, in an order that jumps about. */
    private void load(Store store) {
        byte[] key = new byte[Entries.KEY_BYTES];
        byte[] value = new byte[100];
        try (Store.Handle handle = store.handle()) {
            long step = coprime(n);
            long at = 0;
            for (long i = 0; i < n; i++) {
                at = (at + step) % n;
                Entries.key(2 * at, key); // even numbers: the odd ones are missing
                entries.value(2 * at, value);
                handle.put(key, value, false);
            }
        }
    }

    private static long coprime(long n) {
        long step = (long) (n * 0.618) | 1;
        while (gcd(step, n) != 1) {
            step += 2;
        }
        return step;
    }

    private static long gcd(long a, long b) {
        return b == 0 ? a : gcd(b, a % b);
    }

    private Figures measure(Store store, Workload workload) {
        System.gc();
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long writtenBefore = ioBytesWritten();
        AtomicBoolean stop = new AtomicBoolean();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Task> tasks = new ArrayList<>();
        for (int t = 0; t < workload.threads; t++) {
            tasks.add(new Task(store, workload, t, stop));
        }
        Thread background = null;
        if (workload == Workload.READWHILEWRITING) {
            background = start(() -> writeUntil(store, stop), failure);
        }
        long cpu = system.getProcessCpuTime();
        long start = System.nanoTime();
        List<Thread> threads = new ArrayList<>();
        for (Task task : tasks) {
            threads.add(start(task, failure));
        }
        threads.forEach(BenchWorker::join);
        double seconds = (System.nanoTime() - start) / 1e9;
        long cpuNanos = system.getProcessCpuTime() - cpu;
        stop.set(true);
        if (background != null) {
            join(background);
        }
        if (failure.get() != null) {
            throw new IllegalStateException(workload.title + " failed", failure.get());
        }
        Histogram latency = new Histogram(3);
        long operations = 0;
        boolean capped = false;
        for (Task task : tasks) {
            latency.add(task.latency);
            operations += task.done;
            capped |= task.capped;
        }
        return new Figures(
                workload.title,
                storeName,
                operations,
                seconds,
                (double) cpuNanos / NANOS_PER_MICRO / Math.max(1, operations),
                ioBytesWritten() - writtenBefore,
                sizeOf(directory),
                peakBytes(),
                new Figures.Latency(
                        latency.getValueAtPercentile(50),
                        latency.getValueAtPercentile(99),
                        latency.getValueAtPercentile(99.9),
                        latency.getValueAtPercentile(99.99)),
                capped);
    }

    private static Thread start(Runnable task, AtomicReference<Throwable> failure) {
        Thread thread = new Thread(task);
        thread.setUncaughtExceptionHandler((t, e) -> failure.compareAndSet(null, e));
        thread.start();
        return thread;
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException("the benchmark was interrupted", e);
        }
    }

    private void writeUntil(Store store, AtomicBoolean stop) {
        SplittableRandom random = new SplittableRandom(seed + 77);
        byte[] key = new byte[Entries.KEY_BYTES];
        byte[] value = new byte[100];
        try (Store.Handle handle = store.handle()) {
            while (!stop.get()) {
                long i = 2 * random.nextLong(n);
                Entries.key(i, key);
                entries.value(i, value);
                handle.put(key, value, false);
            }
        }
    }

    /** One thread's share of a workload. */
    private final class Task implements Runnable {
        private final Store store;
        private final Workload workload;
        private final int index;
        private final AtomicBoolean stop;
        private final Histogram latency = new Histogram(3);
        private final SplittableRandom random;
        private final byte[] key = new byte[Entries.KEY_BYTES];
        private final byte[] value;
        private long done;
        private boolean capped;

        Task(Store store, Workload workload, int index, AtomicBoolean stop) {
            this.store = store;
            this.workload = workload;
            this.index = index;
            this.stop = stop;
            this.random = new SplittableRandom(seed + 1000L * workload.ordinal() + index);
            this.value = new byte[workload.valueBytes()];
        }

        @Override
        public void run() {
            try (Store.Handle handle = store.handle()) {
                switch (workload) {
                    case READSEQ -> scan(handle::scan);
                    case READREVERSE -> scan(handle::scanBackwards);
                    case FILLBATCH -> batches(handle);
                    default -> operations(handle);
                }
            }
        }

        private void scan(java.util.function.LongUnaryOperator scan) {
            long start = System.nanoTime();
            long wanted = n;
            while (done < wanted && System.nanoTime() - start < MAX_NANOS) {
                long read = scan.applyAsLong(wanted - done);
                if (read == 0) {
                    throw new IllegalStateException("a scan found nothing");
                }
                done += read;
            }
            capped = done < wanted;
        }

        private void batches(Store.Handle handle) {
            byte[][] keys = new byte[BATCH][Entries.KEY_BYTES];
            byte[][] values = new byte[BATCH][workload.valueBytes()];
            long start = System.nanoTime();
            long last = start;
            while (done < n && last - start <= MAX_NANOS) {
                for (int i = 0; i < BATCH; i++) {
                    long k = 2 * random.nextLong(n);
                    Entries.key(k, keys[i]);
                    entries.value(k, values[i]);
                }
                handle.putAll(keys, values);
                long now = System.nanoTime();
                latency.recordValue((now - last) / BATCH);
                last = now;
                done += BATCH;
            }
            capped = done < n;
        }

        private void operations(Store.Handle handle) {
            long share = n / workload.threads;
            long start = System.nanoTime();
            long last = start;
            for (; done < share; done++) {
                if (done % TIME_CHECK == 0 && (last - start > MAX_NANOS || stop.get())) {
                    capped = true;
                    break;
                }
                one(handle);
                long now = System.nanoTime();
                latency.recordValue(now - last);
                last = now;
            }
        }

        private void one(Store.Handle handle) {
            switch (workload) {
                case FILLSEQ -> put(handle, 2 * done, false);
                case FILLRANDOM, OVERWRITE, FILL4K -> put(handle, 2 * random.nextLong(n), false);
                case FILLSYNC1, FILLSYNC4, FILLSYNC16 -> put(handle, 2 * random.nextLong(n), true);
                case DELETERANDOM -> {
                    Entries.key(2 * random.nextLong(n), key);
                    handle.delete(key);
                }
                case READRANDOM, READRANDOM2, READWHILEWRITING -> {
                    long i = 2 * random.nextLong(n);
                    Entries.key(i, key);
                    long length = handle.get(key);
                    Entries.check(i, handle.head(), length, value.length);
                }
                case READMISSING -> {
                    long i = 2 * random.nextLong(n) + 1;
                    Entries.key(i, key);
                    if (handle.get(key) >= 0) {
                        throw new IllegalStateException("key " + i + " was never put and has a value");
                    }
                }
                case SEEKRANDOM -> {
                    Entries.key(2 * random.nextLong(n), key);
                    if (handle.seek(key, SEEK_ENTRIES) == 0) {
                        throw new IllegalStateException("a seek to a key that is there found nothing");
                    }
                }
                case FILLBATCH, READSEQ, READREVERSE -> throw new AssertionError(workload);
            }
        }

        private void put(Store.Handle handle, long i, boolean sync) {
            Entries.key(i, key);
            entries.value(i, value);
            handle.put(key, value, sync);
        }

        @Override
        public String toString() {
            return workload.title + "-" + index;
        }
    }

    // ---- What the process has used. Linux only; 0 elsewhere.

    private static long ioBytesWritten() {
        return procValue(Path.of("/proc/self/io"), "write_bytes:", 1);
    }

    private static long peakBytes() {
        return procValue(Path.of("/proc/self/status"), "VmHWM:", 1024);
    }

    private static long procValue(Path file, String name, long unit) {
        if (!Files.isReadable(file)) {
            return 0;
        }
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> line.startsWith(name))
                            .map(line -> line.substring(name.length())
                                    .replace("kB", "")
                                    .strip())
                            .mapToLong(Long::parseLong)
                            .findFirst()
                            .orElse(0)
                    * unit;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long sizeOf(Path directory) {
        long sum = 0;
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                sum += Files.exists(file) ? Files.size(file) : 0;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return sum;
    }
}
