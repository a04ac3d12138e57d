package io.beachdb.wal;

import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FragmentFormat;
import io.beachdb.base.format.RecordFramer;
import java.lang.foreign.MemorySegment;

/** Numbers of log format 1: on disk for ever, so add, never change. Specified in {@code docs/formats/wal.md}. */
public final class WalFormat {
    public static final String MAGIC = "BEACHWAL";
    public static final int VERSION = 1;

    /** Required feature bits that this library knows. */
    public static final long KNOWN_FEATURES = 0;

    /** Kind of the first record of a log: what came before it. */
    public static final int START = 1;

    /** Kind of a record that holds one write batch, whose bytes follow the kind and belong to the engine. */
    public static final int BATCH = 2;

    /** Kind of the last record of a log that was closed cleanly: all before it was on disk. */
    public static final int END = 3;

    static final int KIND_OFFSET = 0; // u8

    /** Where the body of a record begins in its payload. */
    public static final int BODY_OFFSET = 1;

    static final int START_LOG_OFFSET = 1; // u64, number of the log before; 0: none
    static final int START_LENGTH_OFFSET = 9; // u64, where its records ended
    static final int START_ORDINAL_OFFSET = 17; // u64, its last ordinal
    static final int START_BYTES = 25;
    static final int END_BYTES = 1;

    /** Where the first record after START begins in a log. */
    static final long AFTER_START = FileHeader.BYTES + RecordFramer.framedLength(FileHeader.BYTES, START_BYTES);

    /** Room that is kept free at the end of a log, so that END always fits: a block's rest, and the record. */
    static final long END_ROOM =
            FragmentFormat.PREFIXED_HEADER_BYTES + FragmentFormat.PREFIXED_HEADER_BYTES + END_BYTES;

    /** Longest record that is ever written: the largest batch, with room for what the engine puts around it. */
    public static final long MAX_RECORD_BYTES = (1L << 30) + (16L << 20);

    private WalFormat() {}

    static void writeEnd(MemorySegment memory, long at) {
        Bytes.putU8(memory, at + KIND_OFFSET, END);
    }

    static void writeStart(MemorySegment memory, long at, Predecessor before) {
        Bytes.putU8(memory, at + KIND_OFFSET, START);
        Bytes.putU64(memory, at + START_LOG_OFFSET, before.logNumber());
        Bytes.putU64(memory, at + START_LENGTH_OFFSET, before.length());
        Bytes.putU64(memory, at + START_ORDINAL_OFFSET, before.lastOrdinal());
    }
}
