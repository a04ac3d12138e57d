/** Which files make up the database, version by version. */
@SuppressWarnings("module") // the modules named below are compiled later
module io.beachdb.manifest {
    requires transitive io.beachdb.base; // its types are in our signatures
    requires transitive io.beachdb.durability; // so are its directories and receipts
    requires static transitive org.jspecify; // annotations in our signatures, for compilers and tools only

    exports io.beachdb.manifest to
            io.beachdb.db,
            io.beachdb.db.testkit,
            io.beachdb.bench,
            io.beachdb.cli;
}
