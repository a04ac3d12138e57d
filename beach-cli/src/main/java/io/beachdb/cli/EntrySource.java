package io.beachdb.cli;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Where {@code load} takes entries from. */
interface EntrySource extends AutoCloseable {

    /**
     * Returns the next entry; null when there are no more.
     *
     * @throws BadInputException if the input is not what it should be
     */
    @Nullable
    Entry next() throws IOException;

    /** Returns where the entry that {@link #next} returned begins, for messages: a line, a file. */
    String place();

    /** Returns how much of the input has been taken, in bytes. */
    long position();

    @Override
    void close() throws IOException;
}
