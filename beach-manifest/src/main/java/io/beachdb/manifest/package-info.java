/**
 * Which files make up the database: version edits, the MANIFEST that records them, and CURRENT, which leads to it.
 *
 * <p>A {@link ManifestReader} gives the state that an earlier run left. A {@link ManifestWriter} begins this run's manifest
 * with it, then records one {@link VersionEdit} after another. An edit takes tables only with the receipt that they are
 * on disk, and once it is synced gives the receipt without which no file can be deleted. A {@link Version} is immutable:
 * an edit makes the next one, and looking for a table by key in it allocates nothing.
 *
 * <p>Not here: what is in the files, which tables to compact, and who still reads a table that was dropped (the engine).
 * Bytes on disk: {@code docs/formats/manifest.md}. Start at {@link ManifestWriter}.
 */
@NullMarked
package io.beachdb.manifest;

import org.jspecify.annotations.NullMarked;
