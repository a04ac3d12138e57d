package io.beachdb.db;

import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.Varint;
import java.lang.foreign.MemorySegment;

/** Walks the operations of a batch that we encoded ourselves in this run. Used again and again; allocates nothing. */
final class BatchCursor {
    private MemorySegment memory = MemorySegment.NULL;
    private long at;
    private long left;

    int kind;
    long keyOffset;
    int keyLength;
    long valueOffset;
    long valueLength;

    /** Stands before the first operation. */
    void begin(MemorySegment batch, long offset) {
        memory = batch;
        at = offset + Varint.length(Varint.get(batch, offset));
        left = Varint.get(batch, at);
        at += Varint.length(left);
    }

    /** Goes to the next operation; returns whether there is one. */
    boolean next() {
        if (left == 0) {
            return false;
        }
        left--;
        kind = Bytes.getU8(memory, at);
        keyLength = (int) Varint.get(memory, at + 1);
        keyOffset = at + 1 + Varint.length(keyLength);
        at = keyOffset + keyLength;
        if (kind == InternalKeys.KIND_PUT) {
            valueLength = Varint.get(memory, at);
            valueOffset = at + Varint.length(valueLength);
            at = valueOffset + valueLength;
        } else {
            valueLength = 0;
            valueOffset = at;
        }
        return true;
    }
}
