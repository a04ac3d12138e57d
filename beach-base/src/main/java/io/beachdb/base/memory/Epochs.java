package io.beachdb.base.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.function.Supplier;

/**
 * Epoch-based reclamation (Fraser, "Practical lock-freedom", 2004): lets readers use shared memory without locks or
 * counters, and tells its owner when no reader can see a piece any more.
 *
 * <p>A reader calls {@link #enter}, loads the published reference, reads, and calls {@link #exit}; it must not wait or run
 * foreign code in between. An owner makes a piece unreachable, takes a {@link #retire} stamp, and frees the piece once
 * {@link #isQuiet} holds for the stamp. Any number of threads, virtual ones too: a reader takes whichever slot is free.
 *
 * @param <S> what a reader gets: a slot with whatever scratch state the owner adds
 */
public final class Epochs<S extends Epochs.Slot> {
    /*
     * E1  A slot is free when its epoch is 0. One compare-and-set takes it and announces the epoch.
     * E2  A stamp is the epoch before its increment, taken after the piece became unreachable. So a reader that announced
     *     a later epoch cannot have loaded the piece.
     * E3  A reader that read the epoch, but announced it after the owner's scan, loads the published reference after the
     *     scan, hence after the piece became unreachable: it is not endangered by not having been seen.
     */
    private static final VarHandle EPOCH;
    private static final VarHandle SLOT_EPOCH;

    static {
        try {
            EPOCH = MethodHandles.lookup().findVarHandle(Epochs.class, "epoch", long.class);
            SLOT_EPOCH = MethodHandles.lookup().findVarHandle(Slot.class, "slotEpoch", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** A reader's place. Extend it with state that one reader at a time may use between enter and exit. */
    public abstract static class Slot {
        @SuppressWarnings("unused") // keeps neighbours' epochs out of this one's cache line
        private long p0, p1, p2, p3, p4, p5, p6;

        private volatile long slotEpoch;

        @SuppressWarnings("unused")
        private long q0, q1, q2, q3, q4, q5, q6;
    }

    private final Supplier<S> factory;
    private volatile long epoch = 1;
    private volatile Slot[] slots; // grown by copy under this, never shrunk

    /**
     * @param slots how many readers find a place without growing; rounded up to a power of two
     * @param factory makes the slots, all at once and when more readers come
     */
    public Epochs(int slots, Supplier<S> factory) {
        this.factory = factory;
        Slot[] made = new Slot[Integer.highestOneBit(Math.max(1, slots - 1)) << 1];
        Arrays.setAll(made, i -> factory.get());
        this.slots = made;
    }

    /** Takes a slot; what is published from now on stays readable until {@link #exit}. */
    @SuppressWarnings("unchecked") // only the factory's slots are in the array
    public S enter() {
        Slot[] all = slots;
        long id = Thread.currentThread().threadId();
        int at = (int) (id * 0x9E3779B97F4A7C15L >>> 40);
        for (int i = 0; i < all.length; i++) {
            Slot slot = all[at + i & all.length - 1];
            if (slot.slotEpoch == 0 && SLOT_EPOCH.compareAndSet(slot, 0L, epoch)) {
                return (S) slot;
            }
        }
        return enterGrown(all);
    }

    @SuppressWarnings("ReferenceEquality") // asks whether another reader has put a longer array in its place
    private S enterGrown(Slot[] full) {
        synchronized (this) {
            if (slots == full) {
                Slot[] grown = Arrays.copyOf(full, full.length * 2);
                for (int i = full.length; i < grown.length; i++) {
                    grown[i] = factory.get();
                }
                slots = grown;
            }
        }
        return enter();
    }

    /** Gives the slot back. The reader must not touch what it loaded any more. */
    public void exit(S slot) {
        SLOT_EPOCH.setRelease(slot, 0L);
    }

    /** Returns the stamp for pieces that became unreachable before this call. */
    public long retire() {
        return (long) EPOCH.getAndAdd(this, 1L);
    }

    /** Returns whether no reader can see pieces retired with {@code stamp} or an earlier one. */
    public boolean isQuiet(long stamp) {
        return oldestReader() > stamp;
    }

    /** Returns the oldest epoch that a reader inside has announced; the largest long when nobody is inside. */
    public long oldestReader() {
        VarHandle.fullFence();
        long oldest = Long.MAX_VALUE;
        for (Slot slot : slots) {
            long announced = slot.slotEpoch;
            if (announced != 0 && announced < oldest) {
                oldest = announced;
            }
        }
        return oldest;
    }

    /** Runs {@code action} on every slot there is: for an owner that frees the slots' state after the last reader. */
    @SuppressWarnings("unchecked")
    public void forEachSlot(java.util.function.Consumer<S> action) {
        for (Slot slot : slots) {
            action.accept((S) slot);
        }
    }
}
