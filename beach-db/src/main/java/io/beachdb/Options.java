package io.beachdb;

import io.beachdb.base.MemoryBudget;
import io.beachdb.sstable.TableOptions;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * How to open a database: immutable, made by a {@link #builder()}, checked there. Sizes in bytes.
 *
 * @param createIfMissing whether to make a database where none is
 * @param errorIfExists whether to refuse a directory that holds a database
 * @param readOnly whether to open for reading only: nothing is created, written or deleted
 * @param durability how safe writes are that do not say
 * @param loggedSyncInterval how soon {@link Durability#LOGGED} writes are on disk, 1 ms to 1 hour
 * @param memoryBudget budget shared with other databases; null: one of its own, of {@code memoryBytes}
 * @param memoryBytes native memory for this database alone, when {@code memoryBudget} is null; 4 MiB and more
 * @param writeBufferBytes size at which a memtable is flushed; 64 KiB to 4 GiB, and at most a quarter of the budget
 * @param maxImmutableMemtables memtables that may wait for their flush before writers wait; 1 to 16
 * @param blockBytes raw size at which a data block ends; 1 to 256 KiB
 * @param filterBitsPerKey filter size; 0 (no filters) to {@value TableOptions#MAX_FILTER_BITS}
 * @param compression how table blocks are stored
 * @param targetTableBytes size at which a compaction starts a new table; 4 KiB to 4 GiB
 * @param level0CompactionTables level-0 tables that call for a compaction; 1 to 64
 * @param level0StopTables level-0 tables at which writers stop; slowing begins half way; 2 to 256
 * @param baseLevelBytes least size aimed at for the first level below 0; 64 KiB to 1 TiB
 * @param levelMultiplier how many times larger each level is than the one above; 2 to 100
 * @param debtSlowdownBytes bytes waiting for compaction at which writers are slowed, gradually; 64 KiB and more
 * @param debtStopBytes bytes waiting for compaction at which writers stop; {@code debtSlowdownBytes} and more
 * @param compactionThreads compactions at one time; 1 to 64
 * @param compactionBytesPerSecond how fast compactions may write; 0: no bound
 * @param manifestBytes size at which the MANIFEST is rolled over; 4 KiB to 1 GiB
 * @param failWhenDiskFull whether writes, and what waits for a flush, fail on a full disk rather than wait for space
 * @param checkLifetimes whether a segment kept past its step throws instead of reading unspecified bytes; slower, for tests
 * @param listener hears what the engine does
 * @param seams files, scheduling and randomness, for tests
 */
public record Options(
        boolean createIfMissing,
        boolean errorIfExists,
        boolean readOnly,
        Durability durability,
        Duration loggedSyncInterval,
        @Nullable MemoryBudget memoryBudget,
        long memoryBytes,
        long writeBufferBytes,
        int maxImmutableMemtables,
        int blockBytes,
        int filterBitsPerKey,
        Compression compression,
        long targetTableBytes,
        int level0CompactionTables,
        int level0StopTables,
        long baseLevelBytes,
        int levelMultiplier,
        long debtSlowdownBytes,
        long debtStopBytes,
        int compactionThreads,
        long compactionBytesPerSecond,
        long manifestBytes,
        boolean failWhenDiskFull,
        boolean checkLifetimes,
        DatabaseListener listener,
        Seams seams) {

    public Options {
        Objects.requireNonNull(durability, "durability");
        Objects.requireNonNull(loggedSyncInterval, "loggedSyncInterval");
        checkRange("loggedSyncInterval in ms", millis(loggedSyncInterval), 1, 3_600_000);
        checkRange("memoryBytes", memoryBytes, 4L << 20, Long.MAX_VALUE);
        checkRange("writeBufferBytes", writeBufferBytes, 64L << 10, 4L << 30);
        checkRange("maxImmutableMemtables", maxImmutableMemtables, 1, 16);
        checkRange("blockBytes", blockBytes, 1, 256 << 10);
        checkRange("filterBitsPerKey", filterBitsPerKey, 0, TableOptions.MAX_FILTER_BITS);
        Objects.requireNonNull(compression, "compression");
        checkRange("targetTableBytes", targetTableBytes, 4L << 10, 4L << 30);
        checkRange("level0CompactionTables", level0CompactionTables, 1, 64);
        checkRange("level0StopTables", level0StopTables, 2, 256);
        checkRange("baseLevelBytes", baseLevelBytes, 64L << 10, 1L << 40);
        checkRange("levelMultiplier", levelMultiplier, 2, 100);
        checkRange("debtSlowdownBytes", debtSlowdownBytes, 64L << 10, Long.MAX_VALUE);
        checkRange("debtStopBytes", debtStopBytes, 64L << 10, Long.MAX_VALUE);
        checkRange("compactionThreads", compactionThreads, 1, 64);
        checkRange("compactionBytesPerSecond", compactionBytesPerSecond, 0, Long.MAX_VALUE);
        checkRange("manifestBytes", manifestBytes, 4L << 10, 1L << 30);
        Objects.requireNonNull(listener, "listener");
        Objects.requireNonNull(seams, "seams");
        long budget = memoryBudget == null ? memoryBytes : memoryBudget.capacityBytes();
        checkRange("writeBufferBytes", writeBufferBytes, 64L << 10, budget / 4);
        checkRange("debtStopBytes", debtStopBytes, debtSlowdownBytes, Long.MAX_VALUE);
        checkRange("level0StopTables", level0StopTables, level0CompactionTables + 1, 256);
        if (readOnly && errorIfExists) {
            throw new IllegalArgumentException("readOnly and errorIfExists exclude each other");
        }
    }

    /** Returns milliseconds, or as many as a long holds for what has more. */
    private static long millis(Duration duration) {
        long seconds = Math.clamp(duration.getSeconds(), Long.MIN_VALUE / 1000, Long.MAX_VALUE / 1000 - 1);
        return 1000 * seconds + duration.getNano() / 1_000_000;
    }

    private static void checkRange(String name, long value, long min, long max) {
        if (value < min || value > max) {
            String upTo = max == Long.MAX_VALUE ? " and more" : " to " + max;
            throw new IllegalArgumentException(name + " is " + value + ", allowed " + min + upTo);
        }
    }

    /** How table blocks are stored. */
    public enum Compression {
        /** As they are. */
        NONE,
        /** LZ4 where it saves an eighth or more. */
        LZ4
    }

    /** The defaults. */
    public static Options defaults() {
        return builder().build();
    }

    /** A builder that begins with the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /** Returns the options that have a value a person can read, by name: what OPTIONS-files hold. */
    public Map<String, String> readable() {
        Map<String, String> map = new TreeMap<>();
        map.put("createIfMissing", String.valueOf(createIfMissing));
        map.put("errorIfExists", String.valueOf(errorIfExists));
        map.put("readOnly", String.valueOf(readOnly));
        map.put("durability", String.valueOf(durability));
        map.put("loggedSyncInterval", String.valueOf(loggedSyncInterval));
        map.put("memoryBytes", String.valueOf(memoryBytes));
        map.put("writeBufferBytes", String.valueOf(writeBufferBytes));
        map.put("maxImmutableMemtables", String.valueOf(maxImmutableMemtables));
        map.put("blockBytes", String.valueOf(blockBytes));
        map.put("filterBitsPerKey", String.valueOf(filterBitsPerKey));
        map.put("compression", String.valueOf(compression));
        map.put("targetTableBytes", String.valueOf(targetTableBytes));
        map.put("level0CompactionTables", String.valueOf(level0CompactionTables));
        map.put("level0StopTables", String.valueOf(level0StopTables));
        map.put("baseLevelBytes", String.valueOf(baseLevelBytes));
        map.put("levelMultiplier", String.valueOf(levelMultiplier));
        map.put("debtSlowdownBytes", String.valueOf(debtSlowdownBytes));
        map.put("debtStopBytes", String.valueOf(debtStopBytes));
        map.put("compactionThreads", String.valueOf(compactionThreads));
        map.put("compactionBytesPerSecond", String.valueOf(compactionBytesPerSecond));
        map.put("manifestBytes", String.valueOf(manifestBytes));
        map.put("failWhenDiskFull", String.valueOf(failWhenDiskFull));
        map.put("checkLifetimes", String.valueOf(checkLifetimes));
        return map;
    }

    /** Returns a builder that begins with these options. */
    public Builder toBuilder() {
        Builder builder = new Builder();
        builder.createIfMissing = createIfMissing;
        builder.errorIfExists = errorIfExists;
        builder.readOnly = readOnly;
        builder.durability = durability;
        builder.loggedSyncInterval = loggedSyncInterval;
        builder.memoryBudget = memoryBudget;
        builder.memoryBytes = memoryBytes;
        builder.writeBufferBytes = writeBufferBytes;
        builder.maxImmutableMemtables = maxImmutableMemtables;
        builder.blockBytes = blockBytes;
        builder.filterBitsPerKey = filterBitsPerKey;
        builder.compression = compression;
        builder.targetTableBytes = targetTableBytes;
        builder.level0CompactionTables = level0CompactionTables;
        builder.level0StopTables = level0StopTables;
        builder.baseLevelBytes = baseLevelBytes;
        builder.levelMultiplier = levelMultiplier;
        builder.debtSlowdownBytes = debtSlowdownBytes;
        builder.debtStopBytes = debtStopBytes;
        builder.compactionThreads = compactionThreads;
        builder.compactionBytesPerSecond = compactionBytesPerSecond;
        builder.manifestBytes = manifestBytes;
        builder.failWhenDiskFull = failWhenDiskFull;
        builder.checkLifetimes = checkLifetimes;
        builder.listener = listener;
        builder.seams = seams;
        return builder;
    }

    /** Collects options; each method's argument is described at {@link Options}. */
    public static final class Builder {
        private boolean createIfMissing = true;
        private boolean errorIfExists = false;
        private boolean readOnly = false;
        private Durability durability = Durability.SYNCED;
        private Duration loggedSyncInterval = Duration.ofSeconds(1);
        private @Nullable MemoryBudget memoryBudget = null;
        private long memoryBytes = 512L << 20;
        private long writeBufferBytes = 64L << 20;
        private int maxImmutableMemtables = 2;
        private int blockBytes = 4096;
        private int filterBitsPerKey = 10;
        private Compression compression = Compression.LZ4;
        private long targetTableBytes = 64L << 20;
        private int level0CompactionTables = 4;
        private int level0StopTables = 24;
        private long baseLevelBytes = 256L << 20;
        private int levelMultiplier = 10;
        private long debtSlowdownBytes = 2L << 30;
        private long debtStopBytes = 16L << 30;
        private int compactionThreads = 1;
        private long compactionBytesPerSecond = 0;
        private long manifestBytes = 4L << 20;
        private boolean failWhenDiskFull = false;
        private boolean checkLifetimes = false;
        private DatabaseListener listener = DatabaseListener.none();
        private Seams seams = Seams.system();

        private Builder() {}

        public Builder createIfMissing(boolean createIfMissing) {
            this.createIfMissing = createIfMissing;
            return this;
        }

        public Builder errorIfExists(boolean errorIfExists) {
            this.errorIfExists = errorIfExists;
            return this;
        }

        public Builder readOnly(boolean readOnly) {
            this.readOnly = readOnly;
            return this;
        }

        public Builder durability(Durability durability) {
            this.durability = durability;
            return this;
        }

        public Builder loggedSyncInterval(Duration loggedSyncInterval) {
            this.loggedSyncInterval = loggedSyncInterval;
            return this;
        }

        public Builder memoryBudget(MemoryBudget memoryBudget) {
            this.memoryBudget = memoryBudget;
            return this;
        }

        /** Bounds this database's native memory; a smaller write buffer follows unless one is set afterwards. */
        public Builder memoryBytes(long memoryBytes) {
            this.memoryBytes = memoryBytes;
            this.writeBufferBytes = Math.max(64L << 10, Math.min(writeBufferBytes, memoryBytes / 8));
            return this;
        }

        public Builder writeBufferBytes(long writeBufferBytes) {
            this.writeBufferBytes = writeBufferBytes;
            return this;
        }

        public Builder maxImmutableMemtables(int maxImmutableMemtables) {
            this.maxImmutableMemtables = maxImmutableMemtables;
            return this;
        }

        public Builder blockBytes(int blockBytes) {
            this.blockBytes = blockBytes;
            return this;
        }

        public Builder filterBitsPerKey(int filterBitsPerKey) {
            this.filterBitsPerKey = filterBitsPerKey;
            return this;
        }

        public Builder compression(Compression compression) {
            this.compression = compression;
            return this;
        }

        public Builder targetTableBytes(long targetTableBytes) {
            this.targetTableBytes = targetTableBytes;
            return this;
        }

        public Builder level0CompactionTables(int level0CompactionTables) {
            this.level0CompactionTables = level0CompactionTables;
            return this;
        }

        public Builder level0StopTables(int level0StopTables) {
            this.level0StopTables = level0StopTables;
            return this;
        }

        public Builder baseLevelBytes(long baseLevelBytes) {
            this.baseLevelBytes = baseLevelBytes;
            return this;
        }

        public Builder levelMultiplier(int levelMultiplier) {
            this.levelMultiplier = levelMultiplier;
            return this;
        }

        public Builder debtSlowdownBytes(long debtSlowdownBytes) {
            this.debtSlowdownBytes = debtSlowdownBytes;
            return this;
        }

        public Builder debtStopBytes(long debtStopBytes) {
            this.debtStopBytes = debtStopBytes;
            return this;
        }

        public Builder compactionThreads(int compactionThreads) {
            this.compactionThreads = compactionThreads;
            return this;
        }

        public Builder compactionBytesPerSecond(long compactionBytesPerSecond) {
            this.compactionBytesPerSecond = compactionBytesPerSecond;
            return this;
        }

        public Builder manifestBytes(long manifestBytes) {
            this.manifestBytes = manifestBytes;
            return this;
        }

        public Builder failWhenDiskFull(boolean failWhenDiskFull) {
            this.failWhenDiskFull = failWhenDiskFull;
            return this;
        }

        public Builder checkLifetimes(boolean checkLifetimes) {
            this.checkLifetimes = checkLifetimes;
            return this;
        }

        public Builder listener(DatabaseListener listener) {
            this.listener = listener;
            return this;
        }

        public Builder seams(Seams seams) {
            this.seams = seams;
            return this;
        }

        /**
         * Makes the options.
         *
         * @throws IllegalArgumentException if a value is out of its range; names option, value and range
         */
        public Options build() {
            return new Options(
                    createIfMissing,
                    errorIfExists,
                    readOnly,
                    durability,
                    loggedSyncInterval,
                    memoryBudget,
                    memoryBytes,
                    writeBufferBytes,
                    maxImmutableMemtables,
                    blockBytes,
                    filterBitsPerKey,
                    compression,
                    targetTableBytes,
                    level0CompactionTables,
                    level0StopTables,
                    baseLevelBytes,
                    levelMultiplier,
                    debtSlowdownBytes,
                    debtStopBytes,
                    compactionThreads,
                    compactionBytesPerSecond,
                    manifestBytes,
                    failWhenDiskFull,
                    checkLifetimes,
                    listener,
                    seams);
        }
    }
}
