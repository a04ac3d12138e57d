package io.beachdb.durability;

import java.io.IOException;

/** A directory cannot be synced: the system has no such call, or it may not be opened. */
public final class NotSyncableException extends IOException {
    private static final long serialVersionUID = 1L;

    private final String reason;

    public NotSyncableException(String reason) {
        super(reason);
        this.reason = reason;
    }

    /** Returns which directory, and why. */
    public String reason() {
        return reason;
    }
}
