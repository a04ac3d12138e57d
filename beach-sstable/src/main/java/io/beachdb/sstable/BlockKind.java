package io.beachdb.sstable;

import org.jspecify.annotations.Nullable;

/** What a block is for, as its trailer says under the checksum: no block can be taken for one of another kind. */
enum BlockKind {
    DATA(1),
    INDEX(2),
    FILTER(3),
    TOP_INDEX(4),
    META_INDEX(5),
    /** A block that the meta index names. */
    NAMED(6);

    private static final int SHIFT = 4;
    private static final BlockKind[] ALL = values();

    private final int code;

    BlockKind(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    /** Returns the type byte of a block of this kind. */
    int type(Compression compression) {
        return code << SHIFT | compression.code();
    }

    static @Nullable BlockKind ofType(int type) {
        for (BlockKind kind : ALL) {
            if (kind.code == type >>> SHIFT) {
                return kind;
            }
        }
        return null;
    }

    String title() {
        return name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ');
    }
}
