package io.beachdb.base;

/**
 * Something that tasks wait for, made by {@link Scheduler#newSignal}. Whoever changes state that a waiter's condition
 * reads calls {@link #wake} after the change.
 */
public interface Signal {

    /** Lets every waiter look at its condition again. Cheap when nobody waits; never blocks. */
    void wake();
}
