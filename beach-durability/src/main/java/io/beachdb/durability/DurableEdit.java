package io.beachdb.durability;

import java.nio.file.Path;
import java.util.function.Predicate;

/** Receipt: a manifest edit is on disk, and every file it adds was on disk before. It lets go of the files it dropped. */
public final class DurableEdit implements DeletionProof {
    private final DurableDirectory directory;
    private final Path manifest;
    private final long endOffset;
    private final Predicate<String> dropped;

    DurableEdit(DurableDirectory directory, Path manifest, long endOffset, Predicate<String> dropped) {
        this.directory = directory;
        this.manifest = manifest;
        this.endOffset = endOffset;
        this.dropped = dropped;
    }

    @Override
    public boolean allows(String name) {
        return dropped.test(name);
    }

    @Override
    public void relyOn(Vfs vfs) {
        DurableSwitch later = directory.switchAwayFrom(manifest);
        if (later == null) {
            vfs.relyOn(manifest, endOffset, "deletion after a manifest edit", SyncSite.MANIFEST_EDIT);
        } else {
            later.relyOn(vfs); // the manifest that CURRENT leads to now began with all that this one said
        }
    }
}
