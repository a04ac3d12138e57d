package io.beachdb.durability;

import java.nio.file.Path;
import java.util.function.Predicate;

/** Receipt: a manifest edit is on disk, and every file it adds was on disk before. It lets go of the files it dropped. */
public final class DurableEdit implements DeletionProof {
  private final Path manifest;
  private final long endOffset;
  private final Predicate<String> dropped;

  DurableEdit(Path manifest, long endOffset, Predicate<String> dropped) {
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
    vfs.relyOn(manifest, endOffset, "deletion after a manifest edit");
  }
}
