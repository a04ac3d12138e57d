package io.beachdb.sstable;

import io.beachdb.durability.DurableFile;

/**
 * A table that is on disk and not yet named by an edit.
 *
 * @param metadata what the edit says about it
 * @param file the receipt that lets it
 */
public record NewTable(TableMetadata metadata, DurableFile file) {}
