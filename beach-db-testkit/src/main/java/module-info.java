/** Reference model, workloads, oracle, and simulation of the whole engine. */
module io.beachdb.db.testkit {
    requires transitive io.beachdb.db; // what we drive
    requires transitive io.beachdb.testkit; // and what it runs on
    requires static transitive org.jspecify; // annotations in our signatures, for compilers and tools only

    exports io.beachdb.dbtestkit;
}
