package io.beachdb.wal;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.RecordReader;
import io.beachdb.durability.ReadableFile;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/** Prints a log for people: one record a line, the torn tail or the damage where it is. */
public final class WalDump {

    /** Says what is in a batch. */
    @FunctionalInterface
    public interface BatchPrinter {
        /**
         * Prints the operations of a batch, one a line.
         *
         * @param firstSequence sequence of the first operation
         */
        void print(MemorySegment memory, long offset, long length, long firstSequence, Consumer<String> out);
    }

    private WalDump() {}

    /**
     * Prints a whole log, and goes on behind damage. Closes the file.
     *
     * @param batches prints what is in a batch
     * @param out takes a line at a time
     * @return whether the log is free of damage
     * @throws CorruptionException if not even the header can be read
     */
    public static boolean dump(ReadableFile file, MemoryAccount account, BatchPrinter batches, Consumer<String> out) {
        try (WalReader log = WalReader.open(file, account)) {
            printHeader(log.header(), out);
            boolean whole = true;
            boolean more = true;
            while (more) {
                try {
                    more = log.next();
                    if (more) {
                        printRecord(log, batches, out);
                    }
                } catch (CorruptionException e) {
                    whole = false;
                    out.accept("DAMAGE  " + e.getMessage());
                }
            }
            printEnd(log, out);
            return whole;
        }
    }

    private static void printHeader(FileHeader header, Consumer<String> out) {
        out.accept("log " + header.fileNumber() + ", format " + header.version() + ", database " + header.databaseId());
        out.accept("    offset     ordinal  kind   sequence  length    synced");
    }

    private static void printRecord(WalReader log, BatchPrinter batches, Consumer<String> out) {
        RecordReader record = log.records();
        String text = switch (log.kind()) {
            case WalFormat.START -> line(record, "START") + "  after " + predecessor(log);
            case WalFormat.END -> line(record, "END");
            default -> line(record, "BATCH");
        };
        out.accept(text);
        if (log.kind() == WalFormat.BATCH) {
            batches.print(
                    record.payloadMemory(),
                    record.payloadOffset() + WalFormat.BODY_OFFSET,
                    record.payloadLength() - WalFormat.BODY_OFFSET,
                    record.sequence(),
                    out);
        }
    }

    private static String line(RecordReader record, String kind) {
        return String.format(
                "%10d  %10d  %-5s  %8d  %6d  %8d",
                record.recordOffset(),
                record.ordinal(),
                kind,
                record.sequence(),
                record.payloadLength(),
                record.syncedOffset());
    }

    private static String predecessor(WalReader log) {
        Predecessor before = log.predecessor();
        return before == null || before.logNumber() == 0
                ? "no log"
                : "log " + before.logNumber() + " of " + before.length() + " bytes, last ordinal "
                        + before.lastOrdinal();
    }

    private static void printEnd(WalReader log, Consumer<String> out) {
        if (log.ended()) {
            out.accept(String.format("%10d  closed cleanly", log.records().recordEnd()));
            return;
        }
        RecordReader.End end = log.records().end();
        String bad = end.badOffset() == end.offset() ? "" : " at offset " + end.badOffset();
        out.accept(String.format("%10d  ends (%s): %s%s", end.offset(), end.reason(), end.detail(), bad));
    }
}
