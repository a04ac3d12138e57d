package io.beachdb.testkit;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The check that what somebody counts on is on disk at this moment. */
final class Reliance {
    private Reliance() {}

    /** Returns what to throw, or null if the name and first bytes of the file are on disk. */
    static @Nullable DurabilityViolation check(DiskModel model, Path path, long bytes, String what) {
        List<String> reasons = model.missing(path, bytes);
        if (reasons.isEmpty()) {
            return null;
        }
        return new DurabilityViolation(what + " counts on " + path + " and its first " + bytes
                + " bytes being on disk, but " + String.join("; ", reasons) + ".");
    }
}
