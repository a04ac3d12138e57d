package io.beachdb.durability;

import io.beachdb.base.CorruptionException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Receipt of an opening: the directory was synced before anything in it was believed. It adopts the files that the
 * recovered manifest names, which an edit had made durable in an earlier run; and once CURRENT points at this run's
 * manifest, it lets go of every file that is not live.
 */
public final class RecoveredState implements DeletionProof {
    private final DurableDirectory directory;
    private final Set<String> named;
    private volatile @Nullable DurableSwitch switched;
    private volatile Set<String> live = Set.of();

    RecoveredState(DurableDirectory directory, Set<String> named) {
        this.directory = directory;
        this.named = Set.copyOf(named);
    }

    /**
     * Returns the receipt of a file that the recovered manifest names.
     *
     * @throws CorruptionException if the file is not there
     */
    public DurableFile adopt(String name) {
        if (!named.contains(name)) {
            throw new IllegalArgumentException(name + " is not named by the recovered manifest");
        }
        if (!directory.exists(name)) {
            throw new CorruptionException(
                    directory.pathOf(name),
                    -1,
                    "the manifest names it and it is not there. " + CorruptionException.RESTORE_TABLE);
        }
        try (ReadableFile file = directory.open(name)) {
            return new DurableFile(directory, name, file.size());
        }
    }

    /**
     * Allows the deletion of every file of the directory that is not in {@code live}.
     *
     * @param toThisRun shows that CURRENT no longer leads to anything older
     */
    public RecoveredState letGoAllBut(Set<String> live, DurableSwitch toThisRun) {
        this.live = Set.copyOf(live);
        this.switched = toThisRun;
        return this;
    }

    @Override
    public boolean allows(String name) {
        return switched != null && !live.contains(name);
    }

    @Override
    public void relyOn(Vfs vfs) {
        DurableSwitch proof = switched;
        if (proof != null) {
            proof.relyOn(vfs);
        }
    }
}
