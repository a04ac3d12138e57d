package io.beachdb.cli;

import io.beachdb.base.BeachException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Objects;

/** Turns what went wrong into the one line that a user reads. */
final class Errors {
    private Errors() {}

    /** Returns the line, without the name of the program. */
    static String line(Throwable failure) {
        String text = switch (failure) {
            case CommandFailure e -> message(e);
            case BadInputException e -> message(e);
            case BeachException e -> message(e);
            case IllegalArgumentException e -> message(e);
            case IllegalStateException e -> message(e);
            case UncheckedIOException e -> reason(Objects.requireNonNull(e.getCause()));
            case IOException e -> reason(e);
            case OutOfMemoryError e ->
                "out of memory (" + e.getMessage() + "): give the JVM more, as in BEACH_JAVA_OPTS=-Xmx2g";
            default -> "internal error, please report it: " + failure + " (--debug shows where)";
        };
        return text.strip().replaceAll("\\s*\\R\\s*", " ");
    }

    private static String message(Throwable e) {
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }

    /** Returns what the system said, in words: the JDK's file exceptions often hold a bare file name. */
    static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException no -> no.getFile() + ": no such file or directory";
            case AccessDeniedException denied -> denied.getFile() + ": permission denied";
            case FileAlreadyExistsException exists -> exists.getFile() + ": exists already";
            case DirectoryNotEmptyException full -> full.getFile() + ": directory not empty";
            case NotDirectoryException file -> file.getFile() + ": not a directory";
            case FileSystemException other -> other.getFile() + ": " + other.getReason();
            case CharacterCodingException bad -> "not valid UTF-8 (" + bad.getMessage() + ")";
            default -> message(e);
        };
    }
}
