package io.beachdb.base.format;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The names of a database's files: {@code 000012.wal}, {@code 000013.sst}, {@code MANIFEST-000007},
 * {@code OPTIONS-000008}, {@code CURRENT}, {@code LOCK}. Numbers are decimal, at least six digits, from one counter.
 *
 * @param kind what the file is
 * @param number its number; 0 for kinds without one
 */
public record FileName(Kind kind, long number) {

    /** Kinds of files. */
    public enum Kind {
        LOG,
        TABLE,
        MANIFEST,
        OPTIONS,
        CURRENT,
        /** A file being written that will be renamed: {@code NAME.tmp}. Never needed after a crash. */
        TEMPORARY,
        LOCK,
        /** Who holds LOCK, for messages: {@code LOCK.holder}. */
        LOCK_HOLDER
    }

    public static final String CURRENT = "CURRENT";
    public static final String LOCK = "LOCK";
    public static final String LOCK_HOLDER = "LOCK.holder";
    public static final String TEMPORARY_SUFFIX = ".tmp";

    private static final String LOG_SUFFIX = ".wal";
    private static final String TABLE_SUFFIX = ".sst";
    private static final String MANIFEST_PREFIX = "MANIFEST-";
    private static final String OPTIONS_PREFIX = "OPTIONS-";
    private static final int MIN_DIGITS = 6;
    private static final int MAX_DIGITS = 18;
    private static final long MAX_NUMBER = 999_999_999_999_999_999L;

    public static String log(long number) {
        return digits(number) + LOG_SUFFIX;
    }

    public static String table(long number) {
        return digits(number) + TABLE_SUFFIX;
    }

    public static String manifest(long number) {
        return MANIFEST_PREFIX + digits(number);
    }

    public static String options(long number) {
        return OPTIONS_PREFIX + digits(number);
    }

    private static String digits(long number) {
        if (number < 0 || number > MAX_NUMBER) {
            throw new IllegalArgumentException("file number is " + number + ", allowed 0 to " + MAX_NUMBER);
        }
        // Not by the user's locale, whose digits may be others.
        return String.format(Locale.ROOT, "%06d", number);
    }

    /** Reads a name; null for names that are not ours, which are left alone. */
    public static @Nullable FileName parse(String name) {
        switch (name) {
            case CURRENT:
                return new FileName(Kind.CURRENT, 0);
            case LOCK:
                return new FileName(Kind.LOCK, 0);
            case LOCK_HOLDER:
                return new FileName(Kind.LOCK_HOLDER, 0);
            default:
                break;
        }
        if (name.endsWith(TEMPORARY_SUFFIX)) {
            FileName inner = parse(name.substring(0, name.length() - TEMPORARY_SUFFIX.length()));
            return inner == null || inner.kind == Kind.TEMPORARY ? null : new FileName(Kind.TEMPORARY, inner.number);
        }
        if (name.endsWith(LOG_SUFFIX)) {
            return numbered(Kind.LOG, name.substring(0, name.length() - LOG_SUFFIX.length()));
        }
        if (name.endsWith(TABLE_SUFFIX)) {
            return numbered(Kind.TABLE, name.substring(0, name.length() - TABLE_SUFFIX.length()));
        }
        if (name.startsWith(MANIFEST_PREFIX)) {
            return numbered(Kind.MANIFEST, name.substring(MANIFEST_PREFIX.length()));
        }
        if (name.startsWith(OPTIONS_PREFIX)) {
            return numbered(Kind.OPTIONS, name.substring(OPTIONS_PREFIX.length()));
        }
        return null;
    }

    private static @Nullable FileName numbered(Kind kind, String digits) {
        if (digits.length() < MIN_DIGITS || digits.length() > MAX_DIGITS) {
            return null;
        }
        for (int i = 0; i < digits.length(); i++) {
            if (digits.charAt(i) < '0' || digits.charAt(i) > '9') {
                return null;
            }
        }
        long number = Long.parseLong(digits);
        return digits(number).equals(digits) ? new FileName(kind, number) : null;
    }
}
