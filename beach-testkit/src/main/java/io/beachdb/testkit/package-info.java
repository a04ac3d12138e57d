/**
 * A disk that forgets, and a clock, a scheduler and a randomness that a seed decides: for tests of code that writes
 * files through {@code io.beachdb.durability}.
 *
 * <p>After a cut the simulated disk keeps what was synced and, as the seed has it, any of the rest that a POSIX system
 * is free to keep: data, sizes, names, renames, unlinks. It also checks, at each acknowledgement, that everything relied
 * upon is durable at that moment.
 *
 * <p>Not here: anything that knows a database ({@code io.beachdb.dbtestkit}). The model: {@code docs/durability.md}.
 */
@NullMarked
package io.beachdb.testkit;

import org.jspecify.annotations.NullMarked;
