package io.beachdb.dbtestkit;

import io.beachdb.Options;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/** Named sets of options and habits for crash runs: each aims at other parts of the engine. */
public enum CrashProfile {
    /** The options that users get, one writer, values up to a few hundred KiB. */
    DEFAULT(1, 1500, 300 << 10),
    /** Everything as small as it may be, so that rotation, recycling, flush and compaction happen all the time. */
    TINY(1, 400, 12 << 10),
    /** Small sizes and four writers whose keys interleave: group commit, and batches that meet. */
    THREADS(4, 300, 4 << 10),
    /** Values of half a memtable: memtables and logs are rotated, and logs recycled, on almost every write. */
    ROTATION(1, 60, 60 << 10),
    /** Two writers who flush all the time, and tables of 4 KiB, which are compacted as soon as there is one. */
    COMPACTION(2, 200, 2 << 10);

    private static final int SMALLEST_HALF = 28 << 10;

    private final int lanes;
    private final int keysPerLane;
    private final int largestValue;

    CrashProfile(int lanes, int keysPerLane, int largestValue) {
        this.lanes = lanes;
        this.keysPerLane = keysPerLane;
        this.largestValue = largestValue;
    }

    /**
     * Returns the profile of a name.
     *
     * @throws IllegalArgumentException if there is none; lists the names there are
     */
    public static CrashProfile named(String name) {
        for (CrashProfile profile : values()) {
            if (profile.label().equals(name)) {
                return profile;
            }
        }
        throw new IllegalArgumentException("profile is '" + name + "', allowed "
                + Arrays.stream(values()).map(CrashProfile::label).collect(Collectors.joining(", ")));
    }

    /** Returns the name, as commands and files have it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Returns how many threads write. */
    public int lanes() {
        return lanes;
    }

    int keysPerLane() {
        return keysPerLane;
    }

    /** Returns the options to open the database with. */
    public Options options() {
        if (this == DEFAULT) {
            return Options.defaults();
        }
        boolean compacts = this == COMPACTION;
        return Options.builder()
                .memoryBytes(16L << 20)
                .writeBufferBytes(64 << 10)
                .blockBytes(512)
                .targetTableBytes(compacts ? 4 << 10 : 32 << 10)
                .level0CompactionTables(compacts ? 1 : 2)
                .level0StopTables(6)
                .baseLevelBytes(compacts ? 64 << 10 : 128 << 10)
                .levelMultiplier(3)
                .debtSlowdownBytes(1 << 20)
                .debtStopBytes(4 << 20)
                .manifestBytes(8 << 10)
                .build();
    }

    /** Returns whether almost every operation makes the engine write a multiple of it: few of them fill a round. */
    public boolean isSlow() {
        return this == ROTATION || this == COMPACTION;
    }

    /** Draws how long a value is: mostly short, now and then several blocks, seldom as long as the profile goes. */
    int valueLength(SplittableRandom random) {
        if (this == ROTATION) {
            return random.nextInt(SMALLEST_HALF, largestValue);
        }
        int dice = random.nextInt(1000);
        if (dice < 900) {
            return random.nextInt(CrashValues.SHORTEST, 300);
        }
        return random.nextInt(300, dice < 998 ? Math.min(largestValue, 6000) : largestValue);
    }

    /** Draws what an operation does. Flushes and compactions by demand are rare where sizes bring them anyway. */
    CrashOperation.Kind kind(SplittableRandom random) {
        int dice = random.nextInt(1000);
        if (this == COMPACTION && dice < 80) {
            return dice < 60 ? CrashOperation.Kind.FLUSH : CrashOperation.Kind.COMPACT;
        }
        if (dice < 4) {
            return CrashOperation.Kind.FLUSH;
        }
        if (dice < 14) {
            return CrashOperation.Kind.SYNC;
        }
        if (dice < 16) {
            return CrashOperation.Kind.COMPACT;
        }
        return dice < 500
                ? CrashOperation.Kind.PUT
                : dice < 680 ? CrashOperation.Kind.DELETE : CrashOperation.Kind.BATCH;
    }
}
