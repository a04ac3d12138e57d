package io.beachdb.manifest;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.format.Bytes;
import io.beachdb.base.format.Checksum;
import io.beachdb.base.format.FileHeader;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.Keys;
import io.beachdb.base.format.RecordFramer;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableLog;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.SyncedTo;
import io.beachdb.manifest.EditField.AddedTable;
import io.beachdb.manifest.EditField.KeyOrder;
import io.beachdb.manifest.EditField.LastSequence;
import io.beachdb.manifest.EditField.NextFileNumber;
import io.beachdb.manifest.EditField.OldestLog;
import io.beachdb.manifest.EditField.SnapshotEnd;
import java.util.ArrayList;
import java.util.List;

/** One MANIFEST file being written: encodes records, frames them, brings them to the file. One task at a time. */
final class ManifestLog implements AutoCloseable {
    private static final int FRAME_BYTES = 64 << 10;

    private final DurableLog log;
    private final long number;
    private final MemoryAccount account;
    private final RecordFramer framer;
    private long size = FileHeader.BYTES;
    private long syncedBytes = FileHeader.BYTES;
    private long ordinal = 1;

    private ManifestLog(DurableLog log, FileHeader header, MemoryAccount account) {
        this.log = log;
        this.number = header.fileNumber();
        this.account = account;
        this.framer = new RecordFramer(header);
    }

    /** Makes the file; header and name are on disk when it returns. */
    static ManifestLog create(DurableDirectory directory, FileHeader header, MemoryAccount account) {
        NativeBlock block = account.acquire(MemoryUse.SCRATCH, FileHeader.BYTES);
        try {
            header.write(block.memory(), 0);
            DurableLog log = directory.createLog(
                    FileName.manifest(header.fileNumber()),
                    block.memory(),
                    FileHeader.BYTES,
                    0,
                    SyncSite.MANIFEST_CREATE);
            return new ManifestLog(log, header, account);
        } finally {
            account.release(MemoryUse.SCRATCH, block);
        }
    }

    long number() {
        return number;
    }

    /** Returns how many bytes have been written. */
    long size() {
        return size;
    }

    /** Writes a whole version, in as many records as it takes. */
    void appendSnapshot(Version version) {
        List<EditField> part = new ArrayList<>();
        part.add(new KeyOrder(Keys.ORDER_NAME));
        part.add(new OldestLog(version.oldestLog(), version.oldestLogExists()));
        part.add(new NextFileNumber(version.nextFileNumber()));
        part.add(new LastSequence(version.lastSequence()));
        long partBytes = 0;
        for (int level = 0; level < Version.LEVELS; level++) {
            for (LiveTable table : version.tables(level)) {
                EditField field = new AddedTable(level, table.entry());
                partBytes += FieldEncoder.length(field);
                part.add(field);
                if (partBytes >= ManifestFormat.SNAPSHOT_PART_BYTES) {
                    append(ManifestFormat.SNAPSHOT, part);
                    part.clear();
                    partBytes = 0;
                }
            }
        }
        part.add(new SnapshotEnd(version.tableCount()));
        append(ManifestFormat.SNAPSHOT, part);
    }

    /** Returns how many bytes a record of these fields has; refuses one that is larger than a reader takes. */
    static long recordLength(List<EditField> fields) {
        long length = 1;
        for (EditField field : fields) {
            length += FieldEncoder.length(field);
        }
        if (length > ManifestFormat.MAX_RECORD_BYTES) {
            throw new IllegalArgumentException("the edit takes " + length + " bytes, allowed 1 to "
                    + ManifestFormat.MAX_RECORD_BYTES + ": change fewer tables at a time");
        }
        return length;
    }

    /** Writes one record. Not a sync. */
    void append(int kind, List<EditField> fields) {
        long length = recordLength(fields);
        NativeBlock payload = account.acquire(MemoryUse.SCRATCH, length);
        try {
            Bytes.putU8(payload.memory(), 0, kind);
            long at = 1;
            for (EditField field : fields) {
                at = FieldEncoder.put(payload.memory(), at, field);
            }
            if (at != length) {
                throw new AssertionError("a record of " + length + " bytes was encoded in " + at);
            }
            write(payload, length);
        } finally {
            account.release(MemoryUse.SCRATCH, payload);
        }
    }

    private void write(NativeBlock payload, long length) {
        NativeBlock frame = account.acquire(MemoryUse.SCRATCH, FRAME_BYTES);
        try {
            int checksum = Checksum.crc32c(payload.memory(), 0, length);
            framer.begin(payload.memory(), 0, length, checksum, ordinal, syncedBytes, 0);
            while (framer.unfinished()) {
                int framed = framer.appendPart(frame, 0, FRAME_BYTES, size);
                log.write(size, frame.memory(), 0, framed);
                size += framed;
            }
            ordinal++;
        } finally {
            account.release(MemoryUse.SCRATCH, frame);
        }
    }

    /** Syncs everything written so far. */
    SyncedTo sync(SyncSite site) {
        SyncedTo synced = log.sync(size, site);
        syncedBytes = size;
        return synced;
    }

    @Override
    public void close() {
        log.close();
    }
}
