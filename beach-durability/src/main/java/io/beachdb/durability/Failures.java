package io.beachdb.durability;

import io.beachdb.base.StorageException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** Turns what the system says into what the caller can act on. */
final class Failures {
    private Failures() {}

    /**
     * @param operation what was tried, as in "write"
     * @param file on which file
     * @param holds what is still true, and what the caller can do, as a sentence
     */
    static StorageException storage(String operation, Object file, IOException cause, String holds) {
        boolean full = isDiskFull(cause);
        String reason = full ? "the disk is full" : reason(cause);
        return new StorageException(operation + " " + file + " failed: " + reason + ". " + holds, cause, full);
    }

    private static String reason(IOException cause) {
        if (cause instanceof NoSuchFileException) {
            return "no such file";
        }
        if (cause instanceof AccessDeniedException) {
            return "permission denied (Windows says so too while another program has the file open)";
        }
        if (isOutOfDescriptors(cause)) {
            return "this process may open no more files (ulimit -n shows how many it may, and raises that)";
        }
        String reason =
                cause instanceof FileSystemException e && e.getReason() != null ? e.getReason() : cause.getMessage();
        return reason == null ? cause.getClass().getSimpleName() : reason;
    }

    /** Told by the system's text too. */
    private static boolean isOutOfDescriptors(IOException e) {
        String message = e.getMessage();
        return message != null && message.contains("Too many open files");
    }

    /** The JDK tells a full disk only by the system's text. */
    static boolean isDiskFull(IOException e) {
        String message = e.getMessage();
        return message != null
                && (message.contains("No space left")
                        || message.contains("quota exceeded")
                        || message.contains("not enough space"));
    }
}
