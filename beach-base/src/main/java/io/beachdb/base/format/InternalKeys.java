package io.beachdb.base.format;

import java.lang.foreign.MemorySegment;

/**
 * Internal keys: a user key and a <em>trailer</em>, the 56-bit sequence above the 8-bit kind in one long.
 *
 * <p>Order: user key ascending, then trailer descending (unsigned), so that the newest entry of a user key comes first.
 * Trailers compare unsigned.
 */
public final class InternalKeys {
    /** Largest sequence: 2^56 - 1. */
    public static final long MAX_SEQUENCE = (1L << 56) - 1;

    /** A value. */
    public static final int KIND_PUT = 1;
    /** A tombstone. */
    public static final int KIND_DELETE = 2;
    /** Reserved on disk, refused by this version. */
    public static final int KIND_SINGLE_DELETE = 3;
    /** Reserved on disk, refused by this version. */
    public static final int KIND_RANGE_DELETE = 4;
    /** Reserved on disk, refused by this version. */
    public static final int KIND_MERGE = 5;

    /** Above every real kind: a seek to (key, sequence, this) finds the newest entry at or below the sequence. */
    public static final int KIND_SEEK = 0xFF;

    /** The trailer before all others of a user key: a seek with it finds the key's newest entry. */
    public static final long NEWEST_TRAILER = trailer(MAX_SEQUENCE, KIND_SEEK);

    private InternalKeys() {}

    /** Joins sequence and kind. */
    public static long trailer(long sequence, int kind) {
        return sequence << 8 | kind;
    }

    /** Returns the trailer to seek to for reading at {@code sequence}. */
    public static long seekTrailer(long sequence) {
        return trailer(sequence, KIND_SEEK);
    }

    public static long sequence(long trailer) {
        return trailer >>> 8;
    }

    public static int kind(long trailer) {
        return (int) trailer & 0xFF;
    }

    /** Returns whether {@code kind} is one that this version writes and reads. */
    public static boolean isKnownKind(int kind) {
        return kind == KIND_PUT || kind == KIND_DELETE;
    }

    /** Compares two trailers of one user key in internal order: newer first. */
    public static int compareTrailers(long a, long b) {
        return Long.compareUnsigned(b, a);
    }

    /** Compares two internal keys; negative, zero or positive. */
    public static int compare(
            MemorySegment a,
            long aOffset,
            int aLength,
            long aTrailer,
            MemorySegment b,
            long bOffset,
            int bLength,
            long bTrailer) {
        int order = Keys.compare(a, aOffset, aLength, b, bOffset, bLength);
        return order != 0 ? order : compareTrailers(aTrailer, bTrailer);
    }

    /** Returns a kind's name, as dumps show it. */
    public static String kindName(int kind) {
        return switch (kind) {
            case KIND_PUT -> "PUT";
            case KIND_DELETE -> "DELETE";
            case KIND_SINGLE_DELETE -> "SINGLE_DELETE";
            case KIND_RANGE_DELETE -> "RANGE_DELETE";
            case KIND_MERGE -> "MERGE";
            default -> "KIND_" + kind;
        };
    }
}
