package io.beachdb.wal;

import io.beachdb.base.BeachException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.RecordReader;
import io.beachdb.durability.ReadableFile;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/**
 * Prints a log for people: one record a line, the torn tail or the damage where it is. Damage is what {@link LogRecovery}
 * calls so, as far as one log alone can show it: what a log should have held that ends too early, the next ones tell.
 */
public final class WalDump {
    private final WalReader log;
    private final BatchPrinter batches;
    private final Consumer<String> out;
    private long lastSequence;
    private boolean whole = true;

    /** Says what is in a batch. */
    @FunctionalInterface
    public interface BatchPrinter {
        /**
         * Prints the operations of a batch, one a line.
         *
         * @param firstSequence sequence of the first operation
         * @param recordOffset where the batch's record begins in the log
         * @throws CorruptionException if it is no batch
         * @throws UnsupportedFormatException if it is not one of this library
         */
        void print(
                MemorySegment memory,
                long offset,
                long length,
                long firstSequence,
                long recordOffset,
                Consumer<String> out);
    }

    private WalDump(WalReader log, BatchPrinter batches, Consumer<String> out) {
        this.log = log;
        this.batches = batches;
        this.out = out;
    }

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
            return new WalDump(log, batches, out).print();
        }
    }

    private boolean print() {
        printHeader(log.header(), out);
        checkName();
        boolean more = true;
        while (more) {
            try {
                more = log.next();
                if (more) {
                    printRecord();
                }
            } catch (CorruptionException | UnsupportedFormatException e) {
                damage(e);
            }
        }
        printEnd(log, out);
        return whole;
    }

    private void damage(BeachException e) {
        whole = false;
        out.accept("DAMAGE  " + e.getMessage());
    }

    private void checkName() {
        FileName name = FileName.parse(log.name());
        FileHeader header = log.header();
        try {
            header.checkIdentity(
                    log.name(), 0, header.databaseId(), name == null ? header.fileNumber() : name.number());
        } catch (CorruptionException e) {
            damage(e);
        }
    }

    private static void printHeader(FileHeader header, Consumer<String> out) {
        out.accept("log " + header.fileNumber() + ", format " + header.version() + ", database " + header.databaseId());
        out.accept("    offset     ordinal  kind   sequence  length    synced");
    }

    private void printRecord() {
        RecordReader record = log.records();
        String text = switch (log.kind()) {
            case WalFormat.START -> line(record, "START") + "  after " + predecessor(log);
            case WalFormat.END -> line(record, "END");
            default -> line(record, "BATCH");
        };
        out.accept(text);
        if (log.kind() == WalFormat.START) {
            lastSequence = record.sequence();
        } else if (log.kind() == WalFormat.BATCH) {
            LogRecovery.checkSequence(log, lastSequence);
            lastSequence = record.sequence();
            batches.print(
                    record.payloadMemory(),
                    record.payloadOffset() + WalFormat.BODY_OFFSET,
                    record.payloadLength() - WalFormat.BODY_OFFSET,
                    record.sequence(),
                    record.recordOffset(),
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
