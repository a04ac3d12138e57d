/**
 * The engine behind {@code io.beachdb}: write path, read path, flush, compaction, snapshots, recovery.
 *
 * <p>Policy apart from mechanism: what to compact is a pure function from version to plan; running it is another class.
 * The order of steps at open and in a commit is part of the promises: see {@code docs/durability.md} before moving one.
 *
 * <p>Not here: formats, each of which has a module of its own, and access to files. For the tools and tests of BeachDB,
 * not for users. Where to start: {@code docs/architecture.md}, the life of a write.
 */
@NullMarked
package io.beachdb.db;

import org.jspecify.annotations.NullMarked;
