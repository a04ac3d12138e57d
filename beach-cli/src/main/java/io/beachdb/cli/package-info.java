/**
 * The {@code beach} command: a demonstration, single operations, load and export, dumps of every file kind, verification,
 * crash rounds, benchmarks.
 *
 * <p>Each command has {@code --help}, exits 0 only on success, and says what went wrong in one line on standard error.
 * Not here: anything that a program would want to call; a command only reads its arguments, calls the library and prints.
 */
@NullMarked
package io.beachdb.cli;

import org.jspecify.annotations.NullMarked;
