package io.beachdb.manifest;

import io.beachdb.base.format.Bytes;
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

/** Writes fields. Bytes: {@code docs/formats/manifest.md}, "Fields". */
final class FieldEncoder {
    private FieldEncoder() {}

    /** Returns how many bytes {@link #put} writes: tag, length and body. */
    static long length(EditField field) {
        long body = bodyLength(field);
        return Varint.length(tag(field)) + Varint.length(body) + body;
    }

    /** Writes a field and returns the offset behind it. */
    static long put(MemorySegment memory, long offset, EditField field) {
        long at = Varint.put(memory, offset, tag(field));
        at = Varint.put(memory, at, bodyLength(field));
        return switch (field) {
            case KeyOrder(String name) -> putBytes(memory, at, name.getBytes(StandardCharsets.US_ASCII));
            case OldestLog(long number, boolean exists) -> {
                at = Varint.put(memory, at, number);
                Bytes.putU8(memory, at, exists ? 1 : 0);
                yield at + 1;
            }
            case NextFileNumber(long number) -> Varint.put(memory, at, number);
            case LastSequence(long sequence) -> Varint.put(memory, at, sequence);
            case AddedTable(int level, TableEntry entry) -> putTable(memory, at, level, entry);
            case DroppedTable(int level, long number) -> Varint.put(memory, Varint.put(memory, at, level), number);
            case MovedTable(int from, int to, long number) -> {
                at = Varint.put(memory, at, from);
                at = Varint.put(memory, at, to);
                yield Varint.put(memory, at, number);
            }
            case SnapshotEnd(long tables) -> Varint.put(memory, at, tables);
        };
    }

    private static long putTable(MemorySegment memory, long offset, int level, TableEntry entry) {
        long at = Varint.put(memory, offset, level);
        at = Varint.put(memory, at, ManifestFormat.KEYSPACE);
        at = Varint.put(memory, at, entry.number());
        at = Varint.put(memory, at, entry.fileBytes());
        at = Varint.put(memory, at, entry.smallestSequence());
        at = Varint.put(memory, at, entry.largestSequence());
        at = Varint.put(memory, at, entry.entries());
        at = Varint.put(memory, at, entry.tombstones());
        at = Varint.put(memory, at, entry.rawBytes());
        at = Varint.put(memory, at, entry.createdMillis());
        at = putKey(memory, at, entry.smallest());
        at = putKey(memory, at, entry.largest());
        return entry.shadowedBytes() == 0 ? at : Varint.put(memory, at, entry.shadowedBytes());
    }

    private static long putKey(MemorySegment memory, long offset, InternalKey key) {
        long at = putBytes(memory, Varint.put(memory, offset, key.length()), key.bytes());
        Bytes.putU64(memory, at, key.trailer());
        return at + Long.BYTES;
    }

    private static long putBytes(MemorySegment memory, long offset, byte[] bytes) {
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, offset, bytes.length);
        return offset + bytes.length;
    }

    private static int tag(EditField field) {
        return switch (field) {
            case KeyOrder f -> ManifestFormat.KEY_ORDER;
            case OldestLog f -> ManifestFormat.OLDEST_LOG;
            case NextFileNumber f -> ManifestFormat.NEXT_FILE_NUMBER;
            case LastSequence f -> ManifestFormat.LAST_SEQUENCE;
            case AddedTable f -> ManifestFormat.ADDED_TABLE;
            case DroppedTable f -> ManifestFormat.DROPPED_TABLE;
            case MovedTable f -> ManifestFormat.MOVED_TABLE;
            case SnapshotEnd f -> ManifestFormat.SNAPSHOT_END;
        };
    }

    private static long bodyLength(EditField field) {
        return switch (field) {
            case KeyOrder(String name) -> name.length();
            case OldestLog(long number, boolean exists) -> Varint.length(number) + 1;
            case NextFileNumber(long number) -> Varint.length(number);
            case LastSequence(long sequence) -> Varint.length(sequence);
            case AddedTable(int level, TableEntry entry) -> tableLength(level, entry);
            case DroppedTable(int level, long number) -> Varint.length(level) + Varint.length(number);
            case MovedTable(int from, int to, long number) ->
                Varint.length(from) + Varint.length(to) + Varint.length(number);
            case SnapshotEnd(long tables) -> Varint.length(tables);
        };
    }

    private static long tableLength(int level, TableEntry entry) {
        return Varint.length(level)
                + Varint.length(ManifestFormat.KEYSPACE)
                + Varint.length(entry.number())
                + Varint.length(entry.fileBytes())
                + Varint.length(entry.smallestSequence())
                + Varint.length(entry.largestSequence())
                + Varint.length(entry.entries())
                + Varint.length(entry.tombstones())
                + Varint.length(entry.rawBytes())
                + Varint.length(entry.createdMillis())
                + keyLength(entry.smallest())
                + keyLength(entry.largest())
                + (entry.shadowedBytes() == 0 ? 0 : Varint.length(entry.shadowedBytes()));
    }

    private static long keyLength(InternalKey key) {
        return (long) Varint.length(key.length()) + key.length() + Long.BYTES;
    }
}
