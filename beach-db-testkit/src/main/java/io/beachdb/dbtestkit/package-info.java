/**
 * The whole database under test: a reference model, seeded workloads, an oracle that says what may be read back after a
 * crash, and simulation of several clients on one engine.
 *
 * <p>A run is a function of its seed: it prints the seed, and the same seed plays the same run.
 *
 * <p>Crash rounds of real processes: {@code CrashWorker} plays a {@code CrashWorkload} and says what was acknowledged,
 * {@code CrashVerifier} judges what a kill left. The classes named {@code Crash...} are theirs.
 *
 * <p>Not here: the simulated disk, clock and scheduler ({@code io.beachdb.testkit}).
 */
@NullMarked
package io.beachdb.dbtestkit;

import org.jspecify.annotations.NullMarked;
