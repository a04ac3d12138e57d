package io.beachdb.sstable;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.Keys;
import io.beachdb.base.format.Varint;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a table says about its content.
 *
 * @param entries number of entries, tombstones included
 * @param tombstones number of tombstones
 * @param dataBlocks number of data blocks
 * @param rawBytes bytes of user keys, trailers (8 each) and values
 * @param storedBytes bytes of data blocks and extents in the file, checksums included
 * @param smallestSequence smallest sequence of any entry
 * @param largestSequence largest sequence of any entry
 * @param creationMillis wall clock when the table was begun
 * @param keyOrder name of the order of keys
 * @param compression what data blocks were compressed with where it paid
 * @param keyspace keyspace that the entries belong to
 */
public record TableProperties(
        long entries,
        long tombstones,
        long dataBlocks,
        long rawBytes,
        long storedBytes,
        long smallestSequence,
        long largestSequence,
        long creationMillis,
        String keyOrder,
        Compression compression,
        long keyspace) {

    private static final String COMPRESSION = "compression";
    private static final String CREATION_MILLIS = "creation-millis";
    private static final String DATA_BLOCKS = "data-blocks";
    private static final String ENTRIES = "entries";
    private static final String KEY_ORDER = "key-order";
    private static final String KEYSPACE = "keyspace";
    private static final String LARGEST_SEQUENCE = "largest-sequence";
    private static final String RAW_BYTES = "raw-bytes";
    private static final String SMALLEST_SEQUENCE = "smallest-sequence";
    private static final String STORED_BYTES = "stored-bytes";
    private static final String TOMBSTONES = "tombstones";

    /** Returns names and values as they are stored: numbers as varints, texts as ASCII. Sorted by name. */
    Map<String, byte[]> toBytes() {
        Map<String, byte[]> values = new TreeMap<>();
        values.put(COMPRESSION, number(compression.code()));
        values.put(CREATION_MILLIS, number(creationMillis));
        values.put(DATA_BLOCKS, number(dataBlocks));
        values.put(ENTRIES, number(entries));
        values.put(KEY_ORDER, keyOrder.getBytes(StandardCharsets.US_ASCII));
        values.put(KEYSPACE, number(keyspace));
        values.put(LARGEST_SEQUENCE, number(largestSequence));
        values.put(RAW_BYTES, number(rawBytes));
        values.put(SMALLEST_SEQUENCE, number(smallestSequence));
        values.put(STORED_BYTES, number(storedBytes));
        values.put(TOMBSTONES, number(tombstones));
        return values;
    }

    private static byte[] number(long value) {
        byte[] bytes = new byte[Varint.length(value)];
        long rest = value;
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i + 1 < bytes.length ? rest | 0x80 : rest);
            rest >>>= 7;
        }
        return bytes;
    }

    /**
     * Reads the properties from their block. Names that this version does not know are ignored.
     *
     * @param fileOffset where the block lies, for messages
     */
    static TableProperties read(BlockView block, String file, long fileOffset) {
        Reader reader = new Reader(block, file, fileOffset);
        String order = reader.text(KEY_ORDER);
        if (!order.equals(Keys.ORDER_NAME)) {
            throw new UnsupportedFormatException(
                    file,
                    "keys are in the order '" + order + "', this library knows '" + Keys.ORDER_NAME
                            + "' only. Open it with a newer BeachDB.");
        }
        long keyspace = reader.number(KEYSPACE);
        if (keyspace != 0) {
            throw new UnsupportedFormatException(
                    file,
                    "belongs to keyspace " + keyspace + ", this library knows 0 only. Open it with a newer BeachDB.");
        }
        return new TableProperties(
                reader.number(ENTRIES),
                reader.number(TOMBSTONES),
                reader.number(DATA_BLOCKS),
                reader.number(RAW_BYTES),
                reader.number(STORED_BYTES),
                reader.number(SMALLEST_SEQUENCE),
                reader.number(LARGEST_SEQUENCE),
                reader.number(CREATION_MILLIS),
                order,
                reader.compression(),
                keyspace);
    }

    /** Looks values up by name. */
    private record Reader(BlockView block, String file, long fileOffset) {

        private int find(String name) {
            for (int i = 0; i < block.count(); i++) {
                if (name.equals(new String(block.key(i), StandardCharsets.ISO_8859_1))) {
                    return i;
                }
            }
            throw damaged("has no property '" + name + "'");
        }

        String text(String name) {
            return new String(block.value(find(name)), StandardCharsets.ISO_8859_1);
        }

        long number(String name) {
            int i = find(name);
            long end = block.entryOffset(i + 1);
            long from = block.valueOffset(i);
            long value = Varint.getChecked(block.memory(), from, end);
            if (value == Varint.INVALID || from + Varint.length(value) != end) {
                throw damaged("has a property '" + name + "' that is no number");
            }
            return value;
        }

        Compression compression() {
            Compression found = Compression.ofCode((int) Math.min(number(COMPRESSION), Integer.MAX_VALUE));
            if (found == null) {
                throw damaged("names a compression that this library does not know");
            }
            return found;
        }

        private CorruptionException damaged(String what) {
            return new CorruptionException(
                    file,
                    fileOffset,
                    "the table " + what + ". The file is damaged. " + CorruptionException.RESTORE_TABLE);
        }
    }
}
