/** The sorted buffer in memory that takes writes. */
@SuppressWarnings("module") // the modules named below are compiled later
module io.beachdb.memtable {
    requires transitive io.beachdb.base; // its types are in our signatures
    requires static transitive org.jspecify; // annotations in our signatures, for compilers and tools only

    exports io.beachdb.memtable to
            io.beachdb.db,
            io.beachdb.db.testkit,
            io.beachdb.bench,
            io.beachdb.cli;
}
