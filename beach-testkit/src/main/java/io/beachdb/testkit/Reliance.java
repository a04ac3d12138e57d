package io.beachdb.testkit;

import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.DiskModel.FileNode;
import io.beachdb.testkit.DiskModel.Node;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The check that what somebody counts on is on disk at this moment. */
final class Reliance {
    private Reliance() {}

    /** Returns what to throw, or null if the name and first bytes of the file are on disk. */
    static @Nullable DurabilityViolation check(
            DiskModel model, Path path, long bytes, String what, @Nullable SyncSite site) {
        List<String> reasons = model.missing(path, bytes);
        if (reasons.isEmpty()) {
            return null;
        }
        return new DurabilityViolation(event(what, site) + " counts on " + path + " and its first " + bytes
                + " bytes being on disk, but " + String.join("; ", reasons) + ".");
    }

    /** Returns what to throw, or null if what is deleted cannot come back. */
    static @Nullable DurabilityViolation checkAbsence(
            DiskModel model, Path path, String what, @Nullable SyncSite site) {
        List<String> reasons = model.present(path);
        if (reasons.isEmpty()) {
            return null;
        }
        return new DurabilityViolation(event(what, site) + " counts on " + path + " being deleted on disk, but "
                + String.join("; ", reasons) + ".");
    }

    static String event(String what, @Nullable SyncSite site) {
        return site == null ? what : what + " at " + site;
    }

    /**
     * Returns what to throw, or null if a rename may go on: one over another file counts on the new bytes being on disk,
     * since after a cut the name may lead to whatever of them is there, and the old bytes are lost.
     */
    static @Nullable DurabilityViolation checkRename(Node node, @Nullable Node replaced, Path from, Path to) {
        if (replaced instanceof FileNode && node instanceof FileNode file && DiskModel.hasUnsavedBytes(file)) {
            return new DurabilityViolation("rename of " + from + " over " + to + " counts on the bytes of " + from
                    + " being on disk, but the file was not synced: after a cut " + to
                    + " may be empty, and what it held before is lost.");
        }
        return null;
    }
}
