/**
 * What more than one file format shares: internal keys and their order, varints, checksums, key hashes, file headers,
 * and the framing of records that log and manifest have in common.
 *
 * <p>All numbers are little-endian unless a page says otherwise. A method takes a segment, an offset and a length and
 * makes no slices. For the sibling modules, not for users.
 *
 * <p>Not here: what a record means, and any access to files: bytes come in as memory and go out as memory. Bytes on
 * disk: {@code docs/formats/conventions.md}, {@code docs/formats/wal.md} for the framing.
 */
@NullMarked
package io.beachdb.base.format;

import org.jspecify.annotations.NullMarked;
