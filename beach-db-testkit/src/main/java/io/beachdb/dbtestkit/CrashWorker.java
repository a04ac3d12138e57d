package io.beachdb.dbtestkit;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.WriteBatch;
import io.beachdb.dbtestkit.CrashOperation.Edit;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;

/**
 * Plays a {@link CrashWorkload} on a database and says, line by line, what has been acknowledged: the lines that
 * {@link CrashAcks} reads. The process is meant to be killed at any moment.
 *
 * <p>The caller runs {@link #runLane} for each lane, on a thread each.
 */
public final class CrashWorker {
    private final BeachDB db;
    private final CrashWorkload workload;
    private final Consumer<String> lines;
    private int run = -1;

    /** @param lines takes each line at once, from any thread: it must be out before the call returns */
    public CrashWorker(BeachDB db, CrashWorkload workload, Consumer<String> lines) {
        this.db = db;
        this.workload = workload;
        this.lines = lines;
    }

    /** Returns the first line, to be printed before the database is opened. */
    public static String header(CrashWorkload workload) {
        return "SEED " + workload.seed() + " OPS " + workload.count() + " PROFILE "
                + workload.profile().label();
    }

    /** Returns the last line, to be printed when the database is closed. */
    public static String footer() {
        return "DONE";
    }

    /**
     * Writes down what is there and what is to come.
     *
     * @throws IllegalStateException if the directory holds something that no crash run wrote
     */
    public void begin() {
        CrashState state = CrashState.read(db);
        if (!state.violations().isEmpty()) {
            throw new IllegalStateException("the database holds what no crash run wrote: "
                    + state.violations().getFirst() + ". Give the crash worker a directory of its own.");
        }
        CrashRunRecord record = new CrashRunRecord(
                state.runs().size(), workload.seed(), workload.count(), workload.profile(), state.keys());
        db.put(bytes(record.key()), record.encode(), Durability.SYNCED);
        run = record.run();
        lines.accept("RUN " + run);
    }

    /** Does what one lane does, from the first operation to the last. */
    public void runLane(int lane) {
        WriteBatch batch = new WriteBatch();
        for (CrashOperation operation : workload.operations(lane)) {
            run(lane, operation, batch);
            if (operation.isAcknowledged()) {
                lines.accept(workload.acknowledgement(run, lane, operation));
            } else if (operation.durability() == Durability.LOGGED) {
                lines.accept("LOGGED " + lane + " " + operation.index());
            }
        }
    }

    private void run(int lane, CrashOperation operation, WriteBatch batch) {
        List<Edit> edits = operation.edits();
        switch (operation.kind()) {
            case PUT ->
                db.put(
                        bytes(edits.getFirst().key()),
                        workload.value(run, lane, operation.index(), 0),
                        operation.durability());
            case DELETE -> db.delete(bytes(edits.getFirst().key()), operation.durability());
            case BATCH -> {
                batch.clear();
                for (int slot = 0; slot < edits.size(); slot++) {
                    byte[] key = bytes(edits.get(slot).key());
                    if (edits.get(slot).isPut()) {
                        batch.put(key, workload.value(run, lane, operation.index(), slot));
                    } else {
                        batch.delete(key);
                    }
                }
                db.write(batch, operation.durability());
            }
            case FLUSH -> db.flush();
            case SYNC -> db.sync();
            case COMPACT -> db.compact();
        }
    }

    private static byte[] bytes(String key) {
        return key.getBytes(StandardCharsets.US_ASCII);
    }
}
