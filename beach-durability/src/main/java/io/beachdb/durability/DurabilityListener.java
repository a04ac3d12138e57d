package io.beachdb.durability;

/** Hears every event of a {@link DurableDirectory}, right after it. Must be quick, must not throw or call back. */
@FunctionalInterface
public interface DurabilityListener {
    void onEvent(DurabilityEvent event);

    /** A listener that does nothing. */
    static DurabilityListener none() {
        return event -> {};
    }
}
