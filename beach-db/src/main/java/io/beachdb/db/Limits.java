package io.beachdb.db;

import io.beachdb.base.format.Keys;

/** Bounds of keys, values and batches, checked before anything is written. */
public final class Limits {
    /** Largest value or batch, whatever the budget. */
    public static final long MAX_VALUE_BYTES = 1L << 30;

    private Limits() {}

    public static void checkKeyLength(long length) {
        if (length > Keys.MAX_KEY_BYTES) {
            throw new IllegalArgumentException("key has " + length + " bytes, allowed up to " + Keys.MAX_KEY_BYTES);
        }
    }

    /** Returns the largest value or batch under a memory budget: a quarter of it, at most 1 GiB. */
    public static long maxBatchBytes(long budgetBytes) {
        return Math.min(MAX_VALUE_BYTES, budgetBytes / 4);
    }
}
