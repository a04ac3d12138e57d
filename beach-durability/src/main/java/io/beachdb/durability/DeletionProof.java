package io.beachdb.durability;

/**
 * What it takes to delete a file, recycle it or use its name again: a receipt that something on disk has already let go
 * of it.
 */
public sealed interface DeletionProof permits DurableEdit, DurableSwitch, RecoveredState {

    /** Returns whether this receipt shows that nothing on disk needs the file {@code name} of the directory any more. */
    boolean allows(String name);

    /** Tells a checking {@link Vfs} what the deletion counts on. */
    void relyOn(Vfs vfs);
}
