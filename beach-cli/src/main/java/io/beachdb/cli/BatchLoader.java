package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.WriteBatch;

/** Writes many entries in batches, quickly; they are on disk when {@link #finish} has returned. */
final class BatchLoader {
    private static final int BATCH_BYTES = 256 << 10;

    private final BeachDB db;
    private final WriteBatch batch = new WriteBatch(BATCH_BYTES);
    private long entries;
    private long bytes;

    BatchLoader(BeachDB db) {
        this.db = db;
    }

    void put(byte[] key, byte[] value) {
        if (!batch.isEmpty() && batch.bytes() + key.length + value.length > BATCH_BYTES) {
            write();
        }
        batch.put(key, value);
        entries++;
        bytes += key.length + value.length;
    }

    private void write() {
        db.write(batch, Durability.LOGGED);
        batch.clear();
    }

    /** Writes what is left and waits until everything is on disk. */
    void finish() {
        write();
        db.sync();
    }

    long entries() {
        return entries;
    }

    /** Returns the bytes of all keys and values taken. */
    long bytes() {
        return bytes;
    }

    @Override
    public String toString() {
        return Units.count(entries) + " entries, " + Units.bytes(bytes);
    }
}
