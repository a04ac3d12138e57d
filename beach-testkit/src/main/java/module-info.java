/** A simulated disk, clock and scheduler for tests of code that writes files. Knows files, not databases. */
module io.beachdb.testkit {
    requires transitive io.beachdb.base; // we implement its seams
    requires transitive io.beachdb.durability; // and its file seam
    requires static transitive org.jspecify; // annotations in our signatures, for compilers and tools only

    exports io.beachdb.testkit;
}
