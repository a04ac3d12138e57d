package io.beachdb.dbtestkit.samples.memtable;

import io.beachdb.dbtestkit.samples.wal.UsesMemtable;
import java.util.List;

/** The other half of a circle. */
public interface UsesWal {
    /** Returns what makes the circle. */
    List<UsesMemtable> others();
}
