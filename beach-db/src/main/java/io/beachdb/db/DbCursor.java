package io.beachdb.db;

import io.beachdb.Cursor;
import io.beachdb.Range;
import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.EntryCursor;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.Keys;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.base.memory.Parts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A user's cursor: the newest entry of each user key at or below one sequence, tombstones left out, within bounds.
 */
final class DbCursor implements Cursor {
    /*
     * C1  Forwards, the input stands on the current entry. Backwards, it stands before all entries of the current user key,
     *     and the current entry is in saved memory, or (a large value) the direction is turned to forwards on it.
     * C2  A step marks itself in busy before it looks at closed; close marks closed before it waits for busy. So close
     *     frees nothing under a running step, and a step that begins later sees closed.
     * C3  Who only looks at the entry marks nothing: what it finds counts if the cursor is open after that too. If not, all
     *     may be freed, and whatever it met there says that the cursor was closed. A look that may take something, a large
     *     value's memory or a segment's lifetime, marks itself in busy as a step does.
     */
    private static final VarHandle BUSY;
    private static final int SCRATCH_BYTES = 4096;
    private static final long SAVED_VALUE_LIMIT = 64 << 10;
    private static final long LIFETIME_RETRY_NANOS = 5_000_000;

    static {
        try {
            BUSY = MethodHandles.lookup().findVarHandle(DbCursor.class, "busy", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Engine engine;
    private final EntryCursor input;
    private final View view;
    private final int viewStripe;
    private final long sequence;
    private final MemoryAccount account;
    private final boolean checkLifetimes;

    // Bounds in native memory; length -1: none.
    private final NativeBlock bounds;
    private final int lowerLength;
    private final long upperOffset;
    private final int upperLength;

    // Keys from callers, and the entry that a backwards step stands on.
    private NativeBlock target;
    private NativeBlock savedKey;
    private int savedKeyLength;
    private NativeBlock savedValue;
    private long savedValueLength;
    private long savedTrailer;

    private boolean forwards = true;
    private boolean valid;

    private final Face keyFace = new Face();
    private final Face valueFace = new Face();
    private @Nullable Arena lifetime;

    @SuppressWarnings("UnusedVariable") // through BUSY
    private boolean busy;

    private volatile @Nullable String closedBy;

    /**
     * @param view pinned by the caller with {@code viewStripe}; unpinned here at close
     * @param input over the view's memtables and tables; owned
     */
    DbCursor(Engine engine, EntryCursor input, View view, int viewStripe, long sequence, Range range) {
        this.engine = engine;
        this.input = input;
        this.view = view;
        this.viewStripe = viewStripe;
        this.sequence = sequence;
        this.account = engine.account();
        this.checkLifetimes = engine.options().checkLifetimes();
        byte[] lower = range.lowerBound();
        byte[] upper = range.upperBound();
        this.lowerLength = lower == null ? -1 : lower.length;
        this.upperLength = upper == null ? -1 : upper.length;
        this.upperOffset = Math.max(0, lowerLength);
        try (Parts parts = new Parts()) {
            parts.add(input);
            this.bounds = parts.add(
                    account.acquire(MemoryUse.PINNED, upperOffset + Math.max(0, upperLength)),
                    b -> account.release(MemoryUse.PINNED, b));
            this.target = parts.add(
                    account.acquire(MemoryUse.PINNED, SCRATCH_BYTES), b -> account.release(MemoryUse.PINNED, b));
            this.savedKey = parts.add(
                    account.acquire(MemoryUse.PINNED, SCRATCH_BYTES), b -> account.release(MemoryUse.PINNED, b));
            this.savedValue = parts.add(
                    account.acquire(MemoryUse.PINNED, SCRATCH_BYTES), b -> account.release(MemoryUse.PINNED, b));
            parts.complete();
        }
        if (lower != null) {
            BatchFormat.copy(lower, 0, bounds.memory(), 0, lower.length);
        }
        if (upper != null) {
            BatchFormat.copy(upper, 0, bounds.memory(), upperOffset, upper.length);
        }
    }

    private void begin() {
        enter();
        if (checkLifetimes) {
            boolean ended = false;
            try {
                endLifetime();
                ended = true;
            } finally {
                if (!ended) {
                    end(); // the segment is in use by a system call
                }
            }
        }
    }

    private void enter() {
        if (!BUSY.compareAndSet(this, false, true)) {
            throw new IllegalStateException("the cursor is used by two threads at once");
        }
        String by = closedBy;
        if (by != null) {
            end();
            throw new ClosedException("the cursor was closed by " + by);
        }
    }

    private void end() {
        BUSY.setRelease(this, false);
    }

    private void endLifetime() {
        Arena last = lifetime;
        if (last != null) {
            lifetime = null;
            last.close();
        }
    }

    @Override
    public void first() {
        begin();
        try {
            toFirst();
        } finally {
            end();
        }
    }

    private void toFirst() {
        valid = false;
        forwards = true;
        if (lowerLength >= 0) {
            input.seek(bounds.memory(), 0, lowerLength, InternalKeys.NEWEST_TRAILER);
        } else {
            input.first();
        }
        findForwards(false);
    }

    @Override
    public void last() {
        begin();
        try {
            toLast();
        } finally {
            end();
        }
    }

    private void toLast() {
        valid = false;
        if (upperLength >= 0) {
            input.seekBefore(bounds.memory(), upperOffset, upperLength, InternalKeys.NEWEST_TRAILER);
        } else {
            input.last();
        }
        findBackwards();
    }

    @Override
    public void seek(byte[] key) {
        seek(MemorySegment.ofArray(Objects.requireNonNull(key, "key")));
    }

    @Override
    public void seek(MemorySegment key) {
        begin();
        try {
            int length = setTarget(key);
            valid = false;
            if (lowerLength >= 0 && Keys.compare(target.memory(), 0, length, bounds.memory(), 0, lowerLength) <= 0) {
                toFirst();
                return;
            }
            forwards = true;
            input.seek(target.memory(), 0, length, InternalKeys.seekTrailer(sequence));
            findForwards(false);
        } finally {
            end();
        }
    }

    @Override
    public void seekAtOrBefore(byte[] key) {
        seekAtOrBefore(MemorySegment.ofArray(Objects.requireNonNull(key, "key")));
    }

    @Override
    public void seekAtOrBefore(MemorySegment key) {
        begin();
        try {
            int length = setTarget(key);
            valid = false;
            if (upperLength >= 0
                    && Keys.compare(target.memory(), 0, length, bounds.memory(), upperOffset, upperLength) >= 0) {
                toLast();
                return;
            }
            // Trailer 0 sorts behind every entry of the key, so this includes them all.
            input.seekBefore(target.memory(), 0, length, 0);
            findBackwards();
        } finally {
            end();
        }
    }

    private int setTarget(MemorySegment key) {
        long length = key.byteSize();
        Limits.checkKeyLength(length);
        target = atLeast(target, length);
        MemorySegment.copy(key, 0, target.memory(), 0, length);
        return (int) length;
    }

    private NativeBlock atLeast(NativeBlock block, long bytes) {
        if (block.bytes() >= bytes) {
            return block;
        }
        NativeBlock larger = account.acquire(MemoryUse.PINNED, bytes);
        account.release(MemoryUse.PINNED, block);
        return larger;
    }

    @Override
    public void next() {
        begin();
        try {
            checkValid();
            valid = false;
            if (forwards) {
                saveKey();
                input.next();
                findForwards(true);
            } else {
                forwards = true;
                input.seek(savedKey.memory(), 0, savedKeyLength, 0);
                findForwards(false);
            }
        } finally {
            end();
        }
    }

    @Override
    public void previous() {
        begin();
        try {
            checkValid();
            valid = false;
            if (forwards) {
                saveKey();
                input.seekBefore(savedKey.memory(), 0, savedKeyLength, InternalKeys.NEWEST_TRAILER);
            }
            findBackwards();
        } finally {
            end();
        }
    }

    /** Goes on to the first entry that shows. With {@code skipSaved}, entries of the saved user key do not. */
    private void findForwards(boolean skipSaved) {
        boolean skip = skipSaved;
        for (; input.valid(); input.next()) {
            if (upperLength >= 0
                    && Keys.compare(
                                    input.keyMemory(),
                                    input.keyOffset(),
                                    input.keyLength(),
                                    bounds.memory(),
                                    upperOffset,
                                    upperLength)
                            >= 0) {
                return;
            }
            long trailer = input.trailer();
            if (InternalKeys.sequence(trailer) > sequence || (skip && isSavedKey())) {
                continue;
            }
            if (InternalKeys.kind(trailer) == InternalKeys.KIND_PUT) {
                valid = true;
                return;
            }
            saveKey();
            skip = true;
        }
    }

    /** Goes back over the entries of one user key after another, oldest first, until a key has one that shows. */
    private void findBackwards() {
        forwards = false;
        boolean shows = false;
        boolean saved = false;
        boolean large = false;
        for (; input.valid(); input.previous()) {
            if (saved && !isSavedKey()) {
                if (shows) {
                    break;
                }
                saved = false;
            }
            if (lowerLength >= 0
                    && Keys.compare(
                                    input.keyMemory(),
                                    input.keyOffset(),
                                    input.keyLength(),
                                    bounds.memory(),
                                    0,
                                    lowerLength)
                            < 0) {
                break;
            }
            long trailer = input.trailer();
            if (InternalKeys.sequence(trailer) > sequence) {
                continue;
            }
            if (!saved) {
                saveKey();
                saved = true;
            }
            savedTrailer = trailer;
            shows = InternalKeys.kind(trailer) == InternalKeys.KIND_PUT;
            large = input.valueLength() > SAVED_VALUE_LIMIT;
            if (shows && !large) {
                saveValue();
            }
        }
        if (shows && large) {
            // C1: rather than copy a large value, stand on it.
            forwards = true;
            input.seek(savedKey.memory(), 0, savedKeyLength, savedTrailer);
        }
        valid = shows;
    }

    private void saveKey() {
        int length = input.keyLength();
        savedKey = atLeast(savedKey, length);
        MemorySegment.copy(input.keyMemory(), input.keyOffset(), savedKey.memory(), 0, length);
        savedKeyLength = length;
    }

    private void saveValue() {
        savedValueLength = input.valueLength();
        savedValue = atLeast(savedValue, savedValueLength);
        MemorySegment.copy(input.valueMemory(), input.valueOffset(), savedValue.memory(), 0, savedValueLength);
    }

    private boolean isSavedKey() {
        return input.keyLength() == savedKeyLength
                && Keys.compare(
                                input.keyMemory(),
                                input.keyOffset(),
                                savedKeyLength,
                                savedKey.memory(),
                                0,
                                savedKeyLength)
                        == 0;
    }

    @Override
    public boolean valid() {
        boolean stands = valid;
        checkStillOpen(); // C3; false would end a scan as if it had come to the end
        return stands;
    }

    private void checkValid() {
        if (!valid) {
            throw new IllegalStateException("the cursor does not stand on an entry; position it, and check valid()");
        }
    }

    private void checkReadable() {
        checkStillOpen();
        checkValid();
    }

    private void checkStillOpen() {
        String by = closedBy;
        if (by != null) {
            throw new ClosedException("the cursor was closed by " + by);
        }
    }

    /** C3: marks a look that may take something; returns whether it did. */
    private boolean enterIf(boolean takes) {
        if (takes) {
            enter();
        }
        return takes;
    }

    private void endIf(boolean entered) {
        if (entered) {
            end();
        }
    }

    /** Returns whether the value may have to be read from its table. */
    private boolean isLarge() {
        return forwards && input.valueLength() > SAVED_VALUE_LIMIT;
    }

    /** C3: after a look at the entry. */
    private void checkWasOpen() {
        VarHandle.acquireFence(); // the look before, the check after
        checkStillOpen();
    }

    /** C3: what went wrong in a look at the entry. */
    private RuntimeException explained(RuntimeException e) {
        checkStillOpen();
        return e;
    }

    @Override
    public MemorySegment key() {
        checkReadable();
        boolean entered = false;
        try {
            entered = enterIf(checkLifetimes);
            MemorySegment shown = show(rawKeyMemory(), rawKeyOffset(), rawKeyLength());
            checkWasOpen();
            return shown;
        } catch (RuntimeException e) {
            throw explained(e);
        } finally {
            endIf(entered);
        }
    }

    @Override
    public MemorySegment value() {
        checkReadable();
        boolean entered = false;
        try {
            entered = enterIf(checkLifetimes || isLarge());
            MemorySegment shown = show(rawValueMemory(), rawValueOffset(), rawValueLength());
            checkWasOpen();
            return shown;
        } catch (RuntimeException e) {
            throw explained(e);
        } finally {
            endIf(entered);
        }
    }

    private MemorySegment show(MemorySegment memory, long offset, long length) {
        if (!checkLifetimes) {
            return memory.asSlice(offset, length).asReadOnly();
        }
        Arena arena = lifetime;
        if (arena == null) {
            arena = Arena.ofShared();
            lifetime = arena;
        }
        MemorySegment copy = arena.allocate(Math.max(1, length)).asSlice(0, length);
        MemorySegment.copy(memory, offset, copy, 0, length);
        return copy.asReadOnly();
    }

    @Override
    public int keyLength() {
        checkReadable();
        try {
            int length = rawKeyLength();
            checkWasOpen();
            return length;
        } catch (RuntimeException e) {
            throw explained(e);
        }
    }

    @Override
    public long valueLength() {
        checkReadable();
        try {
            long length = rawValueLength();
            checkWasOpen();
            return length;
        } catch (RuntimeException e) {
            throw explained(e);
        }
    }

    @Override
    public void copyKey(MemorySegment destination, long at) {
        checkReadable();
        try {
            int length = rawKeyLength();
            checkFits(length, destination, at);
            MemorySegment.copy(rawKeyMemory(), rawKeyOffset(), destination, at, length);
            checkWasOpen();
        } catch (RuntimeException e) {
            throw explained(e);
        }
    }

    @Override
    public void copyValue(MemorySegment destination, long at) {
        checkReadable();
        boolean entered = false;
        try {
            entered = enterIf(isLarge());
            long length = rawValueLength();
            checkFits(length, destination, at);
            if (forwards) {
                input.copyValue(0, destination, at, length);
            } else {
                MemorySegment.copy(savedValue.memory(), 0, destination, at, length);
            }
            checkWasOpen();
        } catch (RuntimeException e) {
            throw explained(e);
        } finally {
            endIf(entered);
        }
    }

    private static void checkFits(long length, MemorySegment destination, long at) {
        if (at < 0 || at > destination.byteSize() - length) {
            throw new IllegalArgumentException(length + " bytes do not fit at offset " + at + " of a destination of "
                    + destination.byteSize() + " bytes");
        }
    }

    @Override
    public int compareKey(MemorySegment key) {
        checkReadable();
        try {
            int length = (int) Math.min(Integer.MAX_VALUE, key.byteSize());
            int order = Keys.compare(rawKeyMemory(), rawKeyOffset(), rawKeyLength(), key, 0, length);
            checkWasOpen();
            return order;
        } catch (RuntimeException e) {
            throw explained(e);
        }
    }

    @Override
    public MemorySegment keyMemory() {
        checkReadable();
        try {
            MemorySegment shown = keyFace.of(rawKeyMemory());
            checkWasOpen();
            return shown;
        } catch (RuntimeException e) {
            throw explained(e);
        }
    }

    @Override
    public long keyOffset() {
        checkReadable();
        try {
            long offset = rawKeyOffset();
            checkWasOpen();
            return offset;
        } catch (RuntimeException e) {
            throw explained(e);
        }
    }

    @Override
    public MemorySegment valueMemory() {
        checkReadable();
        boolean entered = false;
        try {
            entered = enterIf(isLarge());
            MemorySegment shown = valueFace.of(rawValueMemory());
            checkWasOpen();
            return shown;
        } catch (RuntimeException e) {
            throw explained(e);
        } finally {
            endIf(entered);
        }
    }

    @Override
    public long valueOffset() {
        checkReadable();
        try {
            long offset = rawValueOffset();
            checkWasOpen();
            return offset;
        } catch (RuntimeException e) {
            throw explained(e);
        }
    }

    @Override
    public long sequence() {
        checkReadable();
        try {
            long trailer = forwards ? input.trailer() : savedTrailer;
            checkWasOpen();
            return InternalKeys.sequence(trailer);
        } catch (RuntimeException e) {
            throw explained(e);
        }
    }

    private MemorySegment rawKeyMemory() {
        return forwards ? input.keyMemory() : savedKey.memory();
    }

    private long rawKeyOffset() {
        return forwards ? input.keyOffset() : 0;
    }

    private int rawKeyLength() {
        return forwards ? input.keyLength() : savedKeyLength;
    }

    private MemorySegment rawValueMemory() {
        return forwards ? input.valueMemory() : savedValue.memory();
    }

    private long rawValueOffset() {
        return forwards ? input.valueOffset() : 0;
    }

    private long rawValueLength() {
        return forwards ? input.valueLength() : savedValueLength;
    }

    /** The read-only face of the memory last shown, so that showing it again allocates nothing. */
    private static final class Face {
        private MemorySegment memory = MemorySegment.NULL;
        private MemorySegment face = MemorySegment.NULL;

        // Identity: segments of one address and size are equal, although one may be closed.
        @SuppressWarnings({"ReferenceEquality", "MemorySegmentReferenceEquality"})
        MemorySegment of(MemorySegment shown) {
            if (shown != memory) {
                memory = shown;
                face = shown.asReadOnly();
            }
            return face;
        }
    }

    @Override
    public void close() {
        engine.closeCursor(this, "close()");
    }

    /** Marks the cursor closed; returns whether this call did. */
    synchronized boolean markClosed(String by) {
        if (closedBy != null) {
            return false;
        }
        closedBy = by;
        VarHandle.fullFence(); // C2: before the look at busy
        return true;
    }

    /** Returns whether a step is running. */
    boolean isBusy() {
        return (boolean) BUSY.getVolatile(this);
    }

    /** Frees everything, after {@link #markClosed} and once no step is running. */
    void free() {
        input.close();
        account.release(MemoryUse.PINNED, bounds);
        account.release(MemoryUse.PINNED, target);
        account.release(MemoryUse.PINNED, savedKey);
        account.release(MemoryUse.PINNED, savedValue);
        engine.unpin(view, viewStripe);
        endLastLifetime();
    }

    /** A segment may be in use by a system call of its reader's, for as long as that takes: nobody waits for it. */
    private void endLastLifetime() {
        Arena last = lifetime;
        if (last != null) {
            try {
                last.close();
            } catch (IllegalStateException inUse) {
                engine.scheduler().after(LIFETIME_RETRY_NANOS, "segment-lifetime", this::endLastLifetime);
            }
        }
    }
}
