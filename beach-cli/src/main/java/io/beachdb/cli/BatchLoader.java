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

    /** @throws IllegalArgumentException if this entry is beyond the limits; it is left out, what came before is not */
    void put(byte[] key, byte[] value) {
        if (!batch.isEmpty() && batch.bytes() + key.length + value.length > BATCH_BYTES) {
            write();
        }
        batch.put(key, value);
        if (batch.bytes() > BATCH_BYTES) {
            writeAlone(); // at once: if it is refused, its caller still knows where it stood
        }
        entries++;
        bytes += key.length + value.length;
    }

    private void writeAlone() {
        try {
            write();
        } catch (IllegalArgumentException e) {
            batch.clear();
            throw e;
        }
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
        return Units.entries(entries) + ", " + Units.bytes(bytes);
    }
}
