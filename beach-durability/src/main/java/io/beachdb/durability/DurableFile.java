package io.beachdb.durability;

/** Receipt: the file is closed, immutable, and its data and name are on disk. Only {@link DurableDirectory} mints it. */
public final class DurableFile {
    private final DurableDirectory directory;
    private final String name;
    private final long size;

    DurableFile(DurableDirectory directory, String name, long size) {
        this.directory = directory;
        this.name = name;
        this.size = size;
    }

    public String name() {
        return name;
    }

    /** Returns its size in bytes. */
    public long size() {
        return size;
    }

    DurableDirectory directory() {
        return directory;
    }

    @Override
    public String toString() {
        return name + " (" + size + " bytes, durable)";
    }
}
