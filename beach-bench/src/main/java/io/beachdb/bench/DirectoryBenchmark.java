package io.beachdb.bench;

import io.beachdb.base.Scheduler;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableFile;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Vfs;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What it costs to make a file of a page durable, data and then name, by the service and by hand, and what of it the sync of
 * the directory is. The directory is {@code beach.bench.directory}, or the working directory.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class DirectoryBenchmark {
    private static final int FILE_BYTES = 4096;

    private Arena arena;
    private MemorySegment page;
    private Path path;
    private DurableDirectory directory;
    private FileChannel raw;
    private long number;

    /** Opens a fresh directory for each iteration, so that none grows with the time it is measured. */
    @Setup(Level.Iteration)
    public void setUp() throws IOException {
        path = Files.createTempDirectory(
                Path.of(System.getProperty("beach.bench.directory", ".")), "directory-benchmark");
        directory = DurableDirectory.open(
                Vfs.system(), path, DurableDirectory.Mode.EXISTING, Scheduler.system(), DurabilityListener.none());
        raw = FileChannel.open(path, StandardOpenOption.READ);
        arena = Arena.ofConfined();
        page = arena.allocate(FILE_BYTES);
        number = 0;
    }

    /** Data, then name. */
    @Benchmark
    public DurableFile createAndCommit() {
        PendingFile file = directory.create("file" + number++);
        file.write(page, 0, FILE_BYTES);
        return directory.commit(file, SyncSite.TABLE_FLUSH);
    }

    /** The same by hand. */
    @Benchmark
    public long rawCreateAndCommit() throws IOException {
        try (FileChannel file = FileChannel.open(
                path.resolve("file" + number), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            file.write(page.asByteBuffer());
            file.force(true);
        }
        raw.force(true);
        return number++;
    }

    /** A name alone: the file is empty. */
    @Benchmark
    public long rawCreateAndSyncDirectory() throws IOException {
        Files.createFile(path.resolve("file" + number));
        raw.force(true);
        return number++;
    }

    /** Deletes the directory. */
    @TearDown(Level.Iteration)
    public void tearDown() throws IOException {
        raw.close();
        directory.close();
        arena.close();
        Trees.delete(path);
    }
}
