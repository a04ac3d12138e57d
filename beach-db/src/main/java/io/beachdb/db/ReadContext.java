package io.beachdb.db;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.memory.Epochs;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.sstable.PointResult;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * What a point read needs, owned by one reader between entering and leaving its epoch: the key in native memory (callers
 * bring arrays, heap and native segments; the engine below sees one kind), and the result of a table's lookup.
 */
final class ReadContext extends Epochs.Slot {
    private static final int KEY_BYTES = 4096;

    private final MemoryAccount account;
    private @Nullable NativeBlock keyBlock;
    /** A table's answer, and the buffers for blocks that are not in the cache. */
    PointResult fromTable;

    // The value that was found, wherever it lies.
    private boolean inTable;
    private MemorySegment valueMemory = MemorySegment.NULL;
    private long valueOffset;
    private long valueLength;

    MemorySegment key = MemorySegment.NULL;
    int keyLength;

    ReadContext(MemoryAccount account) {
        this.account = account;
        this.fromTable = new PointResult(account);
    }

    /** Takes note of a value in a memtable. */
    void foundInMemory(MemorySegment memory, long offset, long length) {
        inTable = false;
        valueMemory = memory;
        valueOffset = offset;
        valueLength = length;
    }

    /** Takes note of the value that {@link #fromTable} holds. */
    void foundInTable() {
        inTable = true;
        valueLength = fromTable.valueLength();
    }

    long valueLength() {
        return valueLength;
    }

    /** Copies the whole value. */
    void copyValue(MemorySegment destination) {
        if (inTable) {
            fromTable.copyValue(0, destination, 0, valueLength);
        } else {
            MemorySegment.copy(valueMemory, valueOffset, destination, 0, valueLength);
        }
    }

    /** Returns a copy of the whole value. */
    byte[] copyValue() {
        byte[] value = new byte[Math.toIntExact(valueLength)];
        if (!inTable) {
            MemorySegment.copy(valueMemory, ValueLayout.JAVA_BYTE, valueOffset, value, 0, value.length);
        } else if (fromTable.isLarge()) {
            fromTable.copyValue(0, MemorySegment.ofArray(value), 0, value.length);
        } else {
            MemorySegment.copy(
                    fromTable.valueMemory(), ValueLayout.JAVA_BYTE, fromTable.valueOffset(), value, 0, value.length);
        }
        return value;
    }

    /** Takes the table's answer out of this context, pinned, so that it lasts beyond the epoch; its taker closes it. */
    PointResult keepTableResult() {
        PointResult kept = fromTable;
        fromTable = new PointResult(account);
        kept.pin();
        return kept;
    }

    /** Returns whether the value lies in a memtable. */
    boolean isInMemtable() {
        return !inTable;
    }

    /** Returns the value in a memtable, in place. */
    MemorySegment valueInMemtable() {
        return valueMemory.asSlice(valueOffset, valueLength).asReadOnly();
    }

    void setKey(byte[] userKey) {
        Limits.checkKeyLength(userKey.length);
        MemorySegment memory = room(userKey.length);
        MemorySegment.copy(userKey, 0, memory, ValueLayout.JAVA_BYTE, 0, userKey.length);
        keyLength = userKey.length;
    }

    void setKey(MemorySegment userKey) {
        long length = userKey.byteSize();
        Limits.checkKeyLength(length);
        MemorySegment memory = room((int) length);
        MemorySegment.copy(userKey, 0, memory, 0, length);
        keyLength = (int) length;
    }

    private MemorySegment room(int length) {
        NativeBlock block = keyBlock;
        if (block == null || block.bytes() < length) {
            if (block != null) {
                account.release(MemoryUse.SCRATCH, block);
                keyBlock = null;
            }
            block = account.acquire(MemoryUse.SCRATCH, Math.max(KEY_BYTES, length));
            keyBlock = block;
            key = block.memory();
        }
        return key;
    }

    /** Gives the memory back; the owner of the epochs calls it when no reader is left. */
    void free() {
        fromTable.close();
        NativeBlock block = keyBlock;
        if (block != null) {
            keyBlock = null;
            key = MemorySegment.NULL;
            account.release(MemoryUse.SCRATCH, block);
        }
    }
}
