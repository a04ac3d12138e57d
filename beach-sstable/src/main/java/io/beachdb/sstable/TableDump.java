package io.beachdb.sstable;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.Escapes;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.durability.ReadableFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;

/**
 * Prints a table for people: what it says about itself, its partitions and blocks, and one entry a line, each with where it
 * lies. Damage is shown where it is, and the dump goes on behind it where it can.
 */
public final class TableDump {
    private static final int SHOWN_KEY_BYTES = 256;
    private static final int SHOWN_VALUE_BYTES = 32;

    private final Appendable out;
    private boolean damaged;

    private TableDump(Appendable out) {
        this.out = out;
    }

    /**
     * Prints a table.
     *
     * @param readable the file; the caller closes it
     * @param fileNumber the number in the file's name: it is under every checksum
     * @param out gets lines; not closed
     * @return whether the table is whole
     * @throws IOException if {@code out} throws it
     * @throws io.beachdb.base.UnsupportedFormatException if the table is newer than this library
     */
    public static boolean dump(ReadableFile readable, long fileNumber, MemoryAccount account, Appendable out)
            throws IOException {
        TableFile file = new TableFile(readable, fileNumber);
        TableDump dump = new TableDump(out);
        try (TableWalk walk = new TableWalk(file, account, dump.new Printer())) {
            dump.line("table %s: %d bytes".formatted(file.name(), file.bytes()));
            walk.run();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        return !dump.damaged;
    }

    private void line(String text) {
        try {
            out.append(text).append('\n');
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Prints what the walk meets. */
    private final class Printer implements TableVisitor {
        private long blockOffset;

        @Override
        public void footer(Footer footer, long offset) {
            line("footer at %d: format version %d, database %s, file number %d"
                    .formatted(
                            offset,
                            footer.header().version(),
                            footer.header().databaseId(),
                            footer.header().fileNumber()));
            line("meta index: %s; top index: %d bytes at %d"
                    .formatted(BlockHandle.text(footer.metaHandle()), footer.topLength(), footer.topOffset()));
        }

        @Override
        public void properties(TableProperties properties) {
            line(
                    ("properties: %d entries (%d tombstones) in %d data blocks, %d bytes raw, %d stored, sequences %d to %d,"
                                    + " made %s, key order %s, compression %s, keyspace %d")
                            .formatted(
                                    properties.entries(),
                                    properties.tombstones(),
                                    properties.dataBlocks(),
                                    properties.rawBytes(),
                                    properties.storedBytes(),
                                    properties.smallestSequence(),
                                    properties.largestSequence(),
                                    Instant.ofEpochMilli(properties.creationMillis()),
                                    properties.keyOrder(),
                                    properties.compression(),
                                    properties.keyspace()));
        }

        @Override
        public void partition(int number, long indexHandle, BlockView index, long filterHandle, int filterProbes) {
            line("partition %d: index %s, %d blocks; %s"
                    .formatted(
                            number,
                            BlockHandle.text(indexHandle),
                            index.count(),
                            filterHandle == 0
                                    ? "no filter"
                                    : "filter " + BlockHandle.text(filterHandle) + ", " + filterProbes + " probes"));
        }

        @Override
        public void block(long handle, Compression compression, int rawLength, BlockView block) {
            blockOffset = BlockHandle.offset(handle);
            line("  block at %d: %d bytes stored as %s, %d raw, %d entries, prefix \"%s\""
                    .formatted(
                            blockOffset,
                            BlockHandle.length(handle),
                            compression,
                            rawLength,
                            block.count(),
                            Escapes.escape(
                                    block.memory(), block.prefixOffset(), block.prefixLength(), SHOWN_KEY_BYTES)));
        }

        @Override
        public void entry(BlockView block, int index, KeyBuffer key) {
            long value = block.valueOffset(index);
            long length = block.entryOffset(index + 1) - value;
            String place = blockOffset + "+" + (block.entryOffset(index) - block.entryOffset(0));
            String name = Escapes.escape(key.memory(), 0, key.length(), SHOWN_KEY_BYTES);
            String trailer = InternalKeys.sequence(key.trailer()) + " "
                    + InternalKeys.kindName(InternalKeys.kind(key.trailer()));
            if (block.hasLargeValue()) {
                line("    %s \"%s\" @%s %d bytes in extents at %d"
                        .formatted(
                                place,
                                name,
                                trailer,
                                Bytes.getU64(block.memory(), value + TableFormat.REFERENCE_LENGTH_OFFSET),
                                Bytes.getU64(block.memory(), value + TableFormat.REFERENCE_EXTENTS_OFFSET)));
            } else if (length == 0) {
                line("    %s \"%s\" @%s".formatted(place, name, trailer));
            } else {
                line("    %s \"%s\" @%s %d bytes \"%s\""
                        .formatted(
                                place,
                                name,
                                trailer,
                                length,
                                Escapes.escape(block.memory(), value, length, SHOWN_VALUE_BYTES)));
            }
        }

        @Override
        public void damage(CorruptionException problem) {
            damaged = true;
            line("DAMAGE " + problem.getMessage());
        }
    }
}
