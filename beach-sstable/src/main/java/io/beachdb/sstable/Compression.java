package io.beachdb.sstable;

import org.jspecify.annotations.Nullable;

/** How the bytes of a block are stored. */
public enum Compression {
    NONE(0),
    LZ4(1);

    private static final int MASK = 0x0F;
    private static final Compression[] ALL = values();

    private final int code;

    Compression(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    /** Returns the compression that the type byte of a block names; null if it is none. */
    static @Nullable Compression ofType(int type) {
        return ofCode(type & MASK);
    }

    static @Nullable Compression ofCode(int code) {
        for (Compression compression : ALL) {
            if (compression.code == code) {
                return compression;
            }
        }
        return null;
    }

    /** Returns which codec does the work in this process: {@code "none"}, {@code "lz4 (native)"}, {@code "lz4 (java)"}. */
    public String codec() {
        return switch (this) {
            case NONE -> "none";
            case LZ4 -> Lz4.codec();
        };
    }
}
