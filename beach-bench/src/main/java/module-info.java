/** JMH of the hot path, and named workloads beside peers. Runs from one shaded jar, without modules. */
@SuppressWarnings("requires-automatic") // JMH, RocksDB and HdrHistogram have no descriptors of their own
module io.beachdb.bench {
    requires io.beachdb.db;
    requires io.beachdb.wal;
    requires io.beachdb.memtable;
    requires io.beachdb.sstable;
    requires io.beachdb.manifest;
    requires jmh.core;
    requires rocksdbjni;
    requires HdrHistogram;
    requires info.picocli;
    requires java.management;
    requires jdk.management;
    requires static transitive org.jspecify; // annotations in our signatures, for compilers and tools only
}
