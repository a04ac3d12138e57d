package io.beachdb.manifest;

/** Numbers of MANIFEST and CURRENT format 1: on disk for ever, so add, never change. Spec: docs/formats/manifest.md. */
final class ManifestFormat {
    static final String MANIFEST_MAGIC = "BEACHMAN";
    static final String CURRENT_MAGIC = "BEACHCUR";
    static final int VERSION = 1;
    static final long KNOWN_FEATURES = 0;

    // Kinds of records: the first byte of each.
    static final int SNAPSHOT = 1; // a part of the state that the manifest begins with
    static final int EDIT = 2; // one decision
    static final int END = 3; // closed cleanly: nothing follows

    // Tags of fields. An odd one may be skipped by a reader that does not know it; an even one may not.
    static final int KEY_ORDER = 2;
    static final int OLDEST_LOG = 4;
    static final int NEXT_FILE_NUMBER = 6;
    static final int LAST_SEQUENCE = 8;
    static final int ADDED_TABLE = 10;
    static final int DROPPED_TABLE = 12;
    static final int MOVED_TABLE = 14;
    static final int SNAPSHOT_END = 16;

    /** Tags are this large at most. */
    static final int MAX_TAG = (1 << 16) - 1;

    /** The only keyspace there is. */
    static final int KEYSPACE = 0;

    /** Longest name of a key order. */
    static final int MAX_ORDER_NAME_BYTES = 64;

    /** Largest record: an edit is never split, so this also bounds what one edit can say. */
    static final int MAX_RECORD_BYTES = 256 << 20;

    /** A snapshot goes on in another record once this much of it is in one. */
    static final int SNAPSHOT_PART_BYTES = 256 << 10;

    private ManifestFormat() {}

    static boolean isIgnorable(long tag) {
        return (tag & 1) != 0;
    }

    /** Returns a tag's name, as messages and dumps show it. */
    static String tagName(long tag) {
        return switch ((int) tag) {
            case KEY_ORDER -> "key order";
            case OLDEST_LOG -> "oldest log";
            case NEXT_FILE_NUMBER -> "next file number";
            case LAST_SEQUENCE -> "last sequence";
            case ADDED_TABLE -> "added table";
            case DROPPED_TABLE -> "dropped table";
            case MOVED_TABLE -> "moved table";
            case SNAPSHOT_END -> "snapshot end";
            default -> "unknown";
        };
    }
}
