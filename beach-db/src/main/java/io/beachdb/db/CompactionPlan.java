package io.beachdb.db;

import java.util.ArrayList;
import java.util.List;

/**
 * What a compaction shall do.
 *
 * @param fromLevel level of {@code inputs}
 * @param toLevel level of the outputs and of {@code overlapped}
 * @param inputs tables to bring down; from level 0 newest first, from others by key
 * @param overlapped tables of {@code toLevel} that share keys with them, by key
 * @param trivialMove whether the inputs may simply change their level
 * @param reason for people
 */
record CompactionPlan(
        int fromLevel,
        int toLevel,
        List<TableHandle> inputs,
        List<TableHandle> overlapped,
        boolean trivialMove,
        String reason) {

    List<TableHandle> allInputs() {
        List<TableHandle> all = new ArrayList<>(inputs);
        all.addAll(overlapped);
        return all;
    }

    long inputBytes() {
        return allInputs().stream().mapToLong(t -> t.entry().fileBytes()).sum();
    }
}
