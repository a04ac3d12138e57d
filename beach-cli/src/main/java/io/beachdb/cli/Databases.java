package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.Options;
import io.beachdb.base.format.FileName;
import io.beachdb.db.Limits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** How commands open databases. */
final class Databases {
    private Databases() {}

    /** Room for a few writes: a log is allocated to the size of the write buffer, and one-shot commands need none of it. */
    private static final long SMALL_WRITE_BUFFER = 1 << 20;

    private static final Options LOADING = Options.defaults();

    /**
     * For many writes; makes the database if there is none.
     *
     * @param note hears where one was made that others may not look for
     */
    static BeachDB openForLoading(Path directory, Consumer<String> note) throws IOException {
        return openOrMake(directory, LOADING, note);
    }

    /** Returns the most bytes that a value of a database opened for loading may have. */
    static long maxLoadedBytes() {
        return Limits.maxBatchBytes(LOADING.memoryBytes());
    }

    /**
     * For a write or two; makes the database if there is none.
     *
     * @param note hears where one was made that others may not look for
     */
    static BeachDB openOrMake(Path directory, Consumer<String> note) throws IOException {
        return openOrMake(
                directory,
                Options.builder().writeBufferBytes(SMALL_WRITE_BUFFER).build(),
                note);
    }

    private static BeachDB openOrMake(Path directory, Options options, Consumer<String> note) throws IOException {
        boolean made = !Files.exists(directory.resolve(FileName.CURRENT));
        long strangers = made && Files.isDirectory(directory) ? strangers(directory) : 0;
        BeachDB db = BeachDB.open(directory, options);
        if (strangers > 0) {
            note.accept("made a database in " + directory + ", beside "
                    + Units.count(strangers, "other file", "other files"));
        }
        return db;
    }

    /** Returns how many files there are that no database would have. */
    private static long strangers(Path directory) throws IOException {
        try (Stream<Path> all = Files.list(directory)) {
            return all.filter(file -> FileName.parse(file.getFileName().toString()) == null)
                    .count();
        }
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
