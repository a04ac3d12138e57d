package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.Options;
import java.nio.file.Path;

/** How commands open databases. */
final class Databases {
    private Databases() {}

    /** Room for a few writes: a log is allocated to the size of the write buffer, and one-shot commands need none of it. */
    private static final long SMALL_WRITE_BUFFER = 1 << 20;

    /** For many writes; makes the database if there is none. */
    static BeachDB openForLoading(Path directory) {
        return BeachDB.open(directory);
    }

    /** For a write or two; makes the database if there is none. */
    static BeachDB openOrMake(Path directory) {
        return BeachDB.open(
                directory,
                Options.builder().writeBufferBytes(SMALL_WRITE_BUFFER).build());
    }

    /** For a write or two; there must be a database. */
    static BeachDB openExisting(Path directory) {
        return BeachDB.open(
                directory,
                Options.builder()
                        .createIfMissing(false)
                        .writeBufferBytes(SMALL_WRITE_BUFFER)
                        .build());
    }

    /** For reading: nothing is created, written or deleted. */
    static BeachDB openReadOnly(Path directory) {
        return BeachDB.open(
                directory,
                Options.builder().createIfMissing(false).readOnly(true).build());
    }
}
