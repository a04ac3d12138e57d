/** The embedded database. */
@SuppressWarnings("module") // the modules named below are compiled later
module io.beachdb.db {
    requires transitive io.beachdb.base; // exceptions, memory budget and key encoders are part of our face
    requires transitive io.beachdb.durability; // so are the file seam and the listener of file events
    requires io.beachdb.wal;
    requires io.beachdb.memtable;
    requires io.beachdb.sstable;
    requires io.beachdb.manifest;
    requires org.slf4j;
    requires static transitive org.jspecify; // annotations in our signatures, for compilers and tools only

    exports io.beachdb;
    exports io.beachdb.db to
            io.beachdb.db.testkit,
            io.beachdb.bench,
            io.beachdb.cli;
}
