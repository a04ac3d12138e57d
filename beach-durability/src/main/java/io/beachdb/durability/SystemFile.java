package io.beachdb.durability;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** A file by one channel, for threads that nobody interrupts. */
final class SystemFile implements VfsFile {
    // One page, and each write a page of its own: Linux keeps what one write brings as one piece in its page cache, and
    // a piece goes to disk whole. Zeros written by the mebibyte would make a mebibyte of each small synced record.
    private static final int ZEROS_BYTES = 4096;
    private static final int MAX_TRANSFER_BYTES = 1 << 30;
    private static final MemorySegment ZEROS = Arena.global().allocate(ZEROS_BYTES);

    private final FileChannel channel;

    SystemFile(FileChannel channel) {
        this.channel = channel;
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
        for (long done = 0; done < length; done += MAX_TRANSFER_BYTES) {
            int part = (int) Math.min(MAX_TRANSFER_BYTES, length - done);
            ByteBuffer buffer = source.asSlice(at + done, part).asByteBuffer();
            while (buffer.hasRemaining()) {
                channel.write(buffer, position + done + buffer.position());
            }
        }
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
        channel.force(metadata);
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
        channel.close();
    }
}
