package io.beachdb.db;

import io.beachdb.manifest.InternalKey;
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
 * @param optional whether nothing is lost if it is never run
 * @param reason for people
 */
record CompactionPlan(
        int fromLevel,
        int toLevel,
        List<TableHandle> inputs,
        List<TableHandle> overlapped,
        boolean trivialMove,
        boolean optional,
        String reason) {

    List<TableHandle> allInputs() {
        List<TableHandle> all = new ArrayList<>(inputs);
        all.addAll(overlapped);
        return all;
    }

    /**
     * Returns whether both may run at one time: their keys or their levels lie apart. That their tables are others is not
     * enough: what one brings to a level must not come between the tables that the other makes one there.
     */
    boolean isApartFrom(CompactionPlan other) {
        return toLevel < other.fromLevel
                || other.toLevel < fromLevel
                || largest().compareUserKey(other.smallest()) < 0
                || other.largest().compareUserKey(smallest()) < 0;
    }

    private InternalKey smallest() {
        InternalKey smallest = inputs.getFirst().entry().smallest();
        for (TableHandle table : allInputs()) {
            if (table.entry().smallest().compareUserKey(smallest) < 0) {
                smallest = table.entry().smallest();
            }
        }
        return smallest;
    }

    private InternalKey largest() {
        InternalKey largest = inputs.getFirst().entry().largest();
        for (TableHandle table : allInputs()) {
            if (table.entry().largest().compareUserKey(largest) > 0) {
                largest = table.entry().largest();
            }
        }
        return largest;
    }

    long inputBytes() {
        return allInputs().stream().mapToLong(t -> t.entry().fileBytes()).sum();
    }
}
