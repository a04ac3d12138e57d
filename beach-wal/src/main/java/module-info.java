/** The write-ahead log: writer, reader, format. */
@SuppressWarnings("module") // the modules named below are compiled later
module io.beachdb.wal {
    requires transitive io.beachdb.base; // its types are in our signatures
    requires transitive io.beachdb.durability; // so are its directories and receipts
    requires static transitive org.jspecify; // annotations in our signatures, for compilers and tools only

    exports io.beachdb.wal to
            io.beachdb.db,
            io.beachdb.db.testkit,
            io.beachdb.bench,
            io.beachdb.cli;
}
