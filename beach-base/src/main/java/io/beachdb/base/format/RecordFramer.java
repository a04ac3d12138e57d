package io.beachdb.base.format;

import static io.beachdb.base.format.FragmentFormat.BLOCK_BYTES;
import static io.beachdb.base.format.FragmentFormat.HEADER_BYTES;
import static io.beachdb.base.format.FragmentFormat.PREFIXED_HEADER_BYTES;

import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * Frames records for one file, into memory: splits them into fragments that fit the file's blocks, and gives each
 * fragment its header. The caller brings the memory to the file, in order. Specified in
 * {@code docs/formats/framing.md}. Nothing is allocated. One task at a time.
 *
 * <p>{@link #append} frames a whole record. One that is larger than the memory at hand goes in pieces:
 * {@link #begin}, then {@link #appendPart} until {@link #unfinished} is false.
 */
public final class RecordFramer {
    private static final VarHandle HEADER_LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle HEADER_INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final int fileNumber; // low bits
    private final int salt;
    private final CRC32C crc = new CRC32C();
    // A header is put together on the heap: a checksum over native memory costs two atomic operations on its arena.
    private final byte[] header = new byte[PREFIXED_HEADER_BYTES];

    // The record between begin and its last part.
    private MemorySegment payload = MemorySegment.NULL;
    private long payloadOffset;
    private long payloadRest;
    private int payloadChecksum;
    private boolean first;
    private long ordinal;
    private long syncedOffset;
    private long sequence;

    /** @param header the header of the file that the records are for */
    public RecordFramer(FileHeader header) {
        this.fileNumber = (int) header.fileNumber();
        this.salt = header.checksum();
    }

    /** Returns how many bytes a record takes when it is framed at {@code fileOffset}, padding before it included. */
    public static long framedLength(long fileOffset, long payloadLength) {
        int rest = FragmentFormat.blockRest(fileOffset);
        int padding = rest < FragmentFormat.SMALLEST_REST ? rest : 0;
        int room = padding == 0 ? rest : BLOCK_BYTES;
        long left = payloadLength - (room - PREFIXED_HEADER_BYTES);
        if (left <= 0) {
            return padding + PREFIXED_HEADER_BYTES + payloadLength;
        }
        long perBlock = BLOCK_BYTES - HEADER_BYTES;
        long middle = (left - 1) / perBlock;
        return padding + room + middle * BLOCK_BYTES + HEADER_BYTES + (left - middle * perBlock);
    }

    /**
     * Frames a whole record. The destination has {@link #framedLength} bytes of room.
     *
     * @param fileOffset where in the file the destination's bytes will stand
     * @param payload native memory: one byte of kind, then the body; at least one byte
     * @param payloadChecksum CRC-32C of the payload. Taken as it is while the record fits one fragment, so that whoever
     *     encoded the record also answers for its bytes
     * @param ordinal grows by one with each record, across files
     * @param syncedOffset how many bytes of the file are known to be on disk
     * @param sequence the record's first sequence, or what else its user stores with it
     * @return how many bytes were framed, padding included
     */
    public int append(
            NativeBlock destination,
            int at,
            long fileOffset,
            MemorySegment payload,
            long payloadOffset,
            long payloadLength,
            int payloadChecksum,
            long ordinal,
            long syncedOffset,
            long sequence) {
        begin(payload, payloadOffset, payloadLength, payloadChecksum, ordinal, syncedOffset, sequence);
        int framed = appendPart(destination, at, (int) Math.min(destination.bytes(), Integer.MAX_VALUE), fileOffset);
        if (unfinished()) {
            throw new IllegalArgumentException("a record of " + payloadLength + " bytes does not fit "
                    + (destination.bytes() - at) + " bytes of memory");
        }
        return framed;
    }

    /** Begins a record that goes in pieces. Parameters as for {@link #append}. */
    public void begin(
            MemorySegment payload,
            long payloadOffset,
            long payloadLength,
            int payloadChecksum,
            long ordinal,
            long syncedOffset,
            long sequence) {
        if (payloadLength < 1) {
            throw new IllegalArgumentException("payload length is " + payloadLength + ", allowed 1 and more");
        }
        this.payload = payload;
        this.payloadOffset = payloadOffset;
        this.payloadRest = payloadLength;
        this.payloadChecksum = payloadChecksum;
        this.first = true;
        this.ordinal = ordinal;
        this.syncedOffset = syncedOffset;
        this.sequence = sequence;
    }

    /** Returns whether the record that was begun has more to frame. */
    public boolean unfinished() {
        return payloadRest > 0;
    }

    /**
     * Frames as many fragments of the record as fit. A block of free memory always takes at least one.
     *
     * @param limit offset in {@code destination} behind the last byte that may be written
     * @return how many bytes were framed, padding included; the next part follows them in the file
     */
    public int appendPart(NativeBlock destination, int at, int limit, long fileOffset) {
        int framed = 0;
        while (payloadRest > 0) {
            long offset = fileOffset + framed;
            int rest = FragmentFormat.blockRest(offset);
            int padding = rest < FragmentFormat.SMALLEST_REST ? rest : 0;
            int room = padding == 0 ? rest : BLOCK_BYTES;
            int headerBytes = first ? PREFIXED_HEADER_BYTES : HEADER_BYTES;
            int length = (int) Math.min(payloadRest, room - headerBytes);
            int needed = padding + headerBytes + length;
            if (needed > limit - at - framed) {
                break;
            }
            for (int i = 0; i < padding; i++) {
                Bytes.putU8(destination.memory(), (long) at + framed + i, 0);
            }
            appendFragment(destination, at + framed + padding, offset + padding, headerBytes, length);
            framed += needed;
        }
        return framed;
    }

    private void appendFragment(NativeBlock destination, int at, long fileOffset, int headerBytes, int length) {
        MemorySegment memory = destination.memory();
        boolean last = length == payloadRest;
        MemorySegment.copy(payload, payloadOffset, memory, at + headerBytes, length);
        int checksum =
                first && last ? payloadChecksum : Checksum.crc32c(crc, destination.view(), at + headerBytes, length);
        int type = type(first, last);
        set(FragmentFormat.PAYLOAD_CHECKSUM_OFFSET, Integer.toUnsignedLong(checksum) | (long) fileNumber << 32);
        // Length, type and the reserved zero in one store.
        HEADER_INT.set(header, FragmentFormat.LENGTH_OFFSET, length | type << 16);
        if (first) {
            set(FragmentFormat.ORDINAL_OFFSET, ordinal);
            set(FragmentFormat.SYNCED_OFFSET, syncedOffset);
            set(FragmentFormat.SEQUENCE_OFFSET, sequence);
        }
        HEADER_INT.set(
                header,
                FragmentFormat.HEADER_CHECKSUM_OFFSET,
                FragmentFormat.headerChecksum(crc, header, headerBytes, salt, fileOffset));
        for (int i = 0; i < headerBytes; i += Long.BYTES) {
            Bytes.putU64(memory, at + i, (long) HEADER_LONG.get(header, i));
        }
        first = false;
        payloadOffset += length;
        payloadRest -= length;
    }

    private void set(int offset, long value) {
        HEADER_LONG.set(header, offset, value);
    }

    private static int type(boolean first, boolean last) {
        if (first) {
            return last ? FragmentFormat.FULL : FragmentFormat.FIRST;
        }
        return last ? FragmentFormat.LAST : FragmentFormat.MIDDLE;
    }
}
