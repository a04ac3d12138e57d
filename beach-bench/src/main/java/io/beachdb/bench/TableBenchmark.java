package io.beachdb.bench;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.Scheduler;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.KeyHash;
import io.beachdb.base.memory.Epochs;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Vfs;
import io.beachdb.sstable.BlockCache;
import io.beachdb.sstable.Compression;
import io.beachdb.sstable.PointResult;
import io.beachdb.sstable.ReadOptions;
import io.beachdb.sstable.TableContext;
import io.beachdb.sstable.TableOptions;
import io.beachdb.sstable.TableReader;
import io.beachdb.sstable.TableWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One table of 16-byte keys and 100-byte, half-compressible values: point reads that hit and miss, steps of a cursor with
 * all blocks in memory, a scan past the cache, and writing. Times are per entry.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class TableBenchmark {
    private static final ValueLayout.OfLong NUMBER = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final long PREFIX = 0x757365725F6B6579L; // "user_key"
    private static final int KEY_BYTES = 16;
    private static final int VALUE_BYTES = 100;
    private static final int WRITTEN = 100_000;
    private static final int SCANNED = 100_000;
    private static final int DISTINCT_VALUES = 4096;

    @Param({"NONE", "LZ4"})
    public Compression compression;

    @Param("2000000")
    public int entries;

    private final SplittableRandom random = new SplittableRandom(1);
    private Path path;
    private MemoryBudget budget;
    private MemoryAccount account;
    private Epochs<ReaderSlot> epochs;
    private BlockCache cache;
    private DurableDirectory directory;
    private NativeBlock scratch;
    private MemorySegment memory;
    private TableOptions options;
    private TableReader reader;
    private PointResult result;
    private EntryCursor cursor;
    private EntryCursor uncached;
    private long nextNumber = 2;

    static final class ReaderSlot extends Epochs.Slot {}

    /** Writes the table and reads it once. */
    @Setup
    public void setUp() throws IOException {
        path = Files.createTempDirectory("beach-table");
        budget = MemoryBudget.ofBytes(2L << 30);
        account = budget.openAccount();
        epochs = new Epochs<>(4, ReaderSlot::new);
        cache = new BlockCache(account, epochs, 1L << 30);
        directory = DurableDirectory.open(
                Vfs.system(), path, DurableDirectory.Mode.EXISTING, Scheduler.system(), DurabilityListener.none());
        scratch = account.acquire(MemoryUse.SCRATCH, 1 << 20);
        memory = scratch.memory();
        for (int at = 64; at < 64 + DISTINCT_VALUES + VALUE_BYTES; at++) {
            memory.set(ValueLayout.JAVA_BYTE, at, (byte) (at % VALUE_BYTES < VALUE_BYTES / 2 ? random.nextInt() : 'v'));
        }
        options = TableOptions.DEFAULT.withCompression(compression);
        PendingFile file = directory.create(FileName.table(1));
        write(file, 1, entries);
        long bytes = directory.commit(file, SyncSite.TABLE_FLUSH).size();
        TableContext context = new TableContext(cache, epochs, account);
        reader = new TableReader(() -> directory.open(FileName.table(1)), new DatabaseId(1, 2), 1, bytes, context);
        result = new PointResult(account);
        cursor = reader.cursor(ReadOptions.CURSOR);
        uncached = reader.cursor(ReadOptions.COMPACTION);
        for (cursor.first(); cursor.valid(); cursor.next()) {
            random.nextInt();
        }
        cursor.first();
        uncached.first();
        for (int i = 0; i < entries; i += 100) {
            get(2L * i + 1); // brings the filters in
        }
    }

    private void write(PendingFile file, long number, int count) {
        try (TableWriter writer = new TableWriter(file, options, new DatabaseId(1, 2), number, 0, account)) {
            for (int i = 0; i < count; i++) {
                setKey(2L * i);
                long value = 64 + (i * 37L & DISTINCT_VALUES - 1);
                long trailer = InternalKeys.trailer(i * 7919L % count + 1, InternalKeys.KIND_PUT);
                writer.add(memory, 0, KEY_BYTES, trailer, memory, value, VALUE_BYTES);
            }
            writer.finish();
        }
    }

    /** Sets the key to eight constant bytes and a number. */
    private void setKey(long number) {
        memory.set(NUMBER, 0, PREFIX);
        memory.set(NUMBER, Long.BYTES, number);
    }

    private PointResult.State get(long number) {
        setKey(number);
        ReaderSlot slot = epochs.enter();
        long hash = KeyHash.hash(memory, 0, KEY_BYTES);
        reader.get(memory, 0, KEY_BYTES, hash, InternalKeys.NEWEST_TRAILER, result);
        epochs.exit(slot);
        return result.state();
    }

    @Benchmark
    public PointResult.State getHit() {
        PointResult.State state = get(2L * random.nextInt(entries));
        if (state != PointResult.State.PUT) {
            throw new AssertionError(state);
        }
        return state;
    }

    @Benchmark
    public PointResult.State getMiss() {
        return get(2L * random.nextInt(entries) + 1);
    }

    @Benchmark
    public long next() {
        cursor.next();
        if (!cursor.valid()) {
            cursor.first();
        }
        return cursor.trailer() + cursor.valueLength();
    }

    @Benchmark
    public long previous() {
        cursor.previous();
        if (!cursor.valid()) {
            cursor.last();
        }
        return cursor.trailer() + cursor.valueLength();
    }

    @Benchmark
    public long seek() {
        setKey(2L * random.nextInt(entries));
        cursor.seek(memory, 0, KEY_BYTES, InternalKeys.NEWEST_TRAILER);
        return cursor.trailer();
    }

    /** Reads, checks and decompresses each block, as a compaction does. */
    @Benchmark
    @OperationsPerInvocation(SCANNED)
    public long scanFromFile() {
        long sum = 0;
        for (int i = 0; i < SCANNED; i++) {
            uncached.next();
            if (!uncached.valid()) {
                uncached.first();
            }
            sum += uncached.trailer();
        }
        return sum;
    }

    /** Writes a table, without syncing it. */
    @Benchmark
    @OperationsPerInvocation(WRITTEN)
    public void write() {
        long number = nextNumber++;
        PendingFile file = directory.create(FileName.table(number));
        write(file, number, WRITTEN);
        file.abandon();
    }

    /** Deletes the table. */
    @TearDown
    public void tearDown() throws IOException {
        cursor.close();
        uncached.close();
        result.close();
        reader.close();
        account.release(MemoryUse.SCRATCH, scratch);
        cache.close();
        directory.close();
        budget.close();
        Files.delete(path.resolve(FileName.table(1)));
        Files.delete(path);
    }
}
