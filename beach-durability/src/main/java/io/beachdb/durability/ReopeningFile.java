package io.beachdb.durability;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file for reading on any thread, interrupted or not. The JDK closes a channel under every reader when one of them is
 * interrupted; this opens it again and repeats the read, and leaves the interrupt status as it was.
 */
final class ReopeningFile implements VfsFile {
    private final Path path;
    private volatile FileChannel channel;
    private volatile boolean closed;

    ReopeningFile(Path path) throws IOException {
        this.path = path;
        this.channel = open(path);
    }

    private static FileChannel open(Path path) throws IOException {
        boolean interrupted = Thread.interrupted();
        try {
            return FileChannel.open(path, StandardOpenOption.READ);
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public int read(long position, MemorySegment destination, long at, int length) throws IOException {
        boolean interrupted = false;
        try {
            while (true) {
                FileChannel used = channel;
                interrupted |= Thread.interrupted();
                try {
                    return SystemFile.readFully(used, position, destination, at, length);
                } catch (ClosedChannelException e) {
                    reopen(used, e);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @SuppressWarnings("ReferenceEquality") // the very channel that broke, or one that another reader opened since
    private synchronized void reopen(FileChannel broken, ClosedChannelException cause) throws IOException {
        if (closed) {
            throw cause;
        }
        if (channel == broken) {
            channel = open(path);
        }
    }

    @Override
    public long size() throws IOException {
        boolean interrupted = false;
        try {
            while (true) {
                FileChannel used = channel;
                interrupted |= Thread.interrupted(); // else this call would close each channel that is opened for it
                try {
                    return used.size();
                } catch (ClosedChannelException e) {
                    reopen(used, e);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public synchronized void close() throws IOException {
        closed = true;
        channel.close();
    }

    @Override
    public void write(long position, MemorySegment source, long at, long length) throws IOException {
        throw readOnly();
    }

    @Override
    public void truncate(long size) throws IOException {
        throw readOnly();
    }

    @Override
    public void allocate(long size) throws IOException {
        throw readOnly();
    }

    @Override
    public void sync(boolean metadata) throws IOException {
        throw readOnly();
    }

    @Override
    public VfsMapping map(long length) throws IOException {
        throw readOnly();
    }

    private IOException readOnly() {
        return new IOException(path + " is open for reading only");
    }
}
