package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.dbtestkit.CrashProfile;
import io.beachdb.dbtestkit.CrashWorker;
import io.beachdb.dbtestkit.CrashWorkload;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "worker",
        description = {
            "Write to a database until killed, or done: operations that follow from seed, count and profile.",
            "Prints a line 'ACK ...' for each SYNCED write when it has returned, at once, and DONE when all have ended and"
                    + " the database is closed. Keep the output: 'beach crash verify' judges by it."
        })
final class CrashWorkerCommand extends BeachCommand {
    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database; made if there is none.")
    private Path directory;

    @Option(names = "--seed", paramLabel = "S", required = true, description = "Seed of all that is done.")
    private long seed;

    @Option(names = "--ops", paramLabel = "N", required = true, description = "How many operations.")
    private int operations;

    @Option(
            names = "--profile",
            paramLabel = "P",
            defaultValue = "default",
            description =
                    "default, tiny (all sizes tiny), threads (several writers), rotation (a new log on almost every write),"
                            + " compaction (all the time). Default: ${DEFAULT-VALUE}.")
    private CrashProfile profile;

    CrashWorkerCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output unused) throws InterruptedException {
        if (operations < 0 || operations > CrashWorkload.MAX_OPERATIONS) {
            throw new UsageException("--ops is " + operations + ", allowed 0 to " + CrashWorkload.MAX_OPERATIONS);
        }
        CrashWorkload workload = new CrashWorkload(seed, operations, profile);
        print(CrashWorker.header(workload));
        try (BeachDB db = BeachDB.open(directory, workload.profile().options())) {
            CrashWorker worker = new CrashWorker(db, workload, this::print);
            worker.begin();
            runLanes(worker, workload.lanes());
        }
        print(CrashWorker.footer());
        return 0;
    }

    private static void runLanes(CrashWorker worker, int lanes) throws InterruptedException {
        try (ExecutorService threads = Executors.newFixedThreadPool(lanes)) {
            List<Future<?>> running = new ArrayList<>();
            for (int lane = 0; lane < lanes; lane++) {
                int mine = lane;
                running.add(threads.submit(() -> worker.runLane(mine)));
            }
            for (Future<?> lane : running) {
                lane.get();
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new AssertionError("a lane ended with an error", e.getCause());
        }
    }

    /** A line is out, down to the operating system, when this returns: a kill takes nothing back. */
    private synchronized void print(String line) {
        try {
            OutputStream out = terminal.out();
            out.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
