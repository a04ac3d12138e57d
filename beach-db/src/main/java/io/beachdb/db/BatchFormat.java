package io.beachdb.db;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.Keys;
import io.beachdb.base.format.Varint;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The bytes of a batch in the log: keyspace, count, operations. Specified in {@code docs/formats/batch.md}.
 *
 * <pre>
 *   varint keyspace (0)   varint count   count operations
 *   operation: u8 kind   varint key length   key   [PUT only: varint value length   value]
 * </pre>
 */
public final class BatchFormat {
    private static final int KEYSPACE = 0;

    private BatchFormat() {}

    /** Called with each operation of a batch, in order. Memory is valid during the call. */
    public interface Visitor {
        void operation(int kind, long keyOffset, int keyLength, long valueOffset, long valueLength);
    }

    /** Returns how many bytes {@link #putHeader} writes. */
    static int headerLength(int count) {
        return Varint.length(KEYSPACE) + Varint.length(count);
    }

    static long putHeader(MemorySegment memory, long offset, int count) {
        return Varint.put(memory, Varint.put(memory, offset, KEYSPACE), count);
    }

    /** Returns how many bytes a put takes in a batch. */
    public static long putLength(long keyLength, long valueLength) {
        return 1 + Varint.length(keyLength) + keyLength + Varint.length(valueLength) + valueLength;
    }

    static long deleteLength(long keyLength) {
        return 1 + Varint.length(keyLength) + keyLength;
    }

    /** Writes kind and key length; the key follows at the returned offset. */
    static long beginOperation(MemorySegment memory, long offset, int kind, long keyLength) {
        Bytes.putU8(memory, offset, kind);
        return Varint.put(memory, offset + 1, keyLength);
    }

    /**
     * Walks a batch read from a log: its checksum held, so anything wrong in it was written wrong, or by something newer.
     *
     * @return how many operations there were
     * @throws CorruptionException if the bytes are no batch
     * @throws UnsupportedFormatException if it uses a keyspace or kind that this version does not know
     */
    public static int forEachChecked(
            MemorySegment memory, long offset, long length, String file, long fileOffset, Visitor visitor) {
        long limit = offset + length;
        long keyspace = Varint.getChecked(memory, offset, limit);
        if (keyspace > KEYSPACE) {
            throw new UnsupportedFormatException(
                    file,
                    "the batch at offset " + fileOffset + " is for keyspace " + keyspace
                            + ", this library knows only 0.");
        }
        long at = offset + Varint.length(KEYSPACE);
        long count = keyspace == Varint.INVALID ? Varint.INVALID : Varint.getChecked(memory, at, limit);
        if (count < 1 || count > length) {
            throw bad(file, fileOffset, "its count of operations is " + count);
        }
        at += Varint.length(count);
        for (long i = 0; i < count; i++) {
            if (at >= limit) {
                throw bad(file, fileOffset, "operation " + i + " of " + count + " is missing");
            }
            int kind = Bytes.getU8(memory, at++);
            if (!InternalKeys.isKnownKind(kind)) {
                throw new UnsupportedFormatException(
                        file,
                        "the batch at offset " + fileOffset + " has an operation " + InternalKeys.kindName(kind)
                                + ", which this library does not know. Open it with a newer BeachDB.");
            }
            long keyLength = Varint.getChecked(memory, at, limit);
            if (keyLength < 0 || keyLength > Keys.MAX_KEY_BYTES || keyLength > limit - at) {
                throw bad(file, fileOffset, "operation " + i + " has a key of " + keyLength + " bytes");
            }
            long key = at + Varint.length(keyLength);
            at = key + keyLength;
            long valueLength = 0;
            if (kind == InternalKeys.KIND_PUT) {
                valueLength = at > limit ? Varint.INVALID : Varint.getChecked(memory, at, limit);
                at += Varint.length(Math.max(0, valueLength));
            }
            if (valueLength < 0 || valueLength > limit - at) {
                throw bad(file, fileOffset, "operation " + i + " has a value of " + valueLength + " bytes");
            }
            visitor.operation(kind, key, (int) keyLength, at, valueLength);
            at += valueLength;
        }
        if (at != limit) {
            throw bad(file, fileOffset, (limit - at) + " bytes are left over behind its operations");
        }
        return (int) count;
    }

    private static CorruptionException bad(String file, long fileOffset, String what) {
        return new CorruptionException(
                file,
                fileOffset,
                "the batch is malformed though its checksum holds: " + what + ". Report this. "
                        + CorruptionException.RESTORE_DIRECTORY);
    }

    /** Copies a heap array into native memory. */
    static void copy(byte[] source, int from, MemorySegment destination, long at, int length) {
        MemorySegment.copy(source, from, destination, ValueLayout.JAVA_BYTE, at, length);
    }
}
