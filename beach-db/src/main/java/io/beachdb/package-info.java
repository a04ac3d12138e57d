/**
 * The database: open a directory, put, get, delete, write batches, read through snapshots and cursors, close.
 *
 * <p>Keys are bytes in unsigned order, and values are bytes. A write is on disk when it returns, unless a weaker
 * durability is asked for. Every call is safe from every thread, at any moment, also after close; a mistake is an
 * exception, never a crash of the JVM. (A segment of ours that is kept too long is one with
 * {@link io.beachdb.Options#checkLifetimes} only; without, it reads unspecified bytes.)
 *
 * <p>Nothing is printed or logged, except through slf4j where the application has a provider. What can go wrong is the
 * sealed family under {@link io.beachdb.base.BeachException}. What holds after each call: {@code docs/durability.md}.
 */
@NullMarked
package io.beachdb;

import org.jspecify.annotations.NullMarked;
