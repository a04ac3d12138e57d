/** Files and directories whose every change is on disk when it must be. Useful without the rest of BeachDB. */
module io.beachdb.durability {
    requires transitive io.beachdb.base; // its exceptions and seams are in our signatures
    requires static transitive org.jspecify; // annotations in our signatures, for compilers and tools only

    exports io.beachdb.durability;
}
