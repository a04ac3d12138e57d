package io.beachdb.base;

/** A file is whole but newer than this library, or needs a feature it does not have. Names file, feature and versions. */
public final class UnsupportedFormatException extends BeachException {
    private static final long serialVersionUID = 1L;

    /**
     * @param file path of the file
     * @param detail what it needs and what is known, and the next step, as full sentences
     */
    public UnsupportedFormatException(String file, String detail) {
        super(file + ": " + detail, null);
    }
}
