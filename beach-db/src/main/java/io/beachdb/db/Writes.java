package io.beachdb.db;

import io.beachdb.Durability;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.Varint;
import io.beachdb.base.memory.NativePool;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;

/** Users' writes: checked, encoded into memory of ours, committed. Allocates nothing for those that fit a request's buffer. */
final class Writes {
    // Arrays are copied as arrays: a heap segment around each would be an allocation, and a second kind of memory at
    // the
    // copies below.

    private final CommitPipeline pipeline;
    private final WriteRoom room;
    private final EngineHealth health;
    private final Callbacks callbacks;
    private final RequestPool requests;
    private final long maxBatchBytes;
    private final LongAdder userBytes = new LongAdder();

    Writes(
            CommitPipeline pipeline,
            WriteRoom room,
            EngineHealth health,
            Callbacks callbacks,
            RequestPool requests,
            long maxBatchBytes) {
        this.pipeline = pipeline;
        this.room = room;
        this.health = health;
        this.callbacks = callbacks;
        this.requests = requests;
        this.maxBatchBytes = maxBatchBytes;
    }

    /** Returns the bytes of keys and values that came in. */
    long userBytes() {
        return userBytes.sum();
    }

    long put(byte[] key, byte[] value, Durability durability) {
        WriteRequest request = beginPut(key.length, value.length, durability);
        try {
            long at = BatchFormat.beginOperation(request.memory, request.start, InternalKeys.KIND_PUT, key.length);
            BatchFormat.copy(key, 0, request.memory, at, key.length);
            at = Varint.put(request.memory, at + key.length, value.length);
            BatchFormat.copy(value, 0, request.memory, at, value.length);
            return commit(request);
        } finally {
            giveBack(request);
        }
    }

    long put(MemorySegment key, MemorySegment value, Durability durability) {
        long keyLength = key.byteSize();
        long valueLength = value.byteSize();
        WriteRequest request = beginPut(keyLength, valueLength, durability);
        try {
            long at = BatchFormat.beginOperation(request.memory, request.start, InternalKeys.KIND_PUT, keyLength);
            MemorySegment.copy(key, 0, request.memory, at, keyLength);
            at = Varint.put(request.memory, at + keyLength, valueLength);
            MemorySegment.copy(value, 0, request.memory, at, valueLength);
            return commit(request);
        } finally {
            giveBack(request);
        }
    }

    private WriteRequest beginPut(long keyLength, long valueLength, Durability durability) {
        Limits.checkKeyLength(keyLength);
        checkLength(keyLength + Math.min(valueLength, Integer.MAX_VALUE)); // no sum overflows
        callbacks.checkOutside("put");
        return begin(BatchFormat.putLength(keyLength, valueLength), 1, keyLength + valueLength, durability);
    }

    long delete(byte[] key, Durability durability) {
        WriteRequest request = beginDelete(key.length, durability);
        try {
            long at = BatchFormat.beginOperation(request.memory, request.start, InternalKeys.KIND_DELETE, key.length);
            BatchFormat.copy(key, 0, request.memory, at, key.length);
            return commit(request);
        } finally {
            giveBack(request);
        }
    }

    long delete(MemorySegment key, Durability durability) {
        long keyLength = key.byteSize();
        WriteRequest request = beginDelete(keyLength, durability);
        try {
            long at = BatchFormat.beginOperation(request.memory, request.start, InternalKeys.KIND_DELETE, keyLength);
            MemorySegment.copy(key, 0, request.memory, at, keyLength);
            return commit(request);
        } finally {
            giveBack(request);
        }
    }

    private WriteRequest beginDelete(long keyLength, Durability durability) {
        Limits.checkKeyLength(keyLength);
        callbacks.checkOutside("delete");
        return begin(BatchFormat.deleteLength(keyLength), 1, keyLength, durability);
    }

    /** Takes a request with room for operations of {@code bytes}; they go to its {@code start}. */
    private WriteRequest begin(long bytes, int count, long usersBytes, Durability durability) {
        Objects.requireNonNull(durability, "durability");
        WriteRequest request = requests.take(); // before the look at the health: R1
        boolean done = false;
        try {
            health.checkWritable();
            if (bytes > NativePool.CHUNK_BYTES) {
                // Large ones wait for their buffer too: many at once would take the budget several times over.
                pipeline.asLeader(() -> {
                    health.checkWritable();
                    room.makeMemory(bytes, 0);
                });
            }
            request.begin(1 + BatchFormat.headerLength(count) + bytes, count, durability);
            userBytes.add(usersBytes);
            done = true;
            return request;
        } finally {
            if (!done) {
                requests.giveBack(request);
            }
        }
    }

    private void giveBack(WriteRequest request) {
        if (request.inPipeline) {
            pipeline.abandon(request);
        }
        requests.giveBack(request);
    }

    private long commit(WriteRequest request) {
        request.seal();
        return pipeline.commit(request);
    }

    /** Writes a batch of encoded operations; see {@link io.beachdb.WriteBatch}. */
    long write(byte[] operations, int length, int count, Durability durability) {
        Objects.requireNonNull(durability, "durability");
        checkBatch(length, count);
        callbacks.checkOutside("write");
        if (count == 0) {
            health.checkWritable();
            return pipeline.visibleSequence();
        }
        WriteRequest request = begin(length, count, length, durability);
        try {
            BatchFormat.copy(operations, 0, request.memory, request.start, length);
            return commit(request);
        } finally {
            giveBack(request);
        }
    }

    private void checkLength(long length) {
        if (length > maxBatchBytes) {
            throw new IllegalArgumentException("value or batch has " + length + " bytes, allowed up to " + maxBatchBytes
                    + " (a quarter of the memory budget, at most 1 GiB)");
        }
    }

    /** Many tiny entries take several times their own bytes in a memtable: what they take there is what counts. */
    private void checkBatch(long length, int count) {
        checkLength(length);
        if (count > 1 && WriteRoom.memtableBytes(length, count) > maxBatchBytes) {
            throw new IllegalArgumentException("batch has " + count + " operations of " + length
                    + " bytes together, which take " + WriteRoom.memtableBytes(length, count)
                    + " bytes in memory, allowed up to "
                    + maxBatchBytes + " (a quarter of the memory budget, at most 1 GiB): write it in parts");
        }
    }
}
