package io.beachdb;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reading: what a {@link BeachDB} (its newest state, anew with each call) and a {@link Snapshot} (one instant) share.
 *
 * <p>Keys are 0 to 1 MiB long and are not kept. Any thread, virtual ones too. All calls throw
 * {@code CorruptionException} when bytes on disk are wrong, {@code StorageException} when they cannot be read,
 * {@code ClosedException} after a close.
 */
public interface Reader {

    /** Returns a copy of the value of {@code key}, or null when it is absent. */
    byte @Nullable [] get(byte[] key);

    /** Returns a copy of the value of {@code key}, or null when it is absent. */
    byte @Nullable [] get(MemorySegment key);

    /**
     * Copies the value of {@code key} to the start of {@code destination}, without allocating.
     *
     * @return length of the value; -1 when the key is absent. When it is more than fits, nothing was copied
     */
    long get(byte[] key, MemorySegment destination);

    /** As {@link #get(byte[], MemorySegment)}. */
    long get(MemorySegment key, MemorySegment destination);

    /**
     * Gives the value of {@code key} to {@code reader} without copying it, as a read-only segment valid inside the call
     * only. Inside, calls that may wait (writes, flushes, close) throw {@link IllegalStateException}.
     *
     * @return what {@code reader} returned; null when the key is absent
     */
    <T> @Nullable T view(byte[] key, Function<MemorySegment, T> reader);

    /** As {@link #view(byte[], Function)}. */
    <T> @Nullable T view(MemorySegment key, Function<MemorySegment, T> reader);

    /** Returns copies of the values of all {@code keys} at one instant, in their order; null for each that is absent. */
    List<byte @Nullable []> multiGet(List<byte[]> keys);

    /** Returns a cursor over all keys; the caller closes it. */
    Cursor cursor();

    /** Returns a cursor over the keys of {@code range}; the caller closes it. */
    Cursor cursor(Range range);

    /** Returns the sequence of the newest write that this reader sees now. */
    long sequence();
}
