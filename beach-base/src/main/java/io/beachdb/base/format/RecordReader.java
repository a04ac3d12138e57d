package io.beachdb.base.format;

import static io.beachdb.base.format.FragmentFormat.BLOCK_BYTES;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Reads the records of one file back, in order, in bounded memory, and tells a torn tail from damage. Specified in
 * {@code docs/formats/framing.md}. The file header is the caller's to check. One task at a time.
 *
 * <p>{@link #next} goes to the next record; the accessors then tell about it, until the next call. When there is none,
 * {@link #end} says where and why the records end.
 */
public final class RecordReader implements AutoCloseable {
    /*
     * R1  A record is given out only when each of its fragments has the right checksums, place and order.
     * R2  At the first bad place the rest of the file is searched for evidence: the header of a fragment of this file that
     *     says a place behind the bad one had been synced. With evidence it is damage; without, the file ends there.
     * R3  Evidence is believed by its header alone, whatever became of its payload. In the block of the bad place it may
     *     begin anywhere, because a bad length hides where; in later blocks only where the chain from the block's start
     *     leads. A header's checksum is bound to file and offset, so bytes of a value never look like one.
     */

    /** What records are read from. Errors are the source's own. */
    public interface Source {
        /** Returns the file's name, for messages. */
        String name();

        long size();

        /** Reads up to {@code length} bytes into native memory, fewer only at the end of the file. */
        int read(long position, MemorySegment destination, long at, int length);
    }

    /** Why records end where they do. */
    public enum Reason {
        /** The file ends behind a whole record. */
        FILE_END,
        /** Zeros follow: space that was allocated ahead. */
        ZEROS,
        /** A fragment of another file number follows: a recycled file's past. */
        STALE,
        /** The file ends in the middle of a record. */
        CUT,
        /** A fragment with a wrong checksum, impossible fields, or out of order: a record that was not written whole. */
        BAD_FRAGMENT
    }

    /**
     * The end of a file's records.
     *
     * @param offset behind the last whole record
     * @param badOffset where reading stopped: {@code offset}, or further inside a record that is not whole
     * @param detail what was found there, for people
     */
    public record End(long offset, long badOffset, Reason reason, String detail) {}

    private static final int BUFFER_BYTES = 8 * BLOCK_BYTES;
    private static final int SMALLEST_RECORD_BUFFER = 2 * BLOCK_BYTES;
    private static final long UNKNOWN = -1;

    // Set once.
    private final Source source;
    private final int fileNumber;
    private final int salt;
    private final long maxRecordBytes;
    private final MemoryAccount account;
    private final MemoryUse use;
    private final long size;
    private final NativeBlock buffer;
    private final CRC32C crc = new CRC32C();
    private final byte[] header = new byte[FragmentFormat.PREFIXED_HEADER_BYTES];

    private @Nullable NativeBlock record; // for records in several fragments
    private long bufferStart;
    private int bufferLength;
    private long position = FragmentFormat.FIRST_RECORD_OFFSET;
    private long lastOrdinal = UNKNOWN;
    private @Nullable End end;
    private boolean closed;

    // The current record.
    private MemorySegment payloadMemory = MemorySegment.NULL;
    private long payloadOffset;
    private long payloadLength;
    private long ordinal;
    private long syncedOffset;
    private long sequence;
    private long recordOffset;

    // The fragment whose header was checked last.
    private int fragmentAt; // in the buffer
    private int fragmentType;
    private int fragmentLength;
    private @Nullable Reason badReason;
    private String badDetail = "";

    /**
     * Begins behind the file header.
     *
     * @param fileHeader the file's header, checked
     * @param maxRecordBytes longest record that is taken for one
     * @param account what the buffers are charged to, for {@code use}
     */
    public RecordReader(
            Source source, FileHeader fileHeader, long maxRecordBytes, MemoryAccount account, MemoryUse use) {
        if (maxRecordBytes < 1 || maxRecordBytes > Integer.MAX_VALUE - BLOCK_BYTES) {
            throw new IllegalArgumentException("maxRecordBytes is " + maxRecordBytes);
        }
        this.source = source;
        this.fileNumber = (int) fileHeader.fileNumber();
        this.salt = fileHeader.checksum();
        this.maxRecordBytes = maxRecordBytes;
        this.account = account;
        this.use = use;
        this.size = source.size();
        this.buffer = account.acquire(use, Math.max(BLOCK_BYTES, Math.min(BUFFER_BYTES, size)));
    }

    /**
     * Goes to the next record.
     *
     * @return false when the records end: {@link #end} says where and why
     * @throws CorruptionException if something is wrong that had been synced. A further call goes on behind the damage, for
     *     tools that show what is left
     */
    public boolean next() {
        if (end != null) {
            return false;
        }
        shrinkRecordBuffer();
        recordOffset = position;
        long at = skipPadding(position);
        if (at == UNKNOWN || !checkFragment(at, true)) {
            return finish(at == UNKNOWN ? position : at);
        }
        recordOffset = at;
        ordinal = Bytes.getU64(buffer.memory(), fragmentAt + FragmentFormat.ORDINAL_OFFSET);
        syncedOffset = Bytes.getU64(buffer.memory(), fragmentAt + FragmentFormat.SYNCED_OFFSET);
        sequence = Bytes.getU64(buffer.memory(), fragmentAt + FragmentFormat.SEQUENCE_OFFSET);
        if (!readPayload(at)) {
            return false;
        }
        checkOrdinal();
        return true;
    }

    /** Reads the record whose first fragment, at {@code at}, has been checked. Returns false if the records end there. */
    private boolean readPayload(long at) {
        payloadLength = 0;
        long next = at;
        while (true) {
            int headerBytes = FragmentFormat.headerBytes(fragmentType);
            boolean last = fragmentType == FragmentFormat.FULL || fragmentType == FragmentFormat.LAST;
            if (fragmentType == FragmentFormat.FULL) {
                payloadMemory = buffer.memory();
                payloadOffset = (long) fragmentAt + headerBytes;
                payloadLength = fragmentLength;
                checkRecordLength(fragmentLength);
            } else {
                addToRecord(headerBytes);
            }
            next += headerBytes + fragmentLength;
            if (last) {
                position = next;
                return true;
            }
            if (!checkFragment(next, false)) {
                return finish(next);
            }
        }
    }

    private void addToRecord(int headerBytes) {
        long needed = payloadLength + fragmentLength;
        checkRecordLength(needed);
        NativeBlock target = recordBuffer(needed);
        MemorySegment.copy(buffer.memory(), fragmentAt + headerBytes, target.memory(), payloadLength, fragmentLength);
        payloadMemory = target.memory();
        payloadOffset = 0;
        payloadLength = needed;
    }

    private NativeBlock recordBuffer(long needed) {
        NativeBlock old = record;
        if (old != null && old.bytes() >= needed) {
            return old;
        }
        long grown = old == null ? SMALLEST_RECORD_BUFFER : Math.min(maxRecordBytes, 2 * old.bytes());
        NativeBlock larger = account.acquire(use, Math.max(needed, grown));
        if (old != null) {
            MemorySegment.copy(old.memory(), 0, larger.memory(), 0, payloadLength);
            account.release(use, old);
        }
        record = larger;
        return larger;
    }

    private void shrinkRecordBuffer() {
        NativeBlock held = record;
        if (held != null && held.bytes() > BUFFER_BYTES) {
            record = null;
            payloadMemory = MemorySegment.NULL;
            account.release(use, held);
        }
    }

    private void checkRecordLength(long length) {
        if (length > maxRecordBytes) {
            end = new End(recordOffset, recordOffset, Reason.BAD_FRAGMENT, "a record that is too long");
            throw new CorruptionException(
                    source.name(),
                    recordOffset,
                    "a record is longer than " + maxRecordBytes
                            + " bytes, the most that is ever written. The file is damaged. "
                            + CorruptionException.RESTORE_DIRECTORY);
        }
    }

    private void checkOrdinal() {
        long expected = lastOrdinal + 1;
        boolean wrong = lastOrdinal != UNKNOWN && ordinal != expected;
        lastOrdinal = ordinal;
        if (wrong) {
            throw new CorruptionException(
                    source.name(),
                    recordOffset,
                    "record ordinal is " + ordinal + ", expected " + expected + ". The file is damaged. "
                            + CorruptionException.RESTORE_DIRECTORY);
        }
    }

    /** Returns where the next record begins behind a block's padding; {@link #UNKNOWN} if the padding is not zero. */
    private long skipPadding(long from) {
        int rest = FragmentFormat.blockRest(from);
        if (rest >= FragmentFormat.SMALLEST_REST) {
            return from;
        }
        int at = load(from);
        int there = Math.min(rest, bufferLength - at);
        for (int i = 0; i < there; i++) {
            if (Bytes.getU8(buffer.memory(), at + i) != 0) {
                bad(Reason.BAD_FRAGMENT, "the padding of a block is not zero");
                return UNKNOWN;
            }
        }
        return there < rest ? from + there : from + rest;
    }

    /**
     * Checks the fragment at {@code offset}, header and payload.
     *
     * @param begins whether a record should begin here, or one go on
     * @return whether all is well; if not, {@link #badReason} says why
     */
    private boolean checkFragment(long offset, boolean begins) {
        if (offset >= size) {
            return bad(begins ? Reason.FILE_END : Reason.CUT, "the file ends");
        }
        if (!checkHeader(offset)) {
            return false;
        }
        if (FragmentFormat.beginsRecord(fragmentType) != begins) {
            return bad(
                    Reason.BAD_FRAGMENT,
                    begins ? "a fragment goes on with a record that did not begin" : "a record begins inside another");
        }
        int payloadAt = fragmentAt + FragmentFormat.headerBytes(fragmentType);
        if (fragmentLength > bufferLength - payloadAt) {
            return bad(Reason.CUT, "the file ends inside a fragment");
        }
        int stored = Bytes.getU32(buffer.memory(), fragmentAt + FragmentFormat.PAYLOAD_CHECKSUM_OFFSET);
        int computed = Checksum.crc32c(crc, buffer.view(), payloadAt, fragmentLength);
        if (stored != computed) {
            return bad(
                    Reason.BAD_FRAGMENT,
                    "payload checksum is " + Checksum.hex(stored) + ", computed " + Checksum.hex(computed) + " over "
                            + fragmentLength + " bytes");
        }
        return true;
    }

    private boolean checkHeader(long offset) {
        fragmentAt = load(offset);
        if (hasHeader(offset)) {
            return true;
        }
        MemorySegment memory = buffer.memory();
        int there = Math.min(bufferLength - fragmentAt, FragmentFormat.blockRest(offset));
        if (there < FragmentFormat.HEADER_BYTES) {
            return bad(Reason.CUT, "the file ends inside a fragment header");
        }
        if (Bytes.getU64(memory, fragmentAt) == 0 && Bytes.getU64(memory, fragmentAt + 8) == 0) {
            return bad(Reason.ZEROS, "zeros follow");
        }
        int number = Bytes.getU32(memory, fragmentAt + FragmentFormat.FILE_NUMBER_OFFSET);
        if (number != fileNumber) {
            return bad(Reason.STALE, "a fragment of file number " + Integer.toUnsignedString(number) + " follows");
        }
        int headerBytes = FragmentFormat.headerBytes(FragmentFormat.type(memory, fragmentAt));
        return there < headerBytes && offset + there == size
                ? bad(Reason.CUT, "the file ends inside a fragment header")
                : bad(Reason.BAD_FRAGMENT, "the header of a fragment is wrong");
    }

    /** Returns whether a fragment header of this file stands at {@code offset}, which is in the buffer. */
    private boolean hasHeader(long offset) {
        MemorySegment memory = buffer.memory();
        int at = (int) (offset - bufferStart);
        int rest = FragmentFormat.blockRest(offset);
        int there = Math.min(bufferLength - at, rest);
        if (there < FragmentFormat.HEADER_BYTES
                || Bytes.getU32(memory, at + FragmentFormat.FILE_NUMBER_OFFSET) != fileNumber) {
            return false;
        }
        int type = FragmentFormat.type(memory, at);
        int length = FragmentFormat.length(memory, at);
        if (type < FragmentFormat.FULL || type > FragmentFormat.LAST) {
            return false;
        }
        int headerBytes = FragmentFormat.headerBytes(type);
        if (there < headerBytes || length < 1 || length > rest - headerBytes) {
            return false;
        }
        int stored = Bytes.getU32(memory, at + FragmentFormat.HEADER_CHECKSUM_OFFSET);
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, at, header, 0, headerBytes);
        if (stored != FragmentFormat.headerChecksum(crc, header, headerBytes, salt, offset)
                || Bytes.getU8(memory, at + FragmentFormat.RESERVED_OFFSET) != 0) {
            return false;
        }
        fragmentAt = at;
        fragmentType = type;
        fragmentLength = length;
        return true;
    }

    private boolean bad(Reason reason, String detail) {
        badReason = reason;
        badDetail = detail;
        return false;
    }

    /** Ends the records at {@link #recordOffset} because of what is wrong at {@code badOffset}, or finds it is damage. */
    private boolean finish(long badOffset) {
        Reason reason = badReason;
        if (reason == null) {
            throw new AssertionError("R2: records end without a reason");
        }
        long evidence = findEvidence(badOffset);
        if (evidence == UNKNOWN) {
            end = new End(position, badOffset, reason, badDetail);
            return false;
        }
        position = evidence;
        lastOrdinal = UNKNOWN;
        throw new CorruptionException(
                source.name(),
                badOffset,
                badDetail + ", but the record at offset " + evidence + " says that the first "
                        + Bytes.getU64(buffer.memory(), fragmentAt + FragmentFormat.SYNCED_OFFSET)
                        + " bytes had been synced. The file is damaged. " + CorruptionException.RESTORE_DIRECTORY);
    }

    private long findEvidence(long badOffset) {
        long blockEnd = Math.min(size, badOffset + FragmentFormat.blockRest(badOffset));
        if (badOffset < size) {
            load(badOffset);
        }
        for (long offset = badOffset + 1; offset < blockEnd; offset++) {
            if (isEvidence(offset, badOffset)) {
                return offset;
            }
        }
        for (long block = blockEnd; block < size; block += BLOCK_BYTES) {
            load(block);
            long offset = block;
            while (offset < Math.min(size, block + BLOCK_BYTES) && hasHeader(offset)) {
                if (isEvidence(offset, badOffset)) {
                    return offset;
                }
                offset += FragmentFormat.headerBytes(fragmentType) + fragmentLength;
            }
        }
        return UNKNOWN;
    }

    private boolean isEvidence(long offset, long badOffset) {
        return hasHeader(offset)
                && FragmentFormat.beginsRecord(fragmentType)
                && Bytes.getU64(buffer.memory(), fragmentAt + FragmentFormat.SYNCED_OFFSET) > badOffset;
    }

    /** Brings the block that {@code offset} lies in into the buffer; returns where in the buffer {@code offset} is. */
    private int load(long offset) {
        long block = offset & -BLOCK_BYTES;
        if (block < bufferStart || block >= bufferStart + bufferLength) {
            int wanted = (int) Math.min(buffer.bytes() & -BLOCK_BYTES, size - block);
            bufferLength = 0;
            int read = source.read(block, buffer.memory(), 0, wanted);
            bufferStart = block;
            bufferLength = read;
        }
        return (int) (offset - bufferStart);
    }

    /** Returns memory that holds the record's payload. */
    public MemorySegment payloadMemory() {
        return payloadMemory;
    }

    public long payloadOffset() {
        return payloadOffset;
    }

    public long payloadLength() {
        return payloadLength;
    }

    public long ordinal() {
        return ordinal;
    }

    /** Returns the ordinal of the last whole record that was read, also when the records have ended; -1 if there is none. */
    public long lastOrdinal() {
        return lastOrdinal;
    }

    /** Returns how many bytes of the file were known to be on disk when the record was framed. */
    public long syncedOffset() {
        return syncedOffset;
    }

    /** Returns what the record's user stored beside it. */
    public long sequence() {
        return sequence;
    }

    /** Returns where the record's first fragment begins in the file. */
    public long recordOffset() {
        return recordOffset;
    }

    /** Returns where the record ends in the file. */
    public long recordEnd() {
        return position;
    }

    /**
     * Returns where and why the records end.
     *
     * @throws IllegalStateException before {@link #next} has returned false
     */
    public End end() {
        End reached = end;
        if (reached == null) {
            throw new IllegalStateException("the records of " + source.name() + " have not been read to their end");
        }
        return reached;
    }

    /** Lets go of the buffers; the source stays open. Closing twice is harmless. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        account.release(use, buffer);
        NativeBlock held = record;
        if (held != null) {
            account.release(use, held);
            record = null;
        }
    }
}
