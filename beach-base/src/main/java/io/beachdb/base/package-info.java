/**
 * What users and every module share: the exceptions, the cursor contract, the order of keys and typed encoders for them,
 * the memory budget, and the seams.
 *
 * <p>The seams (clock, scheduler, source of randomness; the one for files is in {@code io.beachdb.durability}) are the
 * only ways in which the engine meets time, threads and chance: whoever replaces them has the engine in hand. All
 * waiting goes through the scheduler. Everything native is charged to a budget.
 *
 * <p>Not here: anything that opens a file, and helpers without a home. The list is closed. What is written to disk by
 * more than one module is in {@code io.beachdb.base.format}. Start at the exceptions for what can go wrong, at the
 * scheduler for how work runs.
 */
@NullMarked
package io.beachdb.base;

import org.jspecify.annotations.NullMarked;
