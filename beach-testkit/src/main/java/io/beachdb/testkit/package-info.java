/**
 * A disk that forgets, and a clock, a scheduler and a randomness that a seed decides: for tests of code that writes
 * files through {@code io.beachdb.durability}.
 *
 * <p>A {@link SimulatedDisk} holds files in memory; each simulated process uses them through a {@link SimulatedVfs}. After
 * a power cut there is what was synced and, of the rest, what a {@link CutPolicy} chooses among all that a POSIX system
 * may keep: bytes, sizes, names, renames, deletions. After the kill of a process everything is kept, and still not on
 * disk. A {@link Fault} makes operations fail. On a {@link SimulatedScheduler} exactly one task runs at a time, and the
 * seed chooses who goes on; equal seeds give equal runs.
 *
 * <p>Without any cut, each acknowledgement ({@code Vfs.relyOn}) is checked: what is counted on must be on disk at that
 * moment, or a {@link DurabilityViolation} names what is missing. {@link CheckedVfs} does the same for real files.
 *
 * <p>Not here: anything that knows a database ({@code io.beachdb.dbtestkit}). How to use it:
 * {@code docs/guides/testing-your-storage-code.md}. Start at {@link SimulatedDisk}; the model is {@link DiskModel}.
 */
@NullMarked
package io.beachdb.testkit;

import org.jspecify.annotations.NullMarked;
