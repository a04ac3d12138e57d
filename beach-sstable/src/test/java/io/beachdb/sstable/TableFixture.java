package io.beachdb.sstable;

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
import io.beachdb.testkit.SimulatedDisk;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** What a table test needs around a table: memory, cache, files, and arrays in and out. */
final class TableFixture implements AutoCloseable {
    static final DatabaseId ID = new DatabaseId(0x0123456789abcdefL, 0xfedcba9876543210L);
    static final long CREATED = 1_700_000_000_000L;

    final MemoryBudget budget = MemoryBudget.ofBytes(512 << 20);
    final MemoryAccount account = budget.openAccount();
    final Epochs<ReaderSlot> epochs = new Epochs<>(4, ReaderSlot::new);
    final BlockCache cache = new BlockCache(account, epochs, 64 << 20);
    final TableContext context = new TableContext(cache, epochs, account);
    final Path path = Path.of("/tables");
    final SimulatedDisk disk = new SimulatedDisk().makeDirectories(path);
    final DurableDirectory directory = DurableDirectory.open(
            disk.start("tables"), path, DurableDirectory.Mode.EXISTING, Scheduler.system(), DurabilityListener.none());
    final AtomicInteger openFiles = new AtomicInteger();
    final AtomicInteger reads = new AtomicInteger();
    final PointResult result = new PointResult(account);

    private final NativeBlock keyBlock = account.acquire(MemoryUse.SCRATCH, 2 << 20);
    private NativeBlock valueBlock = account.acquire(MemoryUse.SCRATCH, 1 << 20);
    private long nextNumber = 1;

    TableFixture() {
        disk.onOperation(operation -> {
            switch (operation.kind()) {
                case CREATE, OPEN_FOR_READ -> openFiles.incrementAndGet();
                case CLOSE -> openFiles.decrementAndGet();
                case READ -> reads.incrementAndGet();
                default -> {}
            }
        });
    }

    static final class ReaderSlot extends Epochs.Slot {}

    /** Puts a key where engine code wants it: native, at an odd offset, followed by bytes that are not zero. */
    MemorySegment key(byte[] key) {
        MemorySegment memory = keyBlock.memory();
        MemorySegment.copy(key, 0, memory, ValueLayout.JAVA_BYTE, 3, key.length);
        memory.set(ValueLayout.JAVA_LONG_UNALIGNED, 3 + key.length, -1L);
        return memory;
    }

    void add(TableWriter writer, Entry entry) {
        if (entry.value().length > valueBlock.bytes()) {
            account.release(MemoryUse.SCRATCH, valueBlock);
            valueBlock = account.acquire(MemoryUse.SCRATCH, entry.value().length);
        }
        MemorySegment.copy(entry.value(), 0, valueBlock.memory(), ValueLayout.JAVA_BYTE, 0, entry.value().length);
        writer.add(
                key(entry.key()), 3, entry.key().length, entry.trailer(), valueBlock.memory(), 0, entry.value().length);
    }

    record Written(long number, TableMetadata metadata) {}

    Written write(TableOptions options, Collection<Entry> sorted) {
        long number = nextNumber++;
        PendingFile file = directory.create(FileName.table(number));
        try (TableWriter writer = new TableWriter(file, options, ID, number, CREATED, account)) {
            for (Entry entry : sorted) {
                add(writer, entry);
            }
            TableMetadata metadata = writer.finish();
            directory.commit(file, SyncSite.TABLE_FLUSH);
            return new Written(number, metadata);
        }
    }

    byte[] bytes(long number) {
        return disk.bytes(path.resolve(FileName.table(number)));
    }

    /** Makes a file of these bytes, to be opened as table {@code number}. */
    void replace(long number, byte[] bytes) {
        disk.install(path.resolve(FileName.table(number)), bytes);
        cache.drop(number);
    }

    /** A reader that takes the file's length as it is. */
    TableReader reader(long number) {
        return reader(number, bytes(number).length);
    }

    TableReader reader(long number, long fileBytes) {
        return new TableReader(() -> directory.open(FileName.table(number)), ID, number, fileBytes, context);
    }

    /** Looks a key up as of a sequence; null if the table does not know it. */
    @Nullable
    Entry get(TableReader reader, byte[] key, long sequence) {
        ReaderSlot slot = epochs.enter();
        try {
            MemorySegment memory = key(key);
            long hash = KeyHash.hash(memory, 3, key.length);
            reader.get(memory, 3, key.length, hash, InternalKeys.seekTrailer(sequence), result);
            return switch (result.state()) {
                case ABSENT -> null;
                case PUT -> new Entry(key, result.trailer(), value());
                case DELETE -> new Entry(key, result.trailer(), value());
            };
        } finally {
            epochs.exit(slot);
        }
    }

    private byte[] value() {
        byte[] value = new byte[(int) result.valueLength()];
        if (result.isLarge()) {
            try (LargeCopy copy = new LargeCopy(account, value.length)) {
                result.copyValue(0, copy.block.memory(), 0, value.length);
                MemorySegment.copy(copy.block.memory(), ValueLayout.JAVA_BYTE, 0, value, 0, value.length);
            }
        } else {
            MemorySegment.copy(
                    result.valueMemory(), ValueLayout.JAVA_BYTE, result.valueOffset(), value, 0, value.length);
        }
        return value;
    }

    private record LargeCopy(MemoryAccount account, NativeBlock block) implements AutoCloseable {
        LargeCopy(MemoryAccount account, long bytes) {
            this(account, account.acquire(MemoryUse.SCRATCH, bytes));
        }

        @Override
        public void close() {
            account.release(MemoryUse.SCRATCH, block);
        }
    }

    static Entry entry(EntryCursor cursor) {
        byte[] key = new byte[cursor.keyLength()];
        MemorySegment.copy(cursor.keyMemory(), ValueLayout.JAVA_BYTE, cursor.keyOffset(), key, 0, key.length);
        byte[] value = new byte[(int) cursor.valueLength()];
        MemorySegment.copy(cursor.valueMemory(), ValueLayout.JAVA_BYTE, cursor.valueOffset(), value, 0, value.length);
        return new Entry(key, cursor.trailer(), value);
    }

    void seek(EntryCursor cursor, byte[] key, long trailer) {
        cursor.seek(key(key), 3, key.length, trailer);
    }

    void seekBefore(EntryCursor cursor, byte[] key, long trailer) {
        cursor.seekBefore(key(key), 3, key.length, trailer);
    }

    static List<Entry> scan(EntryCursor cursor) {
        List<Entry> found = new ArrayList<>();
        for (cursor.first(); cursor.valid(); cursor.next()) {
            found.add(entry(cursor));
        }
        return found;
    }

    /** Returns the bytes charged now, by use, of what tests themselves do not hold. */
    Map<MemoryUse, Long> chargedByReading() {
        Map<MemoryUse, Long> charged = new TreeMap<>();
        for (MemoryUse use : MemoryUse.values()) {
            long bytes = account.usedBytes(use);
            if (use == MemoryUse.SCRATCH) {
                bytes -= keyBlock.bytes() + valueBlock.bytes();
            }
            if (bytes != 0 && use != MemoryUse.CACHE) {
                charged.put(use, bytes);
            }
        }
        return charged;
    }

    @Override
    public void close() {
        result.close();
        account.release(MemoryUse.SCRATCH, keyBlock);
        account.release(MemoryUse.SCRATCH, valueBlock);
        cache.close();
        directory.close();
        budget.close();
    }
}
