/**
 * Which files make up the database: version edits, the MANIFEST that records them, and CURRENT, which points at it.
 *
 * <p>An edit takes tables only as durable files, and once it is synced gives the receipt without which no file can be
 * deleted. A version is immutable; applying an edit makes the next one.
 *
 * <p>Not here: what is in the files, and which tables to compact. Bytes on disk: {@code docs/formats/manifest.md}.
 */
@NullMarked
package io.beachdb.manifest;

import org.jspecify.annotations.NullMarked;
