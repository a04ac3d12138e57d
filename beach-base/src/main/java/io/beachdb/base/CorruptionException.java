package io.beachdb.base;

import org.jspecify.annotations.Nullable;

/**
 * Bytes on disk are not what was written. Says file, offset, what was expected and found, and what to do next; the
 * damaged bytes are never returned as data.
 */
public final class CorruptionException extends BeachException {
    private static final long serialVersionUID = 1L;

    private final String file;
    private final long offset;

    /**
     * @param file name of the damaged file
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

    /** Returns the name of the damaged file. */
    public String file() {
        return file;
    }

    /** Returns the damaged place in bytes from the start of the file, or -1 when there is no single place. */
    public long offset() {
        return offset;
    }
}
