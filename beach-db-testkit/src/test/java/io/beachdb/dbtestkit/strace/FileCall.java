package io.beachdb.dbtestkit.strace;

import java.util.List;

/**
 * One change of a file, as the seam or the kernel saw it.
 *
 * @param other the second path of a rename or link; else empty
 * @param offset where a write begins; the size of a cut or mapping
 * @param length how many bytes are written
 */
record FileCall(Kind kind, String path, String other, long offset, long length) {

    enum Kind {
        CREATE,
        MAKE_DIRECTORY,
        RENAME,
        LINK,
        /** Of a name, or of an empty directory. */
        DELETE,
        /** Of bytes and all metadata. */
        SYNC,
        /** Of bytes and what is needed to read them: an fsync does that as well. */
        DATA_SYNC,
        CUT,
        MAP,
        WRITE,
        /** Nothing that the seam does. */
        FOREIGN
    }

    static FileCall of(Kind kind, Object path) {
        return new FileCall(kind, path.toString(), "", 0, 0);
    }

    boolean isSync() {
        return kind == Kind.SYNC || kind == Kind.DATA_SYNC;
    }

    String toLine() {
        return String.join("\t", kind.name(), path, other, String.valueOf(offset), String.valueOf(length));
    }

    static FileCall parse(String line) {
        List<String> words = List.of(line.split("\t", -1));
        return new FileCall(
                Kind.valueOf(words.get(0)),
                words.get(1),
                words.get(2),
                Long.parseLong(words.get(3)),
                Long.parseLong(words.get(4)));
    }
}
