package io.beachdb.db;

import io.beachdb.Cursor;
import io.beachdb.Range;
import io.beachdb.Snapshot;
import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.KeyHash;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.memtable.Memtable;
import io.beachdb.sstable.PointResult;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Reading at the newest state, or at a snapshot's. No lock, no allocation but for what is returned. */
final class DbReader implements Snapshot {
    private static final long NEWEST = -1;

    private final Engine engine;
    private final long fixedSequence;
    private final AtomicBoolean closed = new AtomicBoolean();

    private DbReader(Engine engine, long fixedSequence) {
        this.engine = engine;
        this.fixedSequence = fixedSequence;
    }

    static DbReader newest(Engine engine) {
        return new DbReader(engine, NEWEST);
    }

    static DbReader at(Engine engine, long sequence) {
        return new DbReader(engine, sequence);
    }

    @Override
    public byte @Nullable [] get(byte[] key) {
        Objects.requireNonNull(key, "key");
        ReadContext context = engine.enter();
        try {
            context.setKey(key);
            return find(context) ? context.copyValue() : null;
        } finally {
            engine.exit(context);
        }
    }

    @Override
    public byte @Nullable [] get(MemorySegment key) {
        ReadContext context = engine.enter();
        try {
            context.setKey(key);
            return find(context) ? context.copyValue() : null;
        } finally {
            engine.exit(context);
        }
    }

    @Override
    public long get(byte[] key, MemorySegment destination) {
        Objects.requireNonNull(key, "key");
        ReadContext context = engine.enter();
        try {
            context.setKey(key);
            return find(context) ? copy(context, destination) : -1;
        } finally {
            engine.exit(context);
        }
    }

    @Override
    public long get(MemorySegment key, MemorySegment destination) {
        ReadContext context = engine.enter();
        try {
            context.setKey(key);
            return find(context) ? copy(context, destination) : -1;
        } finally {
            engine.exit(context);
        }
    }

    private static long copy(ReadContext context, MemorySegment destination) {
        if (context.valueLength() <= destination.byteSize()) {
            context.copyValue(destination);
        }
        return context.valueLength();
    }

    @Override
    public <T> @Nullable T view(byte[] key, Function<MemorySegment, T> reader) {
        Objects.requireNonNull(key, "key");
        return view(MemorySegment.ofArray(key), reader);
    }

    @Override
    public <T> @Nullable T view(MemorySegment key, Function<MemorySegment, T> reader) {
        Objects.requireNonNull(reader, "reader");
        // Around the pin: a close waits for callbacks, and frees what is pinned only after them.
        engine.callbacks().enter();
        try {
            Pinned pinned = pin(key);
            if (pinned == null) {
                return null;
            }
            try {
                return engine.options().checkLifetimes()
                        ? applyToCopy(pinned.value(), reader)
                        : reader.apply(pinned.value());
            } finally {
                pinned.release();
            }
        } finally {
            engine.callbacks().exit();
        }
    }

    /** For the option {@code checkLifetimes}: memory that throws when the callback kept it. */
    private static <T> T applyToCopy(MemorySegment value, Function<MemorySegment, T> reader) {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment copy = arena.allocate(Math.max(1, value.byteSize())).asSlice(0, value.byteSize());
            copy.copyFrom(value);
            return reader.apply(copy.asReadOnly());
        }
    }

    /** A value that stays readable after its epoch, until {@link #release}. */
    private record Pinned(MemorySegment value, Runnable releaser) {
        void release() {
            releaser.run();
        }
    }

    private @Nullable Pinned pin(MemorySegment key) {
        ReadContext context = engine.enter();
        try {
            context.setKey(key);
            View view = engine.viewForRead();
            if (!find(context, view, sequenceAfter(view))) {
                return null;
            }
            if (context.isInMemtable()) {
                int stripe = view.pin();
                return new Pinned(context.valueInMemtable(), () -> engine.unpin(view, stripe));
            }
            if (!context.fromTable.isLarge()) {
                PointResult kept = context.keepTableResult();
                MemorySegment value = kept.valueMemory()
                        .asSlice(kept.valueOffset(), kept.valueLength())
                        .asReadOnly();
                return new Pinned(value, () -> engine.release(kept));
            }
            NativeBlock copy = engine.account().acquire(MemoryUse.PINNED, context.valueLength());
            boolean copied = false;
            try {
                context.copyValue(copy.memory());
                copied = true;
            } finally {
                if (!copied) {
                    engine.account().release(MemoryUse.PINNED, copy);
                }
            }
            return new Pinned(
                    copy.memory().asSlice(0, context.valueLength()).asReadOnly(),
                    () -> engine.account().release(MemoryUse.PINNED, copy));
        } finally {
            engine.exit(context);
        }
    }

    @Override
    public List<byte @Nullable []> multiGet(List<byte[]> keys) {
        List<byte @Nullable []> values = new ArrayList<>(keys.size());
        ReadContext context = engine.enter();
        try {
            // One view and one sequence for all: one instant.
            View view = engine.viewForRead();
            long sequence = sequenceAfter(view);
            for (byte[] key : keys) {
                context.setKey(Objects.requireNonNull(key, "key"));
                values.add(find(context, view, sequence) ? context.copyValue() : null);
            }
            return values;
        } finally {
            engine.exit(context);
        }
    }

    private boolean find(ReadContext context) {
        // The view first, the visible sequence second: whatever a compaction dropped from a later view is still in this
        // one.
        View view = engine.viewForRead();
        return find(context, view, sequenceAfter(view));
    }

    @SuppressWarnings("unused") // the parameter shows the order
    private long sequenceAfter(View view) {
        if (fixedSequence == NEWEST) {
            return engine.visibleSequence();
        }
        if (closed.get()) {
            throw new ClosedException("the snapshot at sequence " + fixedSequence + " is closed");
        }
        return fixedSequence;
    }

    private static boolean find(ReadContext context, View view, long sequence) {
        MemorySegment key = context.key;
        int length = context.keyLength;
        long trailer = InternalKeys.seekTrailer(sequence);
        long hash = KeyHash.hash(key, 0, length);
        long entry = view.active.memtable.find(key, 0, length, hash, trailer);
        if (entry != 0) {
            return isPut(context, view.active.memtable, entry);
        }
        for (MemtableSlot slot : view.immutables) {
            entry = slot.memtable.find(key, 0, length, hash, trailer);
            if (entry != 0) {
                return isPut(context, slot.memtable, entry);
            }
        }
        if (!view.tables.find(key, length, hash, trailer, context.fromTable)
                || context.fromTable.state() != PointResult.State.PUT) {
            return false;
        }
        context.foundInTable();
        return true;
    }

    private static boolean isPut(ReadContext context, Memtable memtable, long entry) {
        if (InternalKeys.kind(memtable.trailer(entry)) != InternalKeys.KIND_PUT) {
            return false;
        }
        context.foundInMemory(memtable.valueMemory(entry), memtable.valueOffset(entry), memtable.valueLength(entry));
        return true;
    }

    @Override
    public Cursor cursor() {
        return cursor(Range.all());
    }

    @Override
    public Cursor cursor(Range range) {
        Objects.requireNonNull(range, "range");
        ReadContext context = engine.enter();
        try {
            View view = engine.viewForRead();
            long sequence = sequenceAfter(view);
            return engine.openCursor(view, sequence, range);
        } finally {
            engine.exit(context);
        }
    }

    @Override
    public long sequence() {
        ReadContext context = engine.enter();
        try {
            return sequenceAfter(engine.viewForRead());
        } finally {
            engine.exit(context);
        }
    }

    @Override
    public void close() {
        if (fixedSequence != NEWEST && closed.compareAndSet(false, true)) {
            engine.releaseSnapshot(fixedSequence);
        }
    }
}
