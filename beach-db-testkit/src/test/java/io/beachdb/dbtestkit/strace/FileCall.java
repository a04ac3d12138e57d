package io.beachdb.dbtestkit.strace;

import java.util.List;

/**
 * One change of a file, as the seam or the kernel saw it.
 *
 * @param other the second path of a rename or link; else empty
 * @param offset where a write begins; the size of a cut or mapping
 * @param length how many bytes are written
 * @param begun how many calls had ended when it began
 * @param ended how many calls had ended before it did
 */
record FileCall(Kind kind, String path, String other, long offset, long length, int begun, int ended) {

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

    /** Returns whether it had ended when {@code other} began; of calls that overlap, neither had. */
    boolean isBefore(FileCall other) {
        return ended < other.begun;
    }

    /** Returns whether it is the same change, whenever that was. */
    boolean isAs(FileCall call) {
        return kind == call.kind
                && path.equals(call.path)
                && other.equals(call.other)
                && offset == call.offset
                && length == call.length;
    }

    boolean isSync() {
        return kind == Kind.SYNC || kind == Kind.DATA_SYNC;
    }

    String toLine() {
        return kind + "\t" + path + "\t" + other + "\t" + offset + "\t" + length + "\t" + begun + "\t" + ended;
    }

    static FileCall parse(String line) {
        List<String> words = List.of(line.split("\t", -1));
        return new FileCall(
                Kind.valueOf(words.get(0)),
                words.get(1),
                words.get(2),
                Long.parseLong(words.get(3)),
                Long.parseLong(words.get(4)),
                Integer.parseInt(words.get(5)),
                Integer.parseInt(words.get(6)));
    }
}
