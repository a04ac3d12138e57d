/** The {@code beach} command. */
@SuppressWarnings("requires-automatic") // HdrHistogram has no descriptor of its own
module io.beachdb.cli {
    requires io.beachdb.db;
    requires io.beachdb.db.testkit;
    requires io.beachdb.wal;
    requires io.beachdb.sstable;
    requires io.beachdb.manifest;
    requires info.picocli;
    requires HdrHistogram;
    requires static transitive org.jspecify; // annotations in our signatures, for compilers and tools only

    opens io.beachdb.cli to
            info.picocli;
}
