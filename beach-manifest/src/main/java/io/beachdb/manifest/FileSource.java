package io.beachdb.manifest;

import io.beachdb.base.format.RecordReader;
import io.beachdb.durability.ReadableFile;
import java.lang.foreign.MemorySegment;

/** A file of the directory, as records are read from it. */
record FileSource(ReadableFile file) implements RecordReader.Source {

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
}
