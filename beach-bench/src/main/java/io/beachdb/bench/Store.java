package io.beachdb.bench;

import java.nio.file.Path;

/** What a workload asks of a database, whichever it is. Opened and closed by the worker; handles belong to one thread. */
interface Store extends AutoCloseable {

    /** Makes a handle for one thread. */
    Handle handle();

    /** Brings everything to tables and waits until background work rests. */
    void settle();

    /** What a header shows of the engine: version, codec and the like. */
    String description();

    @Override
    void close();

    /** One thread's way into the store. */
    interface Handle extends AutoCloseable {
        void put(byte[] key, byte[] value, boolean sync);

        void delete(byte[] key);

        /** Puts all keys with their values, in one atomic batch. */
        void putAll(byte[][] keys, byte[][] values);

        /** Looks up a key; returns the length of its value, -1 if absent, and remembers the value's first eight bytes. */
        long get(byte[] key);

        /** First eight bytes, little-endian, of the last value read. */
        long head();

        /** Reads all entries from the first on, up to {@code limit}; fetches key and value of each. Returns how many. */
        long scan(long limit);

        /** The same from the last entry backwards. */
        long scanBackwards(long limit);

        /** Seeks to a key and reads that entry and up to {@code count} more; returns how many. */
        int seek(byte[] key, int count);

        @Override
        void close();
    }

    /** Opens a store. */
    static Store open(String name, Path directory) {
        return switch (name) {
            case "beach" -> new BeachStore(directory);
            case "rocksdb" -> new RocksStore(directory, true);
            case "rocksdb-none" -> new RocksStore(directory, false);
            default ->
                throw new IllegalArgumentException("store is '" + name + "', allowed beach, rocksdb, rocksdb-none");
        };
    }
}
