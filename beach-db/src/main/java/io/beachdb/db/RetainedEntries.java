package io.beachdb.db;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.Keys;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.base.memory.Parts;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * What of a sorted run of entries somebody can still see: the filter of flushes and compactions. Forwards only.
 *
 * <p>The boundaries (snapshots, then what was visible when the work began) cut the sequences into stripes. Of the entries
 * of one user key only the newest in each stripe can be seen by anybody, now or later. Above the last boundary everything
 * is kept. In the oldest stripe, when nothing older of the key can lie below ({@link Bottom}), a tombstone is dropped and a
 * sequence becomes zero.
 */
final class RetainedEntries implements EntryCursor {

    /** Whether tables below the output may hold older entries of a key. Asked in ascending order of keys. */
    @FunctionalInterface
    interface Bottom {
        boolean isBottom(MemorySegment key, long offset, int length);

        /** For flushes: below there may be anything. */
        static Bottom never() {
            return (key, offset, length) -> false;
        }
    }

    private final EntryCursor input;
    private final long[] boundaries;
    private final Bottom bottom;
    private final MemoryAccount account;
    private NativeBlock lastKey;
    private int lastKeyLength = -1;
    private int lastStripe;
    private boolean atBottom;
    private long trailer;

    /** @param boundaries ascending, not empty */
    RetainedEntries(EntryCursor input, long[] boundaries, Bottom bottom, MemoryAccount account) {
        this.input = input;
        this.boundaries = boundaries;
        this.bottom = bottom;
        this.account = account;
        try (Parts parts = new Parts()) {
            parts.add(input);
            this.lastKey = parts.add(
                    account.acquire(MemoryUse.COMPACTION, 4096), b -> account.release(MemoryUse.COMPACTION, b));
            parts.complete();
        }
    }

    @Override
    public void first() {
        input.first();
        lastKeyLength = -1;
        settle();
    }

    @Override
    public void next() {
        input.next();
        settle();
    }

    private void settle() {
        for (; input.valid(); input.next()) {
            boolean sameKey = isLastKey();
            if (!sameKey) {
                rememberKey();
            }
            long entry = input.trailer();
            int stripe = stripe(InternalKeys.sequence(entry));
            if (sameKey && stripe == lastStripe && stripe <= boundaries.length - 1) {
                continue; // hidden from everybody by the newer entry in this stripe
            }
            lastStripe = stripe;
            if (stripe == 0 && atBottom) {
                if (InternalKeys.kind(entry) == InternalKeys.KIND_DELETE) {
                    continue;
                }
                trailer = InternalKeys.trailer(0, InternalKeys.kind(entry));
            } else {
                trailer = entry;
            }
            return;
        }
    }

    /** Index of the oldest boundary that sees {@code sequence}; their count when none does. */
    private int stripe(long sequence) {
        if (sequence <= boundaries[0]) {
            return 0;
        }
        int at = Arrays.binarySearch(boundaries, sequence);
        return at >= 0 ? at : -at - 1;
    }

    private boolean isLastKey() {
        return lastKeyLength == input.keyLength()
                && Keys.compare(input.keyMemory(), input.keyOffset(), lastKeyLength, lastKey.memory(), 0, lastKeyLength)
                        == 0;
    }

    private void rememberKey() {
        lastKeyLength = input.keyLength();
        if (lastKeyLength > lastKey.bytes()) {
            NativeBlock larger = account.acquire(MemoryUse.COMPACTION, lastKeyLength);
            account.release(MemoryUse.COMPACTION, lastKey);
            lastKey = larger;
        }
        MemorySegment.copy(input.keyMemory(), input.keyOffset(), lastKey.memory(), 0, lastKeyLength);
        atBottom = bottom.isBottom(lastKey.memory(), 0, lastKeyLength);
    }

    @Override
    public boolean valid() {
        return input.valid();
    }

    @Override
    public MemorySegment keyMemory() {
        return input.keyMemory();
    }

    @Override
    public long keyOffset() {
        return input.keyOffset();
    }

    @Override
    public int keyLength() {
        return input.keyLength();
    }

    @Override
    public long trailer() {
        return trailer;
    }

    @Override
    public long valueLength() {
        return input.valueLength();
    }

    @Override
    public MemorySegment valueMemory() {
        return input.valueMemory();
    }

    @Override
    public long valueOffset() {
        return input.valueOffset();
    }

    @Override
    public void copyValue(long from, MemorySegment destination, long at, long length) {
        input.copyValue(from, destination, at, length);
    }

    @Override
    public void last() {
        throw forwardsOnly();
    }

    @Override
    public void previous() {
        throw forwardsOnly();
    }

    @Override
    public void seek(MemorySegment key, long offset, int length, long seekTrailer) {
        throw forwardsOnly();
    }

    @Override
    public void seekBefore(MemorySegment key, long offset, int length, long seekTrailer) {
        throw forwardsOnly();
    }

    private static IllegalStateException forwardsOnly() {
        return new IllegalStateException("retained entries are read forwards from the first only");
    }

    private boolean closed;

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            account.release(MemoryUse.COMPACTION, lastKey);
            input.close();
        }
    }
}
