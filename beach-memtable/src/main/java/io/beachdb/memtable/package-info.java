/**
 * The sorted buffer that takes writes until it is flushed: a skiplist in native memory.
 *
 * <p>Any number of threads add to a {@link io.beachdb.memtable.Memtable} and read it at once; readers take no lock. Each
 * adding thread brings an {@link io.beachdb.memtable.Inserter}, which makes keys in order cheap. An entry never changes
 * once it is linked. A memtable is rotated from active to immutable, flushed, and dropped whole; its memory is charged to
 * the budget, and nothing is allocated on the Java heap per entry or read.
 *
 * <p>Not here: the flush (the table writer takes any cursor), the choice of when to rotate, and keeping a memtable open
 * while somebody reads it (the engine). Nothing of this reaches a disk.
 *
 * <p>Start at {@link io.beachdb.memtable.Memtable}; the bytes of an entry are in {@code Node}.
 */
@NullMarked
package io.beachdb.memtable;

import org.jspecify.annotations.NullMarked;
