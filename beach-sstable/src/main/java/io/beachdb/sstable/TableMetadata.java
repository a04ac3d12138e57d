package io.beachdb.sstable;

/**
 * What the rest of the engine must know of a table without opening it.
 *
 * @param fileNumber number of the file
 * @param fileBytes its size
 * @param smallestKey user key of the first entry; not copied, not to be changed
 * @param smallestTrailer trailer of the first entry
 * @param largestKey user key of the last entry; not copied, not to be changed
 * @param largestTrailer trailer of the last entry
 * @param entries number of entries, tombstones included
 * @param tombstones number of tombstones
 * @param smallestSequence smallest sequence of any entry
 * @param largestSequence largest sequence of any entry
 * @param rawBytes bytes of user keys, trailers and values before compression
 * @param creationMillis wall clock when the table was begun
 * @param shadowedBytes bytes, of those in {@code rawBytes}, of entries behind a newer one of the same user key
 */
@SuppressWarnings("ArrayRecordComponent") // keys; compared by nobody, and a wrapper would say nothing more
public record TableMetadata(
        long fileNumber,
        long fileBytes,
        byte[] smallestKey,
        long smallestTrailer,
        byte[] largestKey,
        long largestTrailer,
        long entries,
        long tombstones,
        long smallestSequence,
        long largestSequence,
        long rawBytes,
        long creationMillis,
        long shadowedBytes) {}
