package io.beachdb.manifest;

import io.beachdb.base.BeachException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.Escapes;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.base.format.RecordReader;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.ReadableFile;
import io.beachdb.manifest.EditField.AddedTable;
import io.beachdb.manifest.EditField.DroppedTable;
import io.beachdb.manifest.EditField.KeyOrder;
import io.beachdb.manifest.EditField.LastSequence;
import io.beachdb.manifest.EditField.MovedTable;
import io.beachdb.manifest.EditField.NextFileNumber;
import io.beachdb.manifest.EditField.OldestLog;
import io.beachdb.manifest.EditField.SnapshotEnd;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/**
 * Shows a MANIFEST or CURRENT to people, one field a line, with offsets. Damage is shown where it is, and what can still be
 * read behind it too: damage is what {@link ManifestReader} calls so, but that files are missing is not asked here.
 */
public final class ManifestDump {
    private static final int SHOWN_KEY_BYTES = 256;

    private final Consumer<String> lines;
    private boolean whole = true;

    private ManifestDump(Consumer<String> lines) {
        this.lines = lines;
    }

    /**
     * Shows a file.
     *
     * @param directory may be open read-only
     * @param name {@code CURRENT} or a manifest's
     * @param lines takes the text, line by line
     * @return whether no damage was met; a torn tail is none
     */
    public static boolean dump(DurableDirectory directory, String name, MemoryAccount account, Consumer<String> lines) {
        ManifestDump dump = new ManifestDump(lines);
        try (ReadableFile file = directory.open(name)) {
            lines.accept(name + ", " + file.size() + " bytes");
            if (name.equals(FileName.CURRENT)) {
                dump.current(directory, file, account);
            } else {
                dump.manifest(file, account);
            }
        }
        return dump.whole;
    }

    private void current(DurableDirectory directory, ReadableFile file, MemoryAccount account) {
        try {
            FileHeader header = CurrentFile.readHeader(file, ManifestFormat.CURRENT_MAGIC, account);
            header(header);
            line("48", "leads to", FileName.manifest(header.fileNumber()));
            CurrentFile.read(directory, account);
        } catch (BeachException e) {
            damage("0", e);
        }
    }

    private void manifest(ReadableFile file, MemoryAccount account) {
        FileHeader header;
        try {
            header = CurrentFile.readHeader(file, ManifestFormat.MANIFEST_MAGIC, account);
        } catch (BeachException e) {
            // Without the header no fragment can be told from garbage: their checksums build on its.
            damage("0", e);
            return;
        }
        header(header);
        checkName(file.name(), header);
        FieldDecoder decoder = new FieldDecoder(file.path());
        ManifestReader judge = new ManifestReader(file.path());
        try (RecordReader records = new RecordReader(
                new FileSource(file), header, ManifestFormat.MAX_RECORD_BYTES, account, MemoryUse.SCRATCH)) {
            while (next(records)) {
                record(records, decoder);
                judge(records.recordOffset(), () -> judge.take(records));
            }
            RecordReader.End end = records.end();
            if (!judge(end.offset(), () -> judge.finish(end, file.size()))) {
                return;
            }
            boolean torn = end.reason() != RecordReader.Reason.FILE_END;
            line(
                    String.valueOf(end.offset()),
                    torn ? "TORN TAIL" : "end",
                    torn ? file.size() - end.offset() + " bytes: " + end.detail() : end.detail());
        }
    }

    private void checkName(String name, FileHeader header) {
        FileName parsed = FileName.parse(name);
        try {
            header.checkIdentity(name, 0, header.databaseId(), parsed == null ? header.fileNumber() : parsed.number());
        } catch (CorruptionException e) {
            damage("0", e);
        }
    }

    /** Shows what {@code judgement} finds; not behind damage, since what is missing there makes it worthless. */
    private boolean judge(long offset, Runnable judgement) {
        if (!whole) {
            return true;
        }
        try {
            judgement.run();
            return true;
        } catch (BeachException e) {
            damage(String.valueOf(offset), e);
            return false;
        }
    }

    /** Goes to the next record that can be read, past damage. */
    private boolean next(RecordReader records) {
        while (true) {
            try {
                return records.next();
            } catch (CorruptionException e) {
                damage(String.valueOf(e.offset()), e);
            }
        }
    }

    private void record(RecordReader records, FieldDecoder decoder) {
        long offset = records.recordOffset();
        int kind = Bytes.getU8(records.payloadMemory(), records.payloadOffset());
        line(
                String.valueOf(offset),
                kindName(kind),
                "ordinal " + records.ordinal() + ", " + records.payloadLength() + " bytes, " + records.syncedOffset()
                        + " bytes were synced");
        try {
            decoder.decode(
                    records.payloadMemory(),
                    records.payloadOffset(),
                    records.payloadLength(),
                    offset,
                    new FieldDecoder.Sink() {
                        @Override
                        public void field(long at, EditField field) {
                            show(offset + "+" + at, field);
                        }

                        @Override
                        public void skipped(long at, long tag, long length) {
                            line(offset + "+" + at, "tag " + tag, length + " bytes, not known, may be skipped");
                        }
                    });
        } catch (BeachException e) {
            damage(String.valueOf(offset), e);
        }
    }

    private static String kindName(int kind) {
        return switch (kind) {
            case ManifestFormat.SNAPSHOT -> "SNAPSHOT";
            case ManifestFormat.EDIT -> "EDIT";
            case ManifestFormat.END -> "END";
            default -> "KIND " + kind;
        };
    }

    private void show(String at, EditField field) {
        switch (field) {
            case KeyOrder(String name) -> line(at, "  key order", name);
            case OldestLog(long number, boolean exists) ->
                line(at, "  oldest log", number + (exists ? "" : " (none below it is needed)"));
            case NextFileNumber(long number) -> line(at, "  next file number", String.valueOf(number));
            case LastSequence(long sequence) -> line(at, "  last sequence", String.valueOf(sequence));
            case AddedTable(int level, TableEntry entry) -> line(at, "  add", table(level, entry));
            case DroppedTable(int level, long number) ->
                line(at, "  drop", "level " + level + ", " + FileName.table(number));
            case MovedTable(int from, int to, long number) ->
                line(at, "  move", "level " + from + " to " + to + ", " + FileName.table(number));
            case SnapshotEnd(long tables) -> line(at, "  snapshot end", tables + " tables");
        }
    }

    private static String table(int level, TableEntry entry) {
        return "level " + level + ", " + FileName.table(entry.number()) + ", " + entry.fileBytes() + " bytes, "
                + entry.entries() + " entries, " + entry.tombstones() + " tombstones, " + entry.rawBytes()
                + " raw bytes, "
                + (entry.shadowedBytes() == 0 ? "" : entry.shadowedBytes() + " of them shadowed, ") + "sequences "
                + entry.smallestSequence() + " to " + entry.largestSequence() + ", made "
                + java.time.Instant.ofEpochMilli(entry.createdMillis()) + ", [" + key(entry.smallest()) + " .. "
                + key(entry.largest()) + "]";
    }

    /** As the dump of a table shows it. */
    private static String key(InternalKey key) {
        byte[] userKey = key.bytes();
        return '"' + Escapes.escape(MemorySegment.ofArray(userKey), 0, userKey.length, SHOWN_KEY_BYTES) + "\" @"
                + InternalKeys.sequence(key.trailer()) + " " + InternalKeys.kindName(InternalKeys.kind(key.trailer()));
    }

    private void header(FileHeader header) {
        line(
                "0",
                "header",
                header.magic() + " version " + header.version() + ", database " + header.databaseId() + ", number "
                        + header.fileNumber() + ", features 0x" + Long.toHexString(header.requiredFeatures()) + "/0x"
                        + Long.toHexString(header.ignorableFeatures()));
    }

    private void damage(String at, BeachException e) {
        whole = false;
        line(at, "DAMAGE", String.valueOf(e.getMessage()));
    }

    private void line(String at, String what, String detail) {
        lines.accept(String.format("%-12s %-18s %s", at, what, detail));
    }
}
