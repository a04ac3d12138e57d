package io.beachdb.testkit;

import java.util.function.Predicate;

/** An operation of a simulated disk that goes wrong. Give it to {@link SimulatedDisk#inject}. */
public final class Fault {

    /** What happens in spite of the error, or instead of the operation. */
    public enum Effect {
        /** An error, and nothing was done; what a sync was to save is lost for good. */
        FAILS,
        /** An error, and all was done. */
        FAILS_BUT_HAPPENED,
        /** An error, and half was done: of the bytes of a write, of the changes that a sync was to save. */
        FAILS_HALFWAY,
        /**
         * An error, and nothing was done; what a sync was to save is gone at once: readers see what is on disk, as on btrfs. The
         * bytes of a file go back, or the names in a directory.
         */
        FAILS_AND_REVERTS,
        /**
         * No error, and what the sync was to save is lost for good; the next sync of the same file or directory fails as by
         * {@link #FAILS}, and tells of both, as ext4 may when it journals bytes. Nobody can know in between, so what is counted on
         * then is not checked; what a cut takes then, the test must forgive. For syncs only.
         */
        FAILS_ONE_LATER,
        /** No error, and nothing was done: a sync that lies, or that somebody forgot. For syncs only. */
        IGNORED
    }

    private static final String IO_ERROR = "Input/output error";
    private static final String NO_SPACE = "No space left on device";

    final Predicate<DiskOperation> on;
    final long skip;
    final boolean sticky;
    final Effect effect;
    final String message;

    private Fault(Predicate<DiskOperation> on, long skip, boolean sticky, Effect effect, String message) {
        this.on = on;
        this.skip = skip;
        this.sticky = sticky;
        this.effect = effect;
        this.message = message;
    }

    /** Returns a fault of the next operation of this kind: an input/output error, once, with nothing done. */
    public static Fault on(Predicate<DiskOperation> operations) {
        return new Fault(operations, 0, false, Effect.FAILS, IO_ERROR);
    }

    /** Returns a fault of the operation of this number (see {@link SimulatedDisk#operations}). */
    public static Fault onOperation(long number) {
        return on(operation -> operation.number() == number);
    }

    /** Lets the first {@code count} matching operations pass. */
    public Fault afterFirst(long count) {
        return new Fault(on, count, sticky, effect, message);
    }

    /** Makes every further matching operation fail as well. */
    public Fault sticky() {
        return new Fault(on, skip, true, effect, message);
    }

    public Fault with(Effect other) {
        return new Fault(on, skip, sticky, other, message);
    }

    /** Makes it a full disk. */
    public Fault diskFull() {
        return saying(NO_SPACE);
    }

    /** Sets the system's text of the error. */
    public Fault saying(String text) {
        return new Fault(on, skip, sticky, effect, text);
    }
}
