package io.beachdb.db;

import org.jspecify.annotations.Nullable;

/**
 * Synced writes whose sync is to come, in the order of their sequences. A chain through the requests: adding one cannot run
 * out of memory, so nobody who waits for a sync is forgotten.
 */
final class UnsyncedRequests {
    // Guarded by this.
    private @Nullable WriteRequest first;
    private @Nullable WriteRequest last;

    /** Adds a request whose sequences are larger than those of all before. */
    synchronized void add(WriteRequest request) {
        request.nextUnsynced = null;
        if (last == null) {
            first = request;
        } else {
            last.nextUnsynced = request;
        }
        last = request;
    }

    /** Takes out the first request, if its last sequence is not larger than {@code sequence}; null if there is none. */
    synchronized @Nullable WriteRequest takeUpTo(long sequence) {
        WriteRequest request = first;
        if (request == null || request.lastSequence > sequence) {
            return null;
        }
        first = request.nextUnsynced;
        if (first == null) {
            last = null;
        }
        return request;
    }

    /** Takes out {@code request}, if it is there. */
    synchronized void remove(WriteRequest request) {
        WriteRequest before = null;
        for (WriteRequest at = first; at != null; before = at, at = at.nextUnsynced) {
            if (at == request) {
                if (before == null) {
                    first = at.nextUnsynced;
                } else {
                    before.nextUnsynced = at.nextUnsynced;
                }
                if (last == at) {
                    last = before;
                }
                return;
            }
        }
    }
}
