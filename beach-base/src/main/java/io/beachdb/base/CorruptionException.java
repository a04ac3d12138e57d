package io.beachdb.base;

import org.jspecify.annotations.Nullable;

/**
 * Bytes on disk are not what was written. Says file, offset, what was expected and found, and what to do next; the
 * damaged bytes are never returned as data.
 */
public final class CorruptionException extends BeachException {
    private static final long serialVersionUID = 1L;

    /** The next step for files that only go together: CURRENT and MANIFEST are new at each opening, logs are a chain. */
    public static final String RESTORE_DIRECTORY = "Restore the whole directory from a copy: its files go together.";

    /** The next step for a table, which stays as it was written until it is deleted. */
    public static final String RESTORE_TABLE = "Restore this file, or the whole directory, from a copy.";

    private final String file;
    private final long offset;

    /**
     * @param file path of the damaged file
     * @param offset bytes from its start, or -1 when the damage has no single place (a missing file)
     * @param detail what was expected and found, and the next step, as full sentences
     */
    public CorruptionException(String file, long offset, String detail) {
        this(file, offset, detail, null);
    }

    public CorruptionException(String file, long offset, String detail, @Nullable Throwable cause) {
        super(offset < 0 ? file + ": " + detail : file + " at offset " + offset + ": " + detail, cause);
        this.file = file;
        this.offset = offset;
    }

    /** Returns the path of the damaged file. */
    public String file() {
        return file;
    }

    /** Returns the damaged place in bytes from the start of the file, or -1 when there is no single place. */
    public long offset() {
        return offset;
    }
}
