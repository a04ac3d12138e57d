package io.beachdb.bench;

import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.Durability;
import io.beachdb.Options;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One thread on a whole database of 16-byte keys and 100-byte, half-compressible values, all in tables and in the cache: reads
 * that hit and miss, steps of a cursor, and writes, which overwrite the keys that are there. {@code -prof gc} adds what a call
 * allocates: {@code getHit} its array, the others nothing of their own. The directory is {@code beach.bench.directory}, or the
 * working directory.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class DatabaseBenchmark {
    private static final ValueLayout.OfLong HEAD = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int VALUE_BYTES = 100;

    @Param("1000000")
    public int entries;

    private final SplittableRandom random = new SplittableRandom(1);
    private final Entries content = new Entries(1);
    private final byte[] key = new byte[Entries.KEY_BYTES];
    private final byte[] value = new byte[VALUE_BYTES];
    private Arena arena;
    private MemorySegment keySegment;
    private MemorySegment valueSegment;
    private MemorySegment destination;
    private Path path;
    private BeachDB db;
    private Cursor cursor;

    /** Writes all keys, even numbers, to tables, and reads them once. */
    @Setup
    public void setUp() throws IOException {
        path = Files.createTempDirectory(
                Path.of(System.getProperty("beach.bench.directory", ".")), "database-benchmark");
        db = BeachDB.open(path, Options.builder().memoryBytes(1L << 30).build());
        arena = Arena.ofConfined();
        keySegment = arena.allocate(Entries.KEY_BYTES);
        valueSegment = arena.allocate(VALUE_BYTES);
        destination = arena.allocate(VALUE_BYTES);
        content.value(0, value);
        MemorySegment.copy(value, 0, valueSegment, ValueLayout.JAVA_BYTE, 0, VALUE_BYTES);
        for (int i = 0; i < entries; i++) {
            setKey(2L * i);
            content.value(2L * i, value);
            db.put(key, value, Durability.UNLOGGED);
        }
        db.compact();
        cursor = db.cursor();
        for (cursor.first(); cursor.valid(); cursor.next()) {
            cursor.copyValue(destination, 0);
        }
        for (int i = 0; i < entries; i += 100) {
            setKey(2L * i + 1);
            db.get(keySegment, destination); // brings the filters in
        }
        cursor.first();
    }

    private void setKey(long number) {
        Entries.key(number, key);
        MemorySegment.copy(key, 0, keySegment, ValueLayout.JAVA_BYTE, 0, Entries.KEY_BYTES);
    }

    private long someNumber() {
        return 2L * random.nextInt(entries);
    }

    @Benchmark
    public byte[] getHit() {
        setKey(someNumber());
        byte[] found = db.get(key);
        if (found == null) {
            throw new AssertionError("a key that was written is absent");
        }
        return found;
    }

    @Benchmark
    public byte @Nullable [] getMiss() {
        setKey(someNumber() + 1);
        return db.get(key);
    }

    @Benchmark
    public long getIntoBuffer() {
        setKey(someNumber());
        long length = db.get(keySegment, destination);
        if (length != VALUE_BYTES) {
            throw new AssertionError("a value has " + length + " bytes");
        }
        return destination.get(HEAD, 0);
    }

    @Benchmark
    public long nextAndCopyValue() {
        cursor.next();
        if (!cursor.valid()) {
            cursor.first();
        }
        cursor.copyValue(destination, 0);
        return destination.get(HEAD, 0);
    }

    @Benchmark
    public long putLogged() {
        setKey(someNumber());
        return db.put(keySegment, valueSegment, Durability.LOGGED);
    }

    @Benchmark
    public long putSynced() {
        setKey(someNumber());
        return db.put(keySegment, valueSegment, Durability.SYNCED);
    }

    /** Closes and deletes the database. */
    @TearDown
    public void tearDown() throws IOException {
        cursor.close();
        db.close();
        arena.close();
        Trees.delete(path);
    }
}
