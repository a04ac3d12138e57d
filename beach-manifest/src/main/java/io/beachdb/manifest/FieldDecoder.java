package io.beachdb.manifest;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.Keys;
import io.beachdb.base.format.Varint;
import io.beachdb.manifest.EditField.AddedTable;
import io.beachdb.manifest.EditField.DroppedTable;
import io.beachdb.manifest.EditField.KeyOrder;
import io.beachdb.manifest.EditField.LastSequence;
import io.beachdb.manifest.EditField.MovedTable;
import io.beachdb.manifest.EditField.NextFileNumber;
import io.beachdb.manifest.EditField.OldestLog;
import io.beachdb.manifest.EditField.SnapshotEnd;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Reads the fields of one record after another. Their checksum has been verified, so what is wrong here was written
 * wrong, or by a newer BeachDB; still nothing is believed: every length is bounded before it is used.
 */
final class FieldDecoder {

    /** Takes the fields of a record in their order. */
    interface Sink {
        /** @param at where the field begins in the record */
        void field(long at, EditField field);

        /** Takes note of a field that a newer BeachDB wrote and that may be skipped. */
        default void skipped(long at, long tag, long length) {}
    }

    // Set once.
    private final String file;

    // The record being read.
    private MemorySegment memory = MemorySegment.NULL;
    private long start;
    private long at;
    private long limit;
    private long recordOffset;
    private long fieldStart;
    private long tag;

    /** @param file name of the manifest, for messages */
    FieldDecoder(String file) {
        this.file = file;
    }

    /**
     * Reads all fields of a record.
     *
     * @param length bytes of the record, its kind included, which is not read again
     * @param recordOffset where the record begins in the file, for messages
     */
    void decode(MemorySegment memory, long offset, long length, long recordOffset, Sink sink) {
        this.memory = memory;
        this.start = offset;
        this.at = offset + 1;
        this.recordOffset = recordOffset;
        long end = offset + length;
        long seen = 0;
        while (at < end) {
            limit = end;
            fieldStart = at;
            tag = 0;
            tag = number("tag", 1, ManifestFormat.MAX_TAG);
            long bodyLength = number("length", 0, Long.MAX_VALUE);
            if (bodyLength > end - at) {
                throw damage("length is " + bodyLength + ", the record has " + (end - at) + " bytes left");
            }
            limit = at + bodyLength;
            long body = at;
            EditField field = body();
            if (field == null) {
                sink.skipped(fieldStart - start, tag, bodyLength);
                at = body + bodyLength;
                continue;
            }
            if (at != limit) {
                throw damage("has " + (limit - at) + " bytes more than its parts");
            }
            seen = checkOnce(seen);
            sink.field(fieldStart - start, field);
        }
    }

    /** Tables may occur often in a record, every other field once. */
    private long checkOnce(long seen) {
        if (tag == ManifestFormat.ADDED_TABLE
                || tag == ManifestFormat.DROPPED_TABLE
                || tag == ManifestFormat.MOVED_TABLE) {
            return seen;
        }
        long bit = 1L << tag;
        if ((seen & bit) != 0) {
            throw damage("occurs twice in the record");
        }
        return seen | bit;
    }

    private @Nullable EditField body() {
        return switch ((int) tag) {
            case ManifestFormat.KEY_ORDER -> keyOrder();
            case ManifestFormat.OLDEST_LOG ->
                new OldestLog(number("log number", 0, FileNumbers.MAX), number("state", 0, 1) == 1);
            case ManifestFormat.NEXT_FILE_NUMBER -> new NextFileNumber(number("number", 1, FileNumbers.MAX));
            case ManifestFormat.LAST_SEQUENCE -> new LastSequence(number("sequence", 0, InternalKeys.MAX_SEQUENCE));
            case ManifestFormat.ADDED_TABLE -> addedTable();
            case ManifestFormat.DROPPED_TABLE -> new DroppedTable(level(), tableNumber());
            case ManifestFormat.MOVED_TABLE -> new MovedTable(level(), level(), tableNumber());
            case ManifestFormat.SNAPSHOT_END -> new SnapshotEnd(number("tables", 0, Long.MAX_VALUE));
            default -> {
                if (!ManifestFormat.isIgnorable(tag)) {
                    throw new UnsupportedFormatException(
                            file,
                            "the record at offset " + recordOffset + " has a field with tag " + tag
                                    + ", which this library does not know and may not skip. Open the database with a"
                                    + " newer BeachDB.");
                }
                yield null;
            }
        };
    }

    private KeyOrder keyOrder() {
        long length = limit - at;
        if (length > ManifestFormat.MAX_ORDER_NAME_BYTES) {
            throw damage("name has " + length + " bytes, allowed 0 to " + ManifestFormat.MAX_ORDER_NAME_BYTES);
        }
        return new KeyOrder(new String(bytes((int) length), StandardCharsets.ISO_8859_1));
    }

    private AddedTable addedTable() {
        int level = level();
        long keyspace = number("keyspace", 0, Integer.MAX_VALUE);
        if (keyspace != ManifestFormat.KEYSPACE) {
            throw new UnsupportedFormatException(
                    file,
                    "the record at offset " + recordOffset + " has a table of keyspace " + keyspace
                            + ", this library knows only 0. Open the database with a newer BeachDB.");
        }
        long number = tableNumber();
        long fileBytes = number("file bytes", 1, Long.MAX_VALUE);
        long smallestSequence = number("smallest sequence", 0, Long.MAX_VALUE);
        long largestSequence = number("largest sequence", 0, Long.MAX_VALUE);
        long entries = number("entries", 1, Long.MAX_VALUE);
        long tombstones = number("tombstones", 0, entries);
        long rawBytes = number("raw bytes", 0, Long.MAX_VALUE);
        long createdMillis = number("creation time", 0, Long.MAX_VALUE);
        InternalKey smallest = internalKey("smallest key");
        InternalKey largest = internalKey("largest key");
        long shadowedBytes = at == limit ? 0 : number("shadowed bytes", 1, rawBytes);
        try {
            TableEntry entry = new TableEntry(
                    number,
                    fileBytes,
                    smallest,
                    largest,
                    smallestSequence,
                    largestSequence,
                    entries,
                    tombstones,
                    rawBytes,
                    createdMillis,
                    shadowedBytes);
            return new AddedTable(level, entry);
        } catch (IllegalArgumentException e) {
            throw damage(e.getMessage());
        }
    }

    private InternalKey internalKey(String what) {
        int length = (int) number(what + " length", 0, Keys.MAX_KEY_BYTES);
        byte[] userKey = bytes(length);
        if (limit - at < Long.BYTES) {
            throw damage(what + " ends early");
        }
        long trailer = Bytes.getU64(memory, at);
        at += Long.BYTES;
        return new InternalKey(userKey, trailer);
    }

    private byte[] bytes(int length) {
        if (length > limit - at) {
            throw damage(length + " bytes are to follow, the field has " + (limit - at) + " left");
        }
        byte[] copy = new byte[length];
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, at, copy, 0, length);
        at += length;
        return copy;
    }

    private int level() {
        return (int) number("level", 0, Version.LEVELS - 1);
    }

    private long tableNumber() {
        return number("table number", 1, FileNumbers.MAX);
    }

    private long number(String what, long from, long to) {
        long value = Varint.getChecked(memory, at, limit);
        if (value == Varint.INVALID) {
            throw damage(what + " is no number");
        }
        if (value < from || value > to) {
            throw damage(what + " is " + value + ", allowed " + from + " to " + to);
        }
        at += Varint.length(value);
        return value;
    }

    private CorruptionException damage(@Nullable String detail) {
        String field = tag == 0 ? "the field" : "the field with tag " + tag + " (" + ManifestFormat.tagName(tag) + ")";
        return new CorruptionException(
                file,
                recordOffset,
                field + " at byte " + (fieldStart - start) + " of the record: " + detail
                        + ". Its checksum is right, so it was written like this: report this. "
                        + CorruptionException.RESTORE_DIRECTORY);
    }
}
