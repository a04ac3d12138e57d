package io.beachdb;

import io.beachdb.base.MemoryUse;
import java.util.Map;

/**
 * Native memory, in bytes.
 *
 * @param budgetBytes the bound, which several databases may share
 * @param budgetUsedBytes what all of them have charged
 * @param overdraftBytes how far that is above the bound
 * @param usedBytes what this database has charged
 * @param uses the same by use
 */
public record MemoryReport(
        long budgetBytes, long budgetUsedBytes, long overdraftBytes, long usedBytes, Map<MemoryUse, Long> uses) {}
