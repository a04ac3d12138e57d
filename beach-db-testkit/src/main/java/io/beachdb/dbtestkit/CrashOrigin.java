package io.beachdb.dbtestkit;

import org.jspecify.annotations.Nullable;

/**
 * Which write made a value: every value of a crash run begins with it, so that what is read back says where it is from.
 *
 * @param run number of the run within its directory, from 0
 * @param lane the writing thread, from 0
 * @param operation index of the operation within the lane, from 0
 * @param slot index of the edit within the operation, from 0
 */
public record CrashOrigin(int run, int lane, int operation, int slot) {

    /** Reads what {@link #toString} wrote; null if the text is anything else. */
    static @Nullable CrashOrigin parse(String text) {
        String[] parts = text.split("\\.", -1);
        if (parts.length != 4) {
            return null;
        }
        try {
            CrashOrigin origin = new CrashOrigin(
                    Integer.parseInt(parts[0]),
                    Integer.parseInt(parts[1]),
                    Integer.parseInt(parts[2]),
                    Integer.parseInt(parts[3]));
            return origin.toString().equals(text) ? origin : null;
        } catch (NumberFormatException notOurs) {
            return null;
        }
    }

    @Override
    public String toString() {
        return run + "." + lane + "." + operation + "." + slot;
    }
}
