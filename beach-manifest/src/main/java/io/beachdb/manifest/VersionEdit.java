package io.beachdb.manifest;

import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.durability.DurableFile;
import io.beachdb.manifest.EditField.AddedTable;
import io.beachdb.manifest.EditField.DroppedTable;
import io.beachdb.manifest.EditField.LastSequence;
import io.beachdb.manifest.EditField.MovedTable;
import io.beachdb.manifest.EditField.NextFileNumber;
import io.beachdb.manifest.EditField.OldestLog;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One decision about which files make up the database. It reaches the manifest as one record, so that after a crash
 * either all of it holds or nothing. Tables come into it only with the receipt that they are on disk. Immutable.
 *
 * <p>The next file number is not the caller's to state: the {@link ManifestWriter} adds it to every edit.
 */
public final class VersionEdit {
    private final List<EditField> fields;
    private final List<DurableFile> receipts;

    private VersionEdit(List<EditField> fields, List<DurableFile> receipts) {
        this.fields = fields;
        this.receipts = receipts;
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Returns an edit that changes nothing. */
    public static VersionEdit none() {
        return builder().build();
    }

    List<EditField> fields() {
        return fields;
    }

    /** Returns the receipts of all tables that this edit adds. */
    List<DurableFile> receipts() {
        return receipts;
    }

    VersionEdit withNextFileNumber(long number) {
        List<EditField> stamped = new ArrayList<>(fields.size() + 1);
        stamped.add(new NextFileNumber(number));
        stamped.addAll(fields);
        return new VersionEdit(List.copyOf(stamped), receipts);
    }

    /** Returns the numbers of the tables that it drops. */
    Set<Long> droppedNumbers() {
        Set<Long> numbers = new HashSet<>();
        for (EditField field : fields) {
            if (field instanceof DroppedTable(int level, long number)) {
                numbers.add(number);
            }
        }
        return numbers;
    }

    /** Returns the numbers of the tables that it adds. */
    Set<Long> addedNumbers() {
        Set<Long> numbers = new HashSet<>();
        for (EditField field : fields) {
            if (field instanceof AddedTable(int level, TableEntry entry)) {
                numbers.add(entry.number());
            }
        }
        return numbers;
    }

    @Override
    public String toString() {
        return fields.toString();
    }

    /** Gathers an edit. */
    public static final class Builder {
        private final List<EditField> tables = new ArrayList<>();
        private final List<DurableFile> receipts = new ArrayList<>();
        private @Nullable OldestLog oldestLog;
        private @Nullable LastSequence lastSequence;

        private Builder() {}

        /**
         * Adds a table that is on disk.
         *
         * @param file the receipt of its file
         */
        public Builder addTable(int level, TableEntry entry, DurableFile file) {
            checkLevel(level);
            if (!file.name().equals(FileName.table(entry.number()))) {
                throw new IllegalArgumentException(
                        "the receipt is for " + file.name() + ", the table is " + FileName.table(entry.number()));
            }
            if (file.size() != entry.fileBytes()) {
                throw new IllegalArgumentException(
                        file + " is on disk, the table is said to have " + entry.fileBytes() + " bytes");
            }
            tables.add(new AddedTable(level, entry));
            receipts.add(file);
            return this;
        }

        /** Drops a table. */
        public Builder dropTable(int level, long number) {
            checkLevel(level);
            tables.add(new DroppedTable(level, number));
            return this;
        }

        /** Moves a table, as it is, to another level. */
        public Builder moveTable(int fromLevel, int toLevel, long number) {
            checkLevel(fromLevel);
            checkLevel(toLevel);
            tables.add(new MovedTable(fromLevel, toLevel, number));
            return this;
        }

        /** Says that {@code number} is the oldest log needed, and that it is on disk: if it is missing, that is damage. */
        public Builder oldestLog(long number) {
            return oldestLog(number, true);
        }

        /**
         * Says that no log below {@code number} is needed. The log of that number need not be there: recovery says so
         * before it makes the first log of its run.
         */
        public Builder noLogBelow(long number) {
            return oldestLog(number, false);
        }

        private Builder oldestLog(long number, boolean exists) {
            TableEntry.checkRange("oldest log", number, 0, FileNumbers.MAX);
            oldestLog = new OldestLog(number, exists);
            return this;
        }

        /** Sets the largest sequence used, so that none is used again. At least that of every table in the version. */
        public Builder lastSequence(long sequence) {
            TableEntry.checkRange("last sequence", sequence, 0, InternalKeys.MAX_SEQUENCE);
            lastSequence = new LastSequence(sequence);
            return this;
        }

        private static void checkLevel(int level) {
            TableEntry.checkRange("level", level, 0, Version.LEVELS - 1);
        }

        public VersionEdit build() {
            List<EditField> fields = new ArrayList<>(tables.size() + 2);
            if (oldestLog != null) {
                fields.add(oldestLog);
            }
            if (lastSequence != null) {
                fields.add(lastSequence);
            }
            fields.addAll(tables);
            return new VersionEdit(List.copyOf(fields), List.copyOf(receipts));
        }
    }
}
