package io.beachdb.bench;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.Vfs;
import io.beachdb.wal.LogSupply;
import io.beachdb.wal.Predecessor;
import io.beachdb.wal.WalFormat;
import io.beachdb.wal.WalListener;
import io.beachdb.wal.WalOptions;
import io.beachdb.wal.WalWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The log alone, with one writer and records of 128 bytes: what a leader's part costs, and what a sync costs beside the
 * same write and sync without a log. The directory is {@code beach.bench.directory}, or the working directory.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class LogBenchmark {
    private static final int RECORD_BYTES = 128;
    private static final long LOG_BYTES = 64L << 20;
    private static final int RAW_BYTES = 8 << 20;
    private static final int FRAMED_BYTES = RECORD_BYTES + 40;

    private final MemoryBudget budget = MemoryBudget.ofBytes(64L << 20);
    private final MemoryAccount account = budget.openAccount();
    private final NativeBlock record = account.acquire(MemoryUse.QUEUED, RECORD_BYTES);
    private final AtomicLong numbers = new AtomicLong();
    private Path path;
    private DurableDirectory directory;
    private LogSupply supply;
    private WalWriter writer;
    private FileChannel raw;
    private ByteBuffer rawRecord;
    private int checksum;
    private long sequence;
    private long rawOffset;

    @Setup
    public void open() throws IOException {
        path = Files.createTempDirectory(Path.of(System.getProperty("beach.bench.directory", ".")), "log-benchmark");
        Scheduler scheduler = Scheduler.system();
        directory = DurableDirectory.open(
                Vfs.system(), path, DurableDirectory.Mode.CREATE, scheduler, DurabilityListener.none());
        supply =
                new LogSupply(directory, new DatabaseId(1, 2), numbers::incrementAndGet, scheduler, account, LOG_BYTES);
        writer = new WalWriter(
                supply,
                supply.take(0),
                Predecessor.none(),
                scheduler,
                account,
                WalOptions.defaults(),
                new WalListener() {
                    @Override
                    public void synced(long upTo) {
                        // The caller waits for it.
                    }

                    @Override
                    public void failed(StorageException failure) {
                        throw failure;
                    }
                });
        record.memory().set(ValueLayout.JAVA_BYTE, 0, (byte) WalFormat.BATCH);
        checksum = Checksum.crc32c(record.memory(), 0, RECORD_BYTES);
        raw = FileChannel.open(path.resolve("raw"), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        raw.write(ByteBuffer.allocateDirect(RAW_BYTES), 0);
        raw.force(true);
        rawRecord = ByteBuffer.allocateDirect(FRAMED_BYTES);
    }

    @TearDown
    public void close() throws IOException {
        raw.close();
        writer.close();
        supply.close();
        directory.close();
        List<Path> files;
        try (Stream<Path> all = Files.list(path)) {
            files = all.toList();
        }
        files.forEach(LogBenchmark::delete);
        Files.delete(path);
        account.release(MemoryUse.QUEUED, record);
        budget.close();
    }

    private static void delete(Path file) {
        try {
            Files.delete(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void appendOne() {
        if (!writer.fits(RECORD_BYTES)) {
            writer.rotate(RECORD_BYTES);
        }
        sequence++;
        writer.append(record.memory(), 0, RECORD_BYTES, checksum, sequence, sequence);
    }

    /** A LOGGED group of one. */
    @Benchmark
    @BenchmarkMode(Mode.AverageTime)
    public long append() {
        appendOne();
        writer.handOver();
        return sequence;
    }

    /** A SYNCED group of one. */
    @Benchmark
    public long appendAndSync() {
        appendOne();
        writer.handOverSynced();
        writer.awaitSynced(sequence);
        return sequence;
    }

    /** The least that a SYNCED group of one can cost: a write and a sync of an allocated file. */
    @Benchmark
    public long rawWriteAndSync() throws IOException {
        rawRecord.clear();
        raw.write(rawRecord, rawOffset);
        raw.force(false);
        rawOffset = (rawOffset + FRAMED_BYTES) % (RAW_BYTES - FRAMED_BYTES);
        return rawOffset;
    }
}
