/**
 * The write-ahead log: an append-only sequence of records in numbered logs, written in groups, synced, read back after a
 * crash.
 *
 * <p>A writer appends and syncs; a record is durable once a sync that began after its append has returned. A reader
 * yields records in append order, ends at a torn tail, and reports damage to anything that had been synced.
 *
 * <p>Not here: what a record means (the engine) and when a log may go (the manifest). Bytes on disk:
 * {@code docs/formats/wal.md}, in the framing of {@code docs/formats/framing.md}. Start at {@link WalWriter} for the way
 * in, at {@link LogRecovery} for the way back; {@link LogSupply} has the files.
 */
@NullMarked
package io.beachdb.wal;

import org.jspecify.annotations.NullMarked;
