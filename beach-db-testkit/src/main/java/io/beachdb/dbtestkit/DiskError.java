package io.beachdb.dbtestkit;

import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.DiskOperation.Kind;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.Fault.Effect;
import io.beachdb.testkit.SimulatedDisk;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** The ways in which {@link ErrorSweep} makes operations of a disk fail. */
@SuppressWarnings("ImmutableEnumChecker") // the predicates have no state
enum DiskError {
    /** Nothing was done. */
    ERROR(kind -> true, 1, Effect.FAILS, Messages.ERROR),
    /** All was done, in spite of the error. */
    HAPPENED(Kind::isCutPoint, 1, Effect.FAILS_BUT_HAPPENED, Messages.ERROR),
    HALFWAY(kind -> kind.isSync() || kind == Kind.WRITE || kind == Kind.PUT, 1, Effect.FAILS_HALFWAY, Messages.ERROR),
    FULL(kind -> kind.isSync() || kind == Kind.RENAME || takesSpace(kind), 1, Effect.FAILS, Messages.FULL),
    FULL_FOR_A_WHILE(DiskError::takesSpace, 10, Effect.FAILS_HALFWAY, Messages.FULL),
    NO_DESCRIPTOR(DiskError::opens, 1, Effect.FAILS, Messages.NO_DESCRIPTOR),
    NO_DESCRIPTOR_FOR_A_WHILE(DiskError::opens, 10, Effect.FAILS, Messages.NO_DESCRIPTOR),
    /** Whatever is of the kind of the first. */
    KIND_FOR_A_WHILE(kind -> true, 10, Effect.FAILS, Messages.ERROR),
    DISK_FOR_A_WHILE(kind -> true, 25, Effect.FAILS, Messages.ERROR),
    /** By the system, after an error of its own; syncs say that all is well. */
    READ_ONLY_FOR_A_WHILE(Kind::writes, 40, Effect.FAILS, Messages.READ_ONLY),
    /** Until somebody makes room: after the play; or in it, when calls have waited for that long enough. */
    FULL_FROM_NOW(DiskError::takesSpace, 400, Effect.FAILS_HALFWAY, Messages.FULL),
    /** Until somebody repairs the disk, as the next two. */
    KIND_FROM_NOW(kind -> true, Messages.FOR_EVER, Effect.FAILS, Messages.ERROR),
    DISK_FROM_NOW(kind -> true, Messages.FOR_EVER, Effect.FAILS, Messages.ERROR),
    READ_ONLY_FROM_NOW(Kind::writes, Messages.FOR_EVER, Effect.FAILS, Messages.READ_ONLY);

    /** What the system says, and how often: what the constants need before this class has its own. */
    private static final class Messages {
        static final int FOR_EVER = Integer.MAX_VALUE;
        static final String ERROR = "Input/output error";
        static final String FULL = "No space left on device";
        static final String NO_DESCRIPTOR = "Too many open files";
        static final String READ_ONLY = "Read-only file system";
    }

    private final Predicate<Kind> kinds;
    private final int times;
    private final Effect effect;
    private final String message;

    DiskError(Predicate<Kind> kinds, int times, Effect effect, String message) {
        this.kinds = kinds;
        this.times = times;
        this.effect = effect;
        this.message = message;
    }

    private static boolean takesSpace(Kind kind) {
        return kind.writes() && kind != Kind.PUT && kind != Kind.RENAME && kind != Kind.DELETE;
    }

    private static boolean opens(Kind kind) {
        return kind == Kind.CREATE
                || kind == Kind.OPEN_FOR_WRITE
                || kind == Kind.OPEN_FOR_READ
                || kind == Kind.OPEN_DIRECTORY;
    }

    /** Returns whether it is not over before somebody repairs the disk. */
    boolean lasts() {
        return times == Messages.FOR_EVER || this == FULL_FROM_NOW;
    }

    /** Returns whether all that is asked of the disk fails. */
    boolean isOfTheWholeDisk() {
        return this == DISK_FOR_A_WHILE || this == DISK_FROM_NOW;
    }

    /** Returns whether an operation of the kind can fail so. */
    boolean fits(Kind kind) {
        return kinds.test(kind);
    }

    /**
     * Makes the operation of this number, and for some errors later ones, fail on {@code disk}.
     *
     * @param struck told of each that fails
     */
    void strike(SimulatedDisk disk, DiskOperation first, Consumer<DiskOperation> struck) {
        int[] left = {times};
        disk.inject(Fault.on(operation -> {
                    boolean strikes = operation.number() == first.number()
                            || operation.number() > first.number() && left[0] > 0 && strikesLater(first, operation);
                    if (strikes) {
                        left[0]--;
                        struck.accept(operation);
                    }
                    return strikes;
                })
                .with(effect)
                .saying(message)
                .sticky());
    }

    private boolean strikesLater(DiskOperation first, DiskOperation later) {
        return this == KIND_FOR_A_WHILE || this == KIND_FROM_NOW ? later.kind() == first.kind() : fits(later.kind());
    }

    /** Returns the name for command lines. */
    String title() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
