package io.beachdb.durability;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A file by one channel, for threads that nobody interrupts; and beside it, where the system allows, by the calls of
 * {@link RandomAccessFile}, which know no interrupts (decision 0012).
 */
final class SystemFile implements VfsFile {
    // One page, and each write a page of its own: Linux keeps what one write brings as one piece in its page cache, and
    // a piece goes to disk whole. Zeros written by the mebibyte would make a mebibyte of each small synced record.
    private static final int ZEROS_BYTES = 4096;
    private static final int MAX_TRANSFER_BYTES = 1 << 30;
    private static final MemorySegment ZEROS = Arena.global().allocate(ZEROS_BYTES);

    private static final int PLAIN_BYTES = 64 << 10;

    // Set once.
    private final FileChannel channel;
    private final @Nullable RandomAccessFile plain; // the same open file as the channel's
    private final @Nullable Path openedAt; // by now it may have another name
    private final @Nullable Object identity;

    // Guarded by this: the file's own position, which the channel does not use, and what is copied for it.
    private byte[] copied = new byte[0];

    SystemFile(FileChannel channel) {
        this.channel = channel;
        this.plain = null;
        this.openedAt = null;
        this.identity = null;
    }

    /** @param plain closed if this fails */
    SystemFile(RandomAccessFile plain, Path path) throws IOException {
        this.channel = plain.getChannel();
        this.plain = plain;
        this.openedAt = path;
        boolean done = false;
        try {
            this.identity = Reservation.identity(path);
            done = true;
        } finally {
            if (!done) {
                plain.close();
            }
        }
    }

    @Override
    public int interruptSafeBytes() {
        return plain == null ? 0 : PLAIN_BYTES;
    }

    @Override
    public int read(long position, MemorySegment destination, long at, int length) throws IOException {
        return readFully(channel, position, destination, at, length);
    }

    static int readFully(FileChannel channel, long position, MemorySegment destination, long at, int length)
            throws IOException {
        ByteBuffer buffer = destination.asSlice(at, length).asByteBuffer();
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, position + buffer.position()) < 0) {
                break;
            }
        }
        return buffer.position();
    }

    @Override
    public void write(long position, MemorySegment source, long at, long length) throws IOException {
        if (plain != null && length <= PLAIN_BYTES) {
            writePlain(plain, position, source, at, (int) length);
            return;
        }
        for (long done = 0; done < length; done += MAX_TRANSFER_BYTES) {
            int part = (int) Math.min(MAX_TRANSFER_BYTES, length - done);
            ByteBuffer buffer = source.asSlice(at + done, part).asByteBuffer();
            while (buffer.hasRemaining()) {
                channel.write(buffer, position + done + buffer.position());
            }
        }
    }

    private synchronized void writePlain(
            RandomAccessFile file, long position, MemorySegment source, long at, int length) throws IOException {
        if (copied.length < length) {
            copied = new byte[Math.max(length, Math.min(PLAIN_BYTES, 2 * copied.length))];
        }
        MemorySegment.copy(source, ValueLayout.JAVA_BYTE, at, copied, 0, length);
        file.seek(position);
        file.write(copied, 0, length);
    }

    @Override
    public long size() throws IOException {
        return channel.size();
    }

    @Override
    public void truncate(long size) throws IOException {
        if (size <= channel.size()) {
            channel.truncate(size);
        } else {
            allocate(size);
        }
    }

    @Override
    public void allocate(long size) throws IOException {
        long present = channel.size();
        if (openedAt != null
                && identity != null
                && present < size
                && Reservation.reserve(openedAt, identity, present, size)) {
            return;
        }
        ByteBuffer zeros = ZEROS.asByteBuffer();
        for (long at = channel.size(); at < size; at += zeros.position()) {
            long toPageEnd = ZEROS_BYTES - at % ZEROS_BYTES;
            zeros.clear().limit((int) Math.min(toPageEnd, size - at));
            while (zeros.hasRemaining()) {
                channel.write(zeros, at + zeros.position());
            }
        }
    }

    @Override
    public void sync(boolean metadata) throws IOException {
        if (plain != null && !metadata) {
            plain.getFD().sync();
        } else {
            channel.force(metadata);
        }
    }

    @Override
    public VfsMapping map(long length) throws IOException {
        if (length > channel.size()) {
            // A mapping beyond the end would be backed by nothing: a store to it could meet a full disk.
            throw new IOException("mapping of " + length + " bytes reaches beyond the file's " + channel.size());
        }
        Arena arena = Arena.ofShared();
        try {
            return new SystemMapping(arena, channel.map(FileChannel.MapMode.READ_WRITE, 0, length, arena));
        } catch (IOException e) {
            arena.close();
            throw e;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close(); // and with it the plain file
    }
}
