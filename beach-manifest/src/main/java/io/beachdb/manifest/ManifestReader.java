package io.beachdb.manifest;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.Keys;
import io.beachdb.base.format.RecordReader;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.ReadableFile;
import io.beachdb.manifest.EditField.KeyOrder;
import io.beachdb.manifest.EditField.SnapshotEnd;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads the state of a database: CURRENT, the manifest that it leads to, and whether every file is there that the manifest
 * names. Changes nothing.
 */
public final class ManifestReader {
    private enum State {
        SNAPSHOT,
        EDITS,
        ENDED
    }

    // Set once.
    private final String path; // of the manifest, for messages
    private final FieldDecoder decoder;

    private final VersionBuilder builder = new VersionBuilder(Version.empty());
    private State state = State.SNAPSHOT;
    private boolean first = true;
    private boolean orderKnown;
    private long recordOffset;
    private long edits;

    /** Makes one that judges a manifest's records by themselves: whether the files are there that they name, it does not ask. */
    ManifestReader(String path) {
        this.path = path;
        this.decoder = new FieldDecoder(path);
    }

    /**
     * Reads it.
     *
     * @param account what the buffers are charged to
     * @return null if there is no database here: no CURRENT, and no more than what an interrupted creation leaves
     * @throws CorruptionException if a file is damaged, missing, or of another database
     * @throws UnsupportedFormatException if a newer BeachDB wrote what this one may not pass over
     */
    public static @Nullable RecoveredManifest read(DurableDirectory directory, MemoryAccount account) {
        return read(directory, account, problem -> {
            throw problem;
        });
    }

    /**
     * As {@link #read(DurableDirectory, MemoryAccount)}, for tools that go on without what is missing.
     *
     * @param missing hears of each table, and the oldest log, that is named and not there
     */
    public static @Nullable RecoveredManifest read(
            DurableDirectory directory, MemoryAccount account, Consumer<CorruptionException> missing) {
        List<String> names = directory.list();
        if (!names.contains(FileName.CURRENT)) {
            checkNoneWithoutCurrent(directory, names);
            return null;
        }
        FileHeader current = CurrentFile.read(directory, account);
        String manifest = FileName.manifest(current.fileNumber());
        if (!names.contains(manifest)) {
            throw new CorruptionException(
                    directory.pathOf(FileName.CURRENT),
                    -1,
                    "names " + directory.pathOf(manifest) + ", which is not there. "
                            + CorruptionException.RESTORE_DIRECTORY);
        }
        try (ReadableFile file = directory.open(manifest)) {
            FileHeader header = CurrentFile.readHeader(file, ManifestFormat.MANIFEST_MAGIC, account);
            header.checkIdentity(file.path(), 0, current.databaseId(), current.fileNumber());
            return new ManifestReader(file.path()).replay(directory, file, header, account, names, missing);
        }
    }

    /**
     * Logs and tables are made only after CURRENT is on disk, so with them, but without CURRENT, this is a database that lost
     * it. Anything else (LOCK, OPTIONS, a manifest whole or in part, temporary files) is what a cut during the creation may
     * leave, and holds nothing.
     *
     * @throws CorruptionException if it is such a database
     */
    public static void checkNoneWithoutCurrent(DurableDirectory directory, List<String> names) {
        if (names.contains(FileName.CURRENT)) {
            return;
        }
        for (String name : names) {
            FileName parsed = FileName.parse(name);
            if (parsed != null && (parsed.kind() == FileName.Kind.LOG || parsed.kind() == FileName.Kind.TABLE)) {
                throw new CorruptionException(
                        directory.pathOf(FileName.CURRENT),
                        -1,
                        "it is missing, and " + name + " is there: this is a database without the file that names its"
                                + " manifest. " + CorruptionException.RESTORE_DIRECTORY
                                + " If it was being destroyed, destroy it again.");
            }
        }
    }

    private RecoveredManifest replay(
            DurableDirectory directory,
            ReadableFile file,
            FileHeader header,
            MemoryAccount account,
            List<String> names,
            Consumer<CorruptionException> missing) {
        try (RecordReader records = new RecordReader(
                new FileSource(file), header, ManifestFormat.MAX_RECORD_BYTES, account, MemoryUse.SCRATCH)) {
            while (records.next()) {
                take(records);
            }
            RecordReader.End end = records.end();
            Version version = finish(end, file.size());
            checkFiles(directory, version, new HashSet<>(names), missing);
            return new RecoveredManifest(
                    header.databaseId(),
                    header.fileNumber(),
                    version,
                    edits,
                    end.offset(),
                    describe(end, file.size()),
                    names);
        }
    }

    /**
     * Returns what all records taken come to.
     *
     * @param end where they end
     * @throws CorruptionException if that is not where a manifest may end, or they do not fit together
     */
    Version finish(RecordReader.End end, long fileBytes) {
        recordOffset = end.offset();
        if (state == State.SNAPSHOT) {
            throw damage("the snapshot that the file begins with ends here and is not whole (" + end.detail() + ")");
        }
        if (state == State.ENDED && end.offset() < fileBytes) {
            throw damage("the file was closed here, and " + (fileBytes - end.offset()) + " bytes follow");
        }
        try {
            return builder.build();
        } catch (BrokenInvariant e) {
            throw damage(e.text());
        }
    }

    private static String describe(RecordReader.End end, long size) {
        return end.reason() == RecordReader.Reason.FILE_END
                ? end.detail()
                : "torn tail of " + (size - end.offset()) + " bytes: " + end.detail();
    }

    /**
     * Takes the next record.
     *
     * @throws CorruptionException if it may not stand there
     * @throws UnsupportedFormatException if a newer BeachDB wrote it
     */
    void take(RecordReader records) {
        try {
            takeRecord(records);
        } catch (BrokenInvariant e) {
            throw damage(e.text());
        }
    }

    private void takeRecord(RecordReader records) {
        recordOffset = records.recordOffset();
        int kind = Bytes.getU8(records.payloadMemory(), records.payloadOffset());
        if (records.sequence() != 0) {
            throw damage("the record's sequence is " + records.sequence() + ", a manifest's are 0");
        }
        if (first && records.ordinal() != 1) {
            throw damage("the first record has ordinal " + records.ordinal() + ", expected 1");
        }
        switch (kind) {
            case ManifestFormat.SNAPSHOT -> checkState(State.SNAPSHOT, "a part of a snapshot");
            case ManifestFormat.EDIT -> {
                checkState(State.EDITS, "an edit");
                edits++;
            }
            case ManifestFormat.END -> {
                checkState(State.EDITS, "the end record");
                state = State.ENDED;
            }
            default ->
                throw new UnsupportedFormatException(
                        path,
                        "the record at offset " + recordOffset + " is of kind " + kind
                                + ", which this library does not know. Open the database with a newer BeachDB.");
        }
        builder.beginEdit();
        decoder.decode(
                records.payloadMemory(),
                records.payloadOffset(),
                records.payloadLength(),
                recordOffset,
                (at, field) -> takeField(field));
        if (first && !orderKnown) {
            throw damage("the first record does not name the key order");
        }
        first = false;
    }

    private void checkState(State expected, String what) {
        if (state != expected) {
            throw damage(what + " stands "
                    + switch (state) {
                        case SNAPSHOT -> "inside the snapshot";
                        case EDITS -> "behind the snapshot's end";
                        case ENDED -> "behind the end record";
                    });
        }
    }

    private void takeField(EditField field) {
        if (state == State.ENDED) {
            throw damage("the end record has a field");
        }
        switch (field) {
            case KeyOrder(String order) -> takeOrder(order);
            case SnapshotEnd(long tables) -> {
                if (state != State.SNAPSHOT) {
                    throw damage("an edit ends a snapshot");
                }
                if (tables != builder.tableCount()) {
                    throw damage(
                            "the snapshot ends with " + builder.tableCount() + " tables, it should have " + tables);
                }
                state = State.EDITS;
            }
            default -> builder.take(field); // everything else changes the version
        }
    }

    private void takeOrder(String order) {
        if (!first) {
            throw damage("the key order is named again");
        }
        if (!order.equals(Keys.ORDER_NAME)) {
            throw new UnsupportedFormatException(
                    path,
                    "its keys are in the order '" + order + "', this library knows only '" + Keys.ORDER_NAME
                            + "'. Open the database with a BeachDB that has that order.");
        }
        orderKnown = true;
    }

    private void checkFiles(
            DurableDirectory directory, Version version, Set<String> there, Consumer<CorruptionException> missing) {
        for (int level = 0; level < Version.LEVELS; level++) {
            for (LiveTable table : version.tables(level)) {
                String file = FileName.table(table.number());
                if (!there.contains(file)) {
                    missing.accept(missing(
                            directory.pathOf(file), "a table of level " + level, CorruptionException.RESTORE_TABLE));
                }
            }
        }
        String oldestLog = FileName.log(version.oldestLog());
        if (version.oldestLogExists() && !there.contains(oldestLog)) {
            missing.accept(missing(
                    directory.pathOf(oldestLog), "the oldest log needed", CorruptionException.RESTORE_DIRECTORY));
        }
    }

    private CorruptionException missing(String file, String what, String remedy) {
        return new CorruptionException(file, -1, path + " names it as " + what + ", and it is not there. " + remedy);
    }

    private CorruptionException damage(String detail) {
        return new CorruptionException(path, recordOffset, detail + ". " + CorruptionException.RESTORE_DIRECTORY);
    }
}
