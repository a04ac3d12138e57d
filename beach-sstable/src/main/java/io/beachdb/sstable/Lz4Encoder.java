package io.beachdb.sstable;

import io.beachdb.base.format.Bytes;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Compresses blocks to LZ4's block format in Java, for processes without native access. lz4-java's compressor in Java makes a new
 * table of 16 KiB for each block; this one keeps its table, so that background work makes no garbage (decision 0013). One thread
 * at a time.
 *
 * <p>The format is that of the LZ4 project's lz4_Block_format.md: sequences of a token, literals, and a match copied from at most
 * 65,535 bytes back. The last five bytes are literals, and no match begins in the last twelve.
 */
final class Lz4Encoder implements Lz4.Compressor {
    private static final int TABLE_BITS = 12;
    private static final int HASH_FACTOR = 0x9E3779B1; // 2^32 divided by the golden ratio
    private static final int MIN_MATCH = 4;
    private static final int LAST_LITERALS = 5;
    private static final int LAST_MATCH_START = 12;
    private static final int MAX_DISTANCE = 65_535;
    private static final int SKIP_SHIFT =
            6; // after 64 places without a match every second one is tried, then every third ...
    private static final int NIBBLE = 15;
    private static final int LITERALS_SHIFT = 4;
    private static final int MORE = 255;

    /**
     * Where four bytes with this hash stood last, as {@link #base} plus the offset in the block. What earlier blocks left is below
     * the base, so that the table need not be cleared for each block.
     */
    private final int[] lastSeen = new int[1 << TABLE_BITS];

    private int base = 1;

    @Override
    public int compress(NativeBlock source, int length, NativeBlock destination, int at) {
        if (base > Integer.MAX_VALUE - length) {
            Arrays.fill(lastSeen, 0);
            base = 1;
        }
        int end = encode(source.memory(), length, destination.memory(), at);
        base += length;
        return end - at;
    }

    private int encode(MemorySegment in, int length, MemorySegment out, int at) {
        int to = at;
        int literals = 0; // where the bytes begin that no sequence holds yet
        int place = 0;
        int tries = 1 << SKIP_SHIFT;
        while (place <= length - LAST_MATCH_START) {
            int four = Bytes.getU32(in, place);
            int slot = slot(four);
            int match = lastSeen[slot] - base;
            lastSeen[slot] = base + place;
            if (match < 0 || place - match > MAX_DISTANCE || Bytes.getU32(in, match) != four) {
                place += tries++ >>> SKIP_SHIFT;
                continue;
            }
            while (place > literals && match > 0 && Bytes.getU8(in, place - 1) == Bytes.getU8(in, match - 1)) {
                place--;
                match--;
            }
            int matched = MIN_MATCH + common(in, match + MIN_MATCH, place + MIN_MATCH, length - LAST_LITERALS);
            to = putSequence(in, literals, place - literals, place - match, matched, out, to);
            place += matched;
            literals = place;
            tries = 1 << SKIP_SHIFT;
            lastSeen[slot(Bytes.getU32(in, place - 2))] = base + place - 2;
        }
        to = putLiterals(in, literals, length - literals, 0, out, to);
        return to;
    }

    private static int slot(int four) {
        return (four * HASH_FACTOR) >>> (Integer.SIZE - TABLE_BITS);
    }

    /** Returns how many bytes from {@code b} on, before {@code end}, equal those from {@code a} on. */
    private static int common(MemorySegment in, int a, int b, int end) {
        int same = 0;
        while (b + same + Long.BYTES <= end) {
            long difference = Bytes.getU64(in, a + same) ^ Bytes.getU64(in, b + same);
            if (difference != 0) {
                return same + (Long.numberOfTrailingZeros(difference) >>> 3);
            }
            same += Long.BYTES;
        }
        while (b + same < end && Bytes.getU8(in, a + same) == Bytes.getU8(in, b + same)) {
            same++;
        }
        return same;
    }

    private static int putSequence(
            MemorySegment in, int literals, int count, int distance, int matched, MemorySegment out, int at) {
        int rest = matched - MIN_MATCH;
        int to = putLiterals(in, literals, count, Math.min(rest, NIBBLE), out, at);
        Bytes.putU16(out, to, distance);
        to += 2;
        return rest < NIBBLE ? to : putMore(rest - NIBBLE, out, to);
    }

    /** Writes a token, with {@code matchNibble} as its lower half, and the literals. */
    private static int putLiterals(MemorySegment in, int from, int count, int matchNibble, MemorySegment out, int at) {
        int to = at + 1;
        Bytes.putU8(out, at, Math.min(count, NIBBLE) << LITERALS_SHIFT | matchNibble);
        if (count >= NIBBLE) {
            to = putMore(count - NIBBLE, out, to);
        }
        copy(in, from, count, out, to);
        return to + count;
    }

    private static int putMore(int rest, MemorySegment out, int at) {
        int to = at;
        int left = rest;
        while (left >= MORE) {
            Bytes.putU8(out, to++, MORE);
            left -= MORE;
        }
        Bytes.putU8(out, to++, left);
        return to;
    }

    /** Copies mostly few bytes: longs in line are faster than a call of the JDK's copy. */
    private static void copy(MemorySegment in, int from, int count, MemorySegment out, int to) {
        if (count >= Long.BYTES) {
            int last = count - Long.BYTES;
            for (int i = 0; i < last; i += Long.BYTES) {
                Bytes.putU64(out, to + i, Bytes.getU64(in, from + i));
            }
            Bytes.putU64(out, to + last, Bytes.getU64(in, from + last));
            return;
        }
        for (int i = 0; i < count; i++) {
            Bytes.putU8(out, to + i, Bytes.getU8(in, from + i));
        }
    }
}
