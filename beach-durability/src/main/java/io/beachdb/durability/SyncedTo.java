package io.beachdb.durability;

/** Receipt: the first {@link #offset} bytes of a log are on disk. The only thing that acknowledges a write. */
public final class SyncedTo {
    private final DurableLog log;
    private final long offset;

    SyncedTo(DurableLog log, long offset) {
        this.log = log;
        this.offset = offset;
    }

    public DurableLog log() {
        return log;
    }

    /** Returns how many bytes from the start of the log are on disk. */
    public long offset() {
        return offset;
    }
}
