package io.beachdb.testkit;

import io.beachdb.testkit.DiskModel.DirectoryNode;
import io.beachdb.testkit.DiskModel.FileNode;
import io.beachdb.testkit.DiskModel.Node;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What Windows refuses and POSIX allows: to rename, replace or delete a file that somebody has open or mapped, and to cut one
 * that is mapped. The errors are those of Windows.
 */
final class HeldFiles {
    /** Whether disks are like this at first: so a suite of tests that says nothing about it is run in this mode whole. */
    static final boolean AT_FIRST = Boolean.getBoolean("beach.openFilesHeld");

    private static final String IN_USE =
            "The process cannot access the file because it is being used by another process";
    private static final String MAPPED =
            "The requested operation cannot be performed on a file with a user-mapped section open";

    private HeldFiles() {}

    /** Checks that a name may go from what it leads to. */
    static void checkDelete(@Nullable Node node, Path path) throws FileSystemException {
        if (node instanceof FileNode file && isHeld(file)) {
            throw file.mapped > 0
                    ? new AccessDeniedException(path.toString())
                    : new FileSystemException(path.toString(), null, IN_USE);
        }
    }

    /** Checks that {@code node} may change its name, and take that of {@code replaced}. */
    static void checkRename(Node node, @Nullable Node replaced, Path from, Path to) throws FileSystemException {
        if (node instanceof FileNode file) {
            checkDelete(file, from);
        }
        boolean below = node instanceof DirectoryNode directory && isHeldBelow(directory);
        if (below || (replaced instanceof FileNode file && isHeld(file))) {
            throw new AccessDeniedException(from.toString(), to.toString(), null);
        }
    }

    /** Checks that a file may be cut to {@code size} bytes. */
    static void checkCut(FileNode file, long size) throws IOException {
        if (file.mapped > 0 && size < file.live.size()) {
            throw new IOException(MAPPED);
        }
    }

    private static boolean isHeld(FileNode file) {
        return file.open + file.reading + file.mapped > 0;
    }

    private static boolean isHeldBelow(DirectoryNode directory) {
        return directory.live.values().stream().anyMatch(node -> switch (node) {
            case FileNode file -> isHeld(file);
            case DirectoryNode inner -> isHeldBelow(inner);
        });
    }
}
