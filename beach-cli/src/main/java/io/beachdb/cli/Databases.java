package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.Options;
import java.nio.file.Path;

/** How commands open databases. */
final class Databases {
    private Databases() {}

    /** For writing; makes the database if there is none. */
    static BeachDB openOrMake(Path directory) {
        return BeachDB.open(directory);
    }

    /** For writing; there must be a database. */
    static BeachDB openExisting(Path directory) {
        return BeachDB.open(directory, Options.builder().createIfMissing(false).build());
    }

    /** For reading: nothing is created, written or deleted. */
    static BeachDB openReadOnly(Path directory) {
        return BeachDB.open(
                directory, Options.builder().createIfMissing(false).readOnly(true).build());
    }
}
