package io.beachdb.base.format;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** A file of records in memory, for tests of the framing: written by the framer, bytes at hand, read by the reader. */
final class RecordFile {
    private static final MemoryBudget BUDGET = MemoryBudget.ofBytes(256L << 20);
    static final FileHeader HEADER = FileHeader.plain("BEACHWAL", 1, new DatabaseId(0x1122334455667788L, 42), 7);

    /** What was written, and what reading should give. */
    record Written(long offset, long end, long ordinal, long syncedOffset, long sequence, byte[] payload) {}

    /** What was read. */
    record Read(long offset, long end, long ordinal, long syncedOffset, long sequence, byte[] payload) {
        boolean is(Written written) {
            return end == written.end
                    && ordinal == written.ordinal
                    && syncedOffset == written.syncedOffset
                    && sequence == written.sequence
                    && java.util.Arrays.equals(payload, written.payload);
        }
    }

    final FileHeader header;
    final MemoryAccount account = BUDGET.openAccount();
    final List<Written> records = new ArrayList<>();
    private final RecordFramer framer;
    private byte[] bytes;
    private int length;

    RecordFile(FileHeader header, byte[] past) {
        this.header = header;
        this.framer = new RecordFramer(header);
        this.bytes = past.clone();
        ensure(FileHeader.BYTES);
        header.write(MemorySegment.ofArray(bytes), 0);
        this.length = FileHeader.BYTES;
    }

    static RecordFile fresh() {
        return new RecordFile(HEADER, new byte[0]);
    }

    long length() {
        return length;
    }

    /** Returns a copy of the bytes up to the end of the last record. */
    byte[] bytes() {
        return java.util.Arrays.copyOf(bytes, length);
    }

    /** Returns a copy of all bytes, with what stood behind the last record before. */
    byte[] allBytes() {
        return bytes.clone();
    }

    RecordFile append(byte[] payload, long syncedOffset) {
        long ordinal = records.size() + 1L;
        return append(payload, ordinal, syncedOffset, ordinal * 10);
    }

    RecordFile append(byte[] payload, long ordinal, long syncedOffset, long sequence) {
        int framed = (int) RecordFramer.framedLength(length, payload.length);
        NativeBlock block = account.acquire(MemoryUse.LOG, framed + 100L);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = arena.allocate(payload.length + 3L);
            MemorySegment.copy(MemorySegment.ofArray(payload), 0, source, 3, payload.length);
            int checksum = Checksum.crc32c(source, 3, payload.length);
            int written = framer.append(
                    block, 11, length, source, 3, payload.length, checksum, ordinal, syncedOffset, sequence);
            if (written != framed) {
                throw new AssertionError("framed " + written + ", announced " + framed);
            }
            take(block.memory(), 11, written);
        } finally {
            account.release(MemoryUse.LOG, block);
        }
        records.add(new Written(length - framed, length, ordinal, syncedOffset, sequence, payload));
        return this;
    }

    private void take(MemorySegment memory, long at, int count) {
        ensure(length + count);
        MemorySegment.copy(memory, at, MemorySegment.ofArray(bytes), length, count);
        length += count;
    }

    private void ensure(int size) {
        if (bytes.length < size) {
            bytes = java.util.Arrays.copyOf(bytes, size);
        }
    }

    RecordReader reader(byte[] file) {
        return reader(file, 16 << 20);
    }

    RecordReader reader(byte[] file, long maxRecordBytes) {
        return new RecordReader(source(file), header, maxRecordBytes, account, MemoryUse.SCRATCH);
    }

    static RecordReader.Source source(byte[] file) {
        return new RecordReader.Source() {
            @Override
            public String name() {
                return "000007.wal";
            }

            @Override
            public long size() {
                return file.length;
            }

            @Override
            public int read(long position, MemorySegment destination, long at, int length) {
                int there = Math.clamp(file.length - position, 0, length);
                MemorySegment.copy(MemorySegment.ofArray(file), position, destination, at, there);
                return there;
            }
        };
    }

    static Read current(RecordReader reader) {
        byte[] payload = new byte[(int) reader.payloadLength()];
        MemorySegment.copy(
                reader.payloadMemory(), reader.payloadOffset(), MemorySegment.ofArray(payload), 0, payload.length);
        return new Read(
                reader.recordOffset(),
                reader.recordEnd(),
                reader.ordinal(),
                reader.syncedOffset(),
                reader.sequence(),
                payload);
    }

    static List<Read> readAll(RecordReader reader) {
        List<Read> read = new ArrayList<>();
        while (reader.next()) {
            read.add(current(reader));
        }
        return read;
    }
}
