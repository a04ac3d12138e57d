package io.beachdb.dbtestkit;

import io.beachdb.Durability;
import io.beachdb.dbtestkit.CrashOperation.Edit;
import io.beachdb.dbtestkit.CrashOperation.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;

/**
 * What a crash run does, as a function of seed, count and profile: one sequence of operations for each lane. Lanes have
 * keys of their own (that lie between those of the others), so that each lane's outcome is determined by how far it came.
 *
 * <p>Whoever knows the three numbers knows every operation: the process that was killed need not say more than how far
 * it came.
 */
public final class CrashWorkload {
    /** Most operations of a run, in all lanes: they are held in memory. */
    public static final int MAX_OPERATIONS = 1_000_000;

    private static final int MAX_BATCH = 8;
    private static final int HOT_PERCENT = 30;
    private static final int HOT_SHARE = 20;

    private final long seed;
    private final int count;
    private final CrashProfile profile;
    private final List<List<CrashOperation>> lanes = new ArrayList<>();

    /**
     * @param seed makes it all
     * @param count operations in all lanes together; 0 to {@value #MAX_OPERATIONS}
     */
    public CrashWorkload(long seed, int count, CrashProfile profile) {
        checkCount(count);
        this.seed = seed;
        this.count = count;
        this.profile = profile;
        for (int lane = 0; lane < profile.lanes(); lane++) {
            lanes.add(draw(lane));
        }
    }

    static void checkCount(int count) {
        if (count < 0 || count > MAX_OPERATIONS) {
            throw new IllegalArgumentException("ops is " + count + ", allowed 0 to " + MAX_OPERATIONS);
        }
    }

    public long seed() {
        return seed;
    }

    /** Returns the operations of all lanes together. */
    public int count() {
        return count;
    }

    public CrashProfile profile() {
        return profile;
    }

    /** Returns how many lanes there are. */
    public int lanes() {
        return lanes.size();
    }

    /** Returns what one lane does, in order. */
    public List<CrashOperation> operations(int lane) {
        return lanes.get(lane);
    }

    /** Returns the value that an edit puts in a run of this workload. */
    public byte[] value(int run, int lane, int operation, int slot) {
        int length = operations(lane).get(operation).edits().get(slot).length();
        return CrashValues.make(seed, new CrashOrigin(run, lane, operation, slot), length);
    }

    private List<CrashOperation> draw(int lane) {
        int mine = count / profile.lanes() + (lane < count % profile.lanes() ? 1 : 0);
        SplittableRandom random = new SplittableRandom(mix(seed, lane));
        String[] keys = keys(lane);
        List<CrashOperation> operations = new ArrayList<>(mine);
        for (int index = 0; index < mine; index++) {
            Kind kind = profile.kind(random);
            Durability durability = kind.writes() ? durability(random) : Durability.SYNCED;
            operations.add(new CrashOperation(index, kind, durability, edits(kind, keys, random)));
        }
        return List.copyOf(operations);
    }

    private static Durability durability(SplittableRandom random) {
        int dice = random.nextInt(100);
        return dice < 55 ? Durability.SYNCED : dice < 85 ? Durability.LOGGED : Durability.UNLOGGED;
    }

    private List<Edit> edits(Kind kind, String[] keys, SplittableRandom random) {
        return switch (kind) {
            case PUT -> List.of(put(keys, random));
            case DELETE -> List.of(new Edit(key(keys, random), Edit.DELETE));
            case BATCH -> {
                List<Edit> edits = new ArrayList<>();
                for (int left = random.nextInt(2, MAX_BATCH + 1); left > 0; left--) {
                    edits.add(random.nextInt(4) == 0 ? new Edit(key(keys, random), Edit.DELETE) : put(keys, random));
                }
                yield List.copyOf(edits);
            }
            case FLUSH, SYNC, COMPACT -> List.of();
        };
    }

    private Edit put(String[] keys, SplittableRandom random) {
        return new Edit(key(keys, random), profile.valueLength(random));
    }

    /** Draws a key, often one of a few hot ones: overwrites and deletes should meet something. */
    private static String key(String[] keys, SplittableRandom random) {
        boolean hot = random.nextInt(100) < HOT_PERCENT;
        return keys[random.nextInt(hot ? Math.max(1, keys.length / HOT_SHARE) : keys.length)];
    }

    /** The keys of a lane. The number comes first, so that lanes interleave; the dots give keys of many lengths. */
    private String[] keys(int lane) {
        String[] keys = new String[profile.keysPerLane()];
        for (int number = 0; number < keys.length; number++) {
            keys[number] = "k" + (10_000 + number) + "/" + lane + ".".repeat(number % 23);
        }
        return keys;
    }

    /** Returns the line that acknowledges an operation: all that a verifier needs, and enough for a person. */
    public String acknowledgement(int run, int lane, CrashOperation operation) {
        StringBuilder line = new StringBuilder("ACK ")
                .append(lane)
                .append(' ')
                .append(operation.index())
                .append(' ')
                .append(operation.kind());
        for (int slot = 0; slot < operation.edits().size(); slot++) {
            Edit edit = operation.edits().get(slot);
            if (edit.isPut()) {
                CRC32C checksum = new CRC32C();
                checksum.update(value(run, lane, operation.index(), slot));
                line.append(String.format(" +%s=%08x", edit.key(), checksum.getValue()));
            } else {
                line.append(" -").append(edit.key());
            }
        }
        return line.toString();
    }

    /** Mixes two numbers into a seed (the finaliser of MurmurHash3, by Austin Appleby). */
    static long mix(long a, long b) {
        long hash = a * 0x9E3779B97F4A7C15L + b;
        hash = (hash ^ hash >>> 33) * 0xFF51AFD7ED558CCDL;
        hash = (hash ^ hash >>> 33) * 0xC4CEB9FE1A85EC53L;
        return hash ^ hash >>> 33;
    }
}
