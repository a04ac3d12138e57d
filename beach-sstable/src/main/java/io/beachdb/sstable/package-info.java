/**
 * Immutable sorted tables: the writer that a flush or a compaction feeds with a cursor, the reader, its cursors, and the
 * cache of blocks they share.
 *
 * <p>A table is whole or not at all: the writer ends in a durable file, and only such a file can be named by an edit.
 * Each block read from disk is checked before it is decompressed or used.
 *
 * <p>Not here: where the entries come from, which tables there are (the manifest), and which of them are compacted (the
 * engine). Bytes on disk: {@code docs/formats/sstable.md}.
 */
@NullMarked
package io.beachdb.sstable;

import org.jspecify.annotations.NullMarked;
