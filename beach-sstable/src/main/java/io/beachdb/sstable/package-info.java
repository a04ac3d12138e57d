/**
 * Immutable sorted tables: the writer that a flush or a compaction feeds with a cursor, the reader, its cursors, and the
 * cache of blocks they share.
 *
 * <p>A {@link TableWriter} takes entries in order, fills a file with them, and yields what an edit needs to name it. A {@link TableReader} answers point reads inside an epoch, without locks, copies or allocation, and
 * makes cursors that pin what they stand on. Blocks live decompressed in the {@link BlockCache}, each checked when it came
 * from disk: checksum, then decompression, then structure, then use.
 *
 * <p>Not here: where the entries come from, which tables there are (the manifest), and which of them are compacted (the
 * engine). Bytes on disk: {@code docs/formats/sstable.md}. Start at {@link TableWriter} for how a table comes to be, at
 * {@link TableReader} for how it is read; {@link TableDump} shows one.
 */
@NullMarked
package io.beachdb.sstable;

import org.jspecify.annotations.NullMarked;
