/**
 * Figures that can be repeated: JMH of the hot path, and the named workloads of db_bench, for BeachDB and its peers in
 * turns, each in a JVM of its own.
 *
 * <p>A workload checks the values that it reads, and starts when background work rests. Not here: the {@code beach
 * bench} command itself, which starts this as a child. What the figures mean: {@code docs/benchmarks.md}.
 */
@NullMarked
package io.beachdb.bench;

import org.jspecify.annotations.NullMarked;
