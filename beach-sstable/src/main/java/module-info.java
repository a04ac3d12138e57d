/** Immutable sorted tables: writer, reader, cursor, block cache. */
@SuppressWarnings({
    "module", // the modules named below are compiled later
    "requires-automatic" // lz4-java has no descriptor of its own
})
module io.beachdb.sstable {
    requires transitive io.beachdb.base; // its types are in our signatures
    requires transitive io.beachdb.durability; // so are its files and receipts
    requires org.lz4.java;
    requires static transitive org.jspecify; // annotations in our signatures, for compilers and tools only

    exports io.beachdb.sstable to
            io.beachdb.db,
            io.beachdb.db.testkit,
            io.beachdb.bench,
            io.beachdb.cli;
}
