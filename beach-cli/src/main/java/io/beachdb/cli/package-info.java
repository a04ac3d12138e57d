/**
 * The {@code beach} command: a demonstration, single operations, load and export, dumps of every file kind, verification,
 * crash rounds, benchmarks. What it promises to scripts: {@code docs/guides/commands.md}.
 *
 * <p>Each command is a class that reads its arguments, calls the library and prints. Results go through {@code Output}, which
 * fails loudly; errors come out as one line by way of {@code Errors}. Each has {@code --help} and exits with 0 only on success.
 *
 * <p>Not here: anything that a program would want to call, and what crash rounds do and how they are judged
 * ({@code io.beachdb.dbtestkit}). Start at {@code Main}.
 */
@NullMarked
package io.beachdb.cli;

import org.jspecify.annotations.NullMarked;
