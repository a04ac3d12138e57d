/**
 * Native memory by the pool: few, long-lived arenas from which the engine's buffers come and to which they return, each
 * charged to a {@link io.beachdb.base.MemoryBudget}.
 *
 * <p>Arenas are closed seldom, in batches and in the background, because closing a shared one stalls every busy thread.
 * For the sibling modules, not for users.
 *
 * <p>Not here: the account itself, which users share between databases, and the caches and buffers that live in this
 * memory.
 */
@NullMarked
package io.beachdb.base.memory;

import org.jspecify.annotations.NullMarked;
