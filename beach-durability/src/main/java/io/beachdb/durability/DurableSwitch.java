package io.beachdb.durability;

import java.nio.file.Path;
import java.util.function.Predicate;

/** Receipt: CURRENT on disk points at a manifest that is on disk. It lets go of the manifests before. */
public final class DurableSwitch implements DeletionProof {
    private final DurableDirectory directory;
    private final Path current;
    private final long bytes;
    private final Predicate<String> letsGo;

    DurableSwitch(DurableDirectory directory, Path current, long bytes, Predicate<String> letsGo) {
        this.directory = directory;
        this.current = current;
        this.bytes = bytes;
        this.letsGo = letsGo;
    }

    @Override
    public boolean allows(String name) {
        return letsGo.test(name);
    }

    @Override
    public void relyOn(Vfs vfs) {
        // Otherwise CURRENT leads, or is about to lead, to something newer, which needs no more than this what this let
        // go.
        if (directory.isLatestSwitch(this)) {
            vfs.relyOn(current, bytes, "deletion after a switch of CURRENT", SyncSite.CURRENT_SWITCH);
        }
    }
}
