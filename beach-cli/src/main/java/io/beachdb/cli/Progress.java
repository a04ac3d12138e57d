package io.beachdb.cli;

import java.io.PrintStream;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Tells a person how far long work is, on standard error: a bar redrawn in place where somebody watches, else a plain line
 * now and then. Work that ends soon prints nothing.
 */
final class Progress implements AutoCloseable {
    private static final long REDRAW_NANOS = 100_000_000L;
    private static final long LINE_NANOS = 10_000_000_000L;
    private static final int BAR_CELLS = 28;
    private static final String ERASE_LINE = "\r\033[K";

    private final PrintStream err;
    private final boolean bar;
    private final String title;
    private final long total;
    private final LongSupplier clock;
    private final long began;
    private long done;
    private long shownAt;
    private boolean drawn;

    /**
     * @param title what is being done, in a word or two
     * @param total how many steps (bytes) there are; 0 if that is not known
     */
    Progress(Terminal terminal, String title, long total) {
        this(terminal, title, total, System::nanoTime);
    }

    Progress(Terminal terminal, String title, long total, LongSupplier clock) {
        this.err = terminal.err();
        this.bar = terminal.interactive();
        this.title = title;
        this.total = total;
        this.clock = clock;
        this.began = clock.getAsLong();
        this.shownAt = began;
    }

    /** Work has come to {@code done} of the total. {@code detail} is asked for only when something is shown. */
    void at(long now, @Nullable Object detail) {
        done = now;
        long time = clock.getAsLong();
        if (time - shownAt >= (bar ? REDRAW_NANOS : LINE_NANOS)) {
            shownAt = time;
            show(detail);
        }
    }

    private void show(@Nullable Object detail) {
        String told = detail == null ? "" : "  " + detail;
        if (!bar) {
            err.println(total > 0 ? Units.format("%s: %.0f %%%s", title, percent(), told) : title + ":" + told);
            return;
        }
        drawn = true;
        err.print(ERASE_LINE + title + (total > 0 ? " " + cells() + Units.format(" %3.0f %%", percent()) : "") + told);
        err.flush();
    }

    private double percent() {
        return Math.min(100, 100.0 * done / total);
    }

    private String cells() {
        int filled = (int) Math.min(BAR_CELLS, BAR_CELLS * done / total);
        return "[" + "#".repeat(filled) + ".".repeat(BAR_CELLS - filled) + "]";
    }

    /** Returns the time since the work began. */
    long nanos() {
        return clock.getAsLong() - began;
    }

    /** Takes the bar away, so that the next line stands where it was. */
    @Override
    public void close() {
        if (drawn) {
            err.print(ERASE_LINE);
            err.flush();
        }
    }
}
