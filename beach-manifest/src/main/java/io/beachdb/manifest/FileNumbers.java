package io.beachdb.manifest;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.format.FileName;
import java.util.Collection;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Where the numbers of new files come from: one counter for logs, tables, manifests and options. A number is given once,
 * also across crashes: the counter starts above everything that the manifest or any name in the directory shows. Any
 * number of threads.
 */
public final class FileNumbers {
    /** Largest number of a file: more than any database's life needs, and a digit less than a file name holds. */
    public static final long MAX = 100_000_000_000_000_000L;

    // A larger number in the directory is none that we gave: refused, lest it use up the numbers.
    private static final long MAX_SEEN = MAX - (1L << 50);

    private final AtomicLong next;

    private FileNumbers(long next) {
        this.next = new AtomicLong(next);
    }

    /**
     * Starts above all that is known. A name counts whatever it is: that of a file which no edit names (its edit was lost
     * with the tail), a temporary one, one that another program put here.
     *
     * @param manifestNext the recovered version's next file number; 1 for a new database
     * @param names all names in the directory
     */
    public static FileNumbers above(long manifestNext, Collection<String> names) {
        long next = manifestNext;
        for (String name : names) {
            FileName parsed = FileName.parse(name);
            if (parsed != null && parsed.number() >= next) {
                if (parsed.number() > MAX_SEEN) {
                    throw new CorruptionException(
                            name,
                            -1,
                            "its number leaves none for new files, largest useful " + MAX_SEEN
                                    + ". BeachDB did not make it; move it out of the directory.");
                }
                next = parsed.number() + 1;
            }
        }
        return new FileNumbers(next);
    }

    /** Takes the next number. */
    public long next() {
        return next.getAndIncrement();
    }

    /** Returns the number that the next call of {@link #next} gives: all given so far are below it. */
    public long peek() {
        return next.get();
    }
}
