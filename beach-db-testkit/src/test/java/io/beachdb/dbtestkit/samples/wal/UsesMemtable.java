package io.beachdb.dbtestkit.samples.wal;

import io.beachdb.dbtestkit.samples.memtable.UsesWal;
import java.util.function.Supplier;

/** A sibling that knows a sibling. */
public interface UsesMemtable extends Supplier<UsesWal> {}
