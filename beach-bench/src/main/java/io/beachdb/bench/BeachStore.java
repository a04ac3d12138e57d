package io.beachdb.bench;

import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.DatabaseStats;
import io.beachdb.Durability;
import io.beachdb.Options;
import io.beachdb.WriteBatch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** BeachDB with settings that match the peers': 64 MiB write buffer, 512 MiB for blocks, LZ4, 10 bits of filter. */
final class BeachStore implements Store {
    private static final long WRITE_BUFFER_BYTES = 64L << 20;
    private static final long MEMORY_BYTES = (512L << 20) + 4 * WRITE_BUFFER_BYTES;
    private static final int LARGEST_VALUE_BYTES = 64 << 10;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final BeachDB db;

    BeachStore(Path directory) {
        db = BeachDB.open(
                directory,
                Options.builder()
                        .memoryBytes(MEMORY_BYTES)
                        .writeBufferBytes(WRITE_BUFFER_BYTES)
                        .durability(Durability.LOGGED)
                        .build());
    }

    @Override
    public Handle handle() {
        return new BeachHandle();
    }

    @Override
    public void settle() {
        db.flush();
        db.awaitRest();
    }

    @Override
    public String description() {
        DatabaseStats stats = db.stats();
        return "BeachDB, " + stats.codec() + ", " + stats.hashProvider();
    }

    @Override
    public void close() {
        db.close();
    }

    private final class BeachHandle implements Handle {
        private final Arena arena = Arena.ofShared();
        private final MemorySegment value = arena.allocate(LARGEST_VALUE_BYTES);
        private final MemorySegment key = arena.allocate(1024);
        private final WriteBatch batch = new WriteBatch();
        private @Nullable Cursor seeker; // made at the first seek: an open cursor keeps what writes make obsolete
        private long head;

        @Override
        public void put(byte[] k, byte[] v, boolean sync) {
            db.put(k, v, sync ? Durability.SYNCED : Durability.LOGGED);
        }

        @Override
        public void delete(byte[] k) {
            db.delete(k);
        }

        @Override
        public void putAll(byte[][] keys, byte[][] values) {
            batch.clear();
            for (int i = 0; i < keys.length; i++) {
                batch.put(keys[i], values[i]);
            }
            db.write(batch);
        }

        @Override
        public long get(byte[] k) {
            long length = db.get(k, value);
            head = length >= Long.BYTES ? value.get(LONG, 0) : 0;
            return length;
        }

        @Override
        public long head() {
            return head;
        }

        @Override
        public long scan(long limit) {
            long count = 0;
            try (Cursor cursor = db.cursor()) {
                for (cursor.first(); cursor.valid() && count < limit; cursor.next()) {
                    fetch(cursor);
                    count++;
                }
            }
            return count;
        }

        @Override
        public long scanBackwards(long limit) {
            long count = 0;
            try (Cursor cursor = db.cursor()) {
                for (cursor.last(); cursor.valid() && count < limit; cursor.previous()) {
                    fetch(cursor);
                    count++;
                }
            }
            return count;
        }

        private void fetch(Cursor cursor) {
            cursor.copyKey(key, 0);
            cursor.copyValue(value, 0);
            head = value.get(LONG, 0);
        }

        @Override
        public int seek(byte[] k, int count) {
            Cursor cursor = seeker;
            if (cursor == null) {
                cursor = db.cursor();
                seeker = cursor;
            }
            cursor.seek(k);
            int read = 0;
            while (cursor.valid() && read <= count) {
                fetch(cursor);
                read++;
                cursor.next();
            }
            return read;
        }

        @Override
        public void close() {
            Cursor cursor = seeker;
            if (cursor != null) {
                cursor.close();
            }
            arena.close();
        }
    }
}
