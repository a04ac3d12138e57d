package io.beachdb.dbtestkit.strace;

import io.beachdb.BeachDB;
import io.beachdb.DatabaseListener;
import io.beachdb.Durability;
import io.beachdb.Options;
import io.beachdb.Seams;
import io.beachdb.base.RandomSource;
import io.beachdb.base.Scheduler;
import io.beachdb.durability.DurabilityEvent;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** The program under strace: lives of a database in which everything happens to files. Writes down what the seam saw. */
final class TracedWorker {
    static final String RECEIPTS = "receipts ";

    private final Path root;
    private final RecordingVfs vfs = new RecordingVfs();
    private final AtomicInteger syncs = new AtomicInteger();

    private TracedWorker(Path root) {
        this.root = root;
    }

    /** @param arguments where to work, where the record goes, and whether to make the two mistakes */
    public static void main(String[] arguments) throws IOException {
        TracedWorker worker = new TracedWorker(Path.of(arguments[0]));
        worker.work(Boolean.parseBoolean(arguments[2]));
        List<String> record = new ArrayList<>();
        record.add(RECEIPTS + worker.syncs);
        worker.vfs.calls().forEach(call -> record.add(call.toLine()));
        Files.write(Path.of(arguments[1]), record);
    }

    private Options options() {
        return Options.builder()
                .memoryBytes(16L << 20)
                .writeBufferBytes(64 << 10)
                .targetTableBytes(32 << 10)
                .manifestBytes(4 << 10)
                .level0CompactionTables(2)
                .baseLevelBytes(64 << 10)
                .listener(new DatabaseListener() {
                    @Override
                    public void onFileEvent(DurabilityEvent event) {
                        if (event.kind() == DurabilityEvent.Kind.SYNC_FILE
                                || event.kind() == DurabilityEvent.Kind.SYNC_DIRECTORY) {
                            syncs.incrementAndGet();
                        }
                    }
                })
                .seams(new Seams(vfs, Scheduler.system(), RandomSource.seeded(1)))
                .build();
    }

    private void work(boolean mistaken) throws IOException {
        Path directory = root.resolve("made").resolve("db");
        Path copy = root.resolve("made").resolve("copy");
        for (int life = 0; life < 2; life++) {
            try (BeachDB db = BeachDB.open(directory, options())) {
                for (int i = 0; i < 60; i++) {
                    write(db, i);
                }
                db.compact();
                if (life == 0) {
                    db.checkpoint(copy);
                }
                if (life == 0 && mistaken) {
                    Files.writeString(directory.resolve("past-the-seam"), "hello");
                    vfs.leaveOutSync(3);
                }
            }
        }
        BeachDB.destroy(copy, options());
    }

    private static void write(BeachDB db, int i) {
        byte[] key = ("key " + i % 20).getBytes(StandardCharsets.UTF_8);
        byte[] value = new byte[i % 7 == 0 ? 70_000 : 3_000]; // past and within what a caller's thread writes itself
        Arrays.fill(value, (byte) i);
        db.put(key, value, i % 3 == 0 ? Durability.LOGGED : i % 10 == 9 ? Durability.UNLOGGED : Durability.SYNCED);
        if (i % 15 == 14) {
            db.flush();
        }
    }
}
