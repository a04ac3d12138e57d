package io.beachdb.wal;

import io.beachdb.base.format.FileHeader;
import io.beachdb.durability.DurableLog;

/** A log whose name, header and size are on disk, with no record in it yet. */
public record PreparedLog(FileHeader header, DurableLog file) {

    /** Returns the log's number. */
    public long number() {
        return header.fileNumber();
    }
}
