package io.beachdb.manifest;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A table of a {@link Version}. The same object stands in every version that holds the table, whatever its level, so what
 * the engine attaches to it (a reader, counts) lives as long as the table does. Versions do not count their tables'
 * users: that is the engine's business.
 */
public final class LiveTable {
    private static final VarHandle ATTACHMENT;

    static {
        try {
            ATTACHMENT = MethodHandles.lookup().findVarHandle(LiveTable.class, "attachment", Object.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final TableEntry entry;

    @SuppressWarnings("UnusedVariable") // written through ATTACHMENT
    private volatile @Nullable Object attachment;

    LiveTable(TableEntry entry) {
        this.entry = entry;
    }

    /** Returns what the manifest says of the table. */
    public TableEntry entry() {
        return entry;
    }

    /** Returns the number of the table's file. */
    public long number() {
        return entry.number();
    }

    /** Attaches the engine's own object, once for all versions. */
    public void attach(Object engines) {
        if (!ATTACHMENT.compareAndSet(this, null, engines)) {
            throw new IllegalStateException("table " + number() + " has its attachment already");
        }
    }

    /** Returns what was attached; null before. */
    public @Nullable Object attachment() {
        return attachment;
    }

    @Override
    public String toString() {
        return "table " + number() + " [" + entry.smallest() + " .. " + entry.largest() + "]";
    }
}
