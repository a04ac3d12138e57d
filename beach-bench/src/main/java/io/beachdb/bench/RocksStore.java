package io.beachdb.bench;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.CompressionType;
import org.rocksdb.FlushOptions;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * RocksDB through its JNI library, with fair settings: LZ4 on all levels (or none), 64 MiB write buffer, 10-bit filter, 512
 * MiB block cache, two background jobs; arrays that are used again and again.
 */
final class RocksStore implements Store {
    private static final int LARGEST_VALUE_BYTES = 64 << 10;
    private static final long POLL_MILLIS = 100;

    static {
        RocksDB.loadLibrary(); // before any of its objects is made
    }

    private final boolean compressed;
    private final BloomFilter filter = new BloomFilter(10);
    private final LRUCache cache = new LRUCache(512L << 20);
    private final Options options;
    private final WriteOptions unsynced = new WriteOptions();
    private final WriteOptions synced = new WriteOptions().setSync(true);
    private final ReadOptions reads = new ReadOptions();
    private final RocksDB db;

    RocksStore(Path directory, boolean compressed) {
        this.compressed = compressed;
        this.options = new Options()
                .setCreateIfMissing(true)
                .setCompressionType(compressed ? CompressionType.LZ4_COMPRESSION : CompressionType.NO_COMPRESSION)
                .setWriteBufferSize(64L << 20)
                .setMaxBackgroundJobs(2)
                .setTableFormatConfig(
                        new BlockBasedTableConfig().setBlockCache(cache).setFilterPolicy(filter));
        try {
            this.db = RocksDB.open(options, directory.toString());
        } catch (RocksDBException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public Handle handle() {
        return new RocksHandle();
    }

    @Override
    public void settle() {
        try (FlushOptions flush = new FlushOptions().setWaitForFlush(true)) {
            db.flush(flush);
            // The library has no call that waits; it rests once nothing runs and nothing is pending, twice in a row.
            for (int quiet = 0; quiet < 2; quiet = isBusy() ? 0 : quiet + 1) {
                Thread.sleep(POLL_MILLIS);
            }
        } catch (RocksDBException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private boolean isBusy() throws RocksDBException {
        return db.getLongProperty("rocksdb.num-running-compactions") != 0
                || db.getLongProperty("rocksdb.num-running-flushes") != 0
                || db.getLongProperty("rocksdb.compaction-pending") != 0
                || db.getLongProperty("rocksdb.mem-table-flush-pending") != 0;
    }

    @Override
    public String description() {
        return "RocksDB " + RocksDB.rocksdbVersion() + (compressed ? ", LZ4" : ", uncompressed") + ", by JNI";
    }

    @Override
    public void close() {
        db.close();
        reads.close();
        synced.close();
        unsynced.close();
        options.close();
        cache.close();
        filter.close();
    }

    private final class RocksHandle implements Handle {
        private final byte[] value = new byte[LARGEST_VALUE_BYTES];
        private @Nullable RocksIterator seeker; // made at the first seek: an open one keeps what writes make obsolete
        private long head;

        @Override
        public void put(byte[] k, byte[] v, boolean sync) {
            try {
                db.put(sync ? synced : unsynced, k, v);
            } catch (RocksDBException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void delete(byte[] k) {
            try {
                db.delete(unsynced, k);
            } catch (RocksDBException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void putAll(byte[][] keys, byte[][] values) {
            try (WriteBatch batch = new WriteBatch()) {
                for (int i = 0; i < keys.length; i++) {
                    batch.put(keys[i], values[i]);
                }
                db.write(unsynced, batch);
            } catch (RocksDBException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public long get(byte[] k) {
            try {
                int length = db.get(reads, k, value);
                if (length == RocksDB.NOT_FOUND) {
                    return -1;
                }
                head = Entries.head(value);
                return length;
            } catch (RocksDBException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public long head() {
            return head;
        }

        @Override
        public long scan(long limit) {
            long count = 0;
            try (RocksIterator iterator = db.newIterator(reads)) {
                for (iterator.seekToFirst(); iterator.isValid() && count < limit; iterator.next()) {
                    fetch(iterator);
                    count++;
                }
            }
            return count;
        }

        @Override
        public long scanBackwards(long limit) {
            long count = 0;
            try (RocksIterator iterator = db.newIterator(reads)) {
                for (iterator.seekToLast(); iterator.isValid() && count < limit; iterator.prev()) {
                    fetch(iterator);
                    count++;
                }
            }
            return count;
        }

        private final java.nio.ByteBuffer directKey = java.nio.ByteBuffer.allocateDirect(1024);
        private final java.nio.ByteBuffer directValue = java.nio.ByteBuffer.allocateDirect(LARGEST_VALUE_BYTES);

        private void fetch(RocksIterator iterator) {
            // Direct buffers: the quickest way that the library has.
            directKey.clear();
            iterator.key(directKey);
            directValue.clear();
            iterator.value(directValue);
            head = directValue.order(java.nio.ByteOrder.LITTLE_ENDIAN).getLong(0);
        }

        @Override
        public int seek(byte[] k, int count) {
            RocksIterator iterator = seeker;
            if (iterator == null) {
                iterator = db.newIterator(reads);
                seeker = iterator;
            }
            iterator.seek(k);
            int read = 0;
            while (iterator.isValid() && read <= count) {
                fetch(iterator);
                read++;
                iterator.next();
            }
            return read;
        }

        @Override
        public void close() {
            RocksIterator iterator = seeker;
            if (iterator != null) {
                iterator.close();
            }
        }
    }
}
