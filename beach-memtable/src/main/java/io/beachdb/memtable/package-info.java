/**
 * The sorted buffer that takes writes until it is flushed: a skiplist in native memory.
 *
 * <p>Any number of threads add and read at once; readers take no lock. An entry never changes once it is linked. A
 * memtable is rotated from active to immutable, flushed, and dropped whole; its memory is charged to the budget.
 *
 * <p>Not here: the flush (the table writer takes any cursor) and the choice of when to rotate (the engine). Nothing of
 * this reaches a disk.
 */
@NullMarked
package io.beachdb.memtable;

import org.jspecify.annotations.NullMarked;
