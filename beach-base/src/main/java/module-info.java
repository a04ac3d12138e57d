/**
 * What every other module shares: keys and their order, the cursor contract, checksums, hashes, exceptions, and the
 * seams through which the engine meets the machine. A closed list.
 */
@SuppressWarnings({
    "module", // the modules named below are compiled later
    "requires-automatic" // zero-allocation-hashing has no descriptor of its own
})
module io.beachdb.base {
    requires zero.allocation.hashing;
    requires static transitive org.jspecify; // annotations in our signatures, for compilers and tools only

    exports io.beachdb.base;
    exports io.beachdb.base.format to
            io.beachdb.durability,
            io.beachdb.wal,
            io.beachdb.memtable,
            io.beachdb.sstable,
            io.beachdb.manifest,
            io.beachdb.db,
            io.beachdb.testkit,
            io.beachdb.db.testkit,
            io.beachdb.bench,
            io.beachdb.cli;
    exports io.beachdb.base.memory to
            io.beachdb.durability,
            io.beachdb.wal,
            io.beachdb.memtable,
            io.beachdb.sstable,
            io.beachdb.manifest,
            io.beachdb.db,
            io.beachdb.testkit,
            io.beachdb.db.testkit,
            io.beachdb.bench,
            io.beachdb.cli;
}
