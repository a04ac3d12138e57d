package io.beachdb.wal;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.RecordReader;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.ReadableFile;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Reads the records of one log, START and END included, and checks what a log says about itself. Ends at a torn tail, and
 * reports damage. {@link LogRecovery} reads several as one. One task at a time.
 */
public final class WalReader implements AutoCloseable {
    private final ReadableFile file;
    private final FileHeader header;
    private final RecordReader records;
    private int kind;
    private boolean begun;
    private boolean ended;
    private @Nullable Predecessor predecessor;

    private WalReader(ReadableFile file, FileHeader header, RecordReader records) {
        this.file = file;
        this.header = header;
        this.records = records;
    }

    /**
     * Begins at a log's first record. The reader closes the file.
     *
     * @throws CorruptionException if the header is not a log's
     * @throws UnsupportedFormatException if the log is newer than this library
     */
    public static WalReader open(ReadableFile file, MemoryAccount account) {
        boolean done = false;
        try {
            FileHeader header = readHeader(file, account);
            RecordReader records =
                    new RecordReader(source(file), header, WalFormat.MAX_RECORD_BYTES, account, MemoryUse.SCRATCH);
            done = true;
            return new WalReader(file, header, records);
        } finally {
            if (!done) {
                file.close();
            }
        }
    }

    private static FileHeader readHeader(ReadableFile file, MemoryAccount account) {
        NativeBlock block = account.acquire(MemoryUse.SCRATCH, FileHeader.BYTES);
        try {
            int read = file.read(0, block.memory(), 0, FileHeader.BYTES);
            if (read < FileHeader.BYTES) {
                throw new CorruptionException(
                        file.path(),
                        0,
                        "the file has " + read + " bytes, its header " + FileHeader.BYTES
                                + ". A log gets its name after its header is on disk, so the file was damaged. "
                                + CorruptionException.RESTORE_DIRECTORY);
            }
            return FileHeader.read(
                    block.memory(), 0, file.path(), 0, WalFormat.MAGIC, WalFormat.VERSION, WalFormat.KNOWN_FEATURES);
        } finally {
            account.release(MemoryUse.SCRATCH, block);
        }
    }

    private static RecordReader.Source source(ReadableFile file) {
        return new RecordReader.Source() {
            @Override
            public String name() {
                return file.path();
            }

            @Override
            public long size() {
                return file.size();
            }

            @Override
            public int read(long position, MemorySegment destination, long at, int length) {
                return file.read(position, destination, at, length);
            }
        };
    }

    public String name() {
        return file.name();
    }

    /** Returns where the log is, for messages. */
    public String path() {
        return file.path();
    }

    public FileHeader header() {
        return header;
    }

    /**
     * Goes to the next record.
     *
     * @return false at the end of the records; {@link #records} then tells where and why
     * @throws CorruptionException if bytes went bad that had been synced, or a record is not one of a log. A further call goes
     *     on behind the damage, for tools that show what is left
     */
    public boolean next() {
        boolean first = !begun;
        begun = true; // also if this call meets damage: what is read behind that is not the first record
        // END was synced, and nothing was written behind it: what follows is a recycled log's past.
        if (ended || !records.next()) {
            return false;
        }
        kind = Bytes.getU8(records.payloadMemory(), records.payloadOffset());
        check(first);
        return true;
    }

    private void check(boolean first) {
        long length = records.payloadLength();
        switch (kind) {
            case WalFormat.START -> {
                if (!first || length != WalFormat.START_BYTES) {
                    throw damage(first ? "START has " + length + " bytes" : "START is not the first record");
                }
                predecessor = readStart();
            }
            case WalFormat.BATCH -> {
                if (first) {
                    throw damage("the first record is a batch, should be START");
                }
            }
            case WalFormat.END -> {
                if (first || length != WalFormat.END_BYTES) {
                    throw damage(first ? "the first record is END, should be START" : "END has " + length + " bytes");
                }
                ended = true;
            }
            default -> throw damage("record kind " + kind + " is not one of a log");
        }
    }

    private Predecessor readStart() {
        MemorySegment memory = records.payloadMemory();
        long at = records.payloadOffset();
        long before = Bytes.getU64(memory, at + WalFormat.START_LOG_OFFSET);
        if (before < 0 || before >= header.fileNumber()) {
            throw damage("START names " + Long.toUnsignedString(before) + " as the log before, this is "
                    + header.fileNumber());
        }
        return new Predecessor(
                before,
                Bytes.getU64(memory, at + WalFormat.START_LENGTH_OFFSET),
                Bytes.getU64(memory, at + WalFormat.START_ORDINAL_OFFSET),
                records.sequence());
    }

    private CorruptionException damage(String what) {
        return new CorruptionException(
                file.path(),
                records.recordOffset(),
                what + ". The file is damaged. " + CorruptionException.RESTORE_DIRECTORY);
    }

    /** Returns {@link WalFormat#START}, {@link WalFormat#BATCH} or {@link WalFormat#END}. */
    public int kind() {
        return kind;
    }

    /** Returns what START says came before this log; null before START was read. */
    public @Nullable Predecessor predecessor() {
        return predecessor;
    }

    /** Returns whether END was read: the log was closed cleanly. */
    public boolean ended() {
        return ended;
    }

    /** Returns the record's place, ordinal, sequence and payload (kind, then body). */
    public RecordReader records() {
        return records;
    }

    /** Lets go of file and memory. Closing twice is harmless. */
    @Override
    public void close() {
        records.close();
        file.close();
    }
}
