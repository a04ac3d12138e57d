package io.beachdb.cli;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A crash worker in a JVM of its own, whose output is taken to a file, and which is killed when the moment has come. */
final class CrashChild {
    /** Nothing that a worker does takes so long; a machine that is busy beyond measure apart. */
    private static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(180);

    private static final long LOOK_MILLIS = 100;
    private static final int KILLED = 128 + 9;

    private final Path output;
    private final Path errors;
    private final Path threads;
    private final Moment moment;
    private final Process process;

    // Written by the thread that takes the output, read by the one that watches.
    private volatile long lastOutputNanos = System.nanoTime();
    private volatile long clockStartNanos;
    private volatile boolean stuck;

    /** What a child is watched for. */
    enum Since {
        /** Counts acknowledged operations. */
        ACKNOWLEDGEMENTS,
        /** Milliseconds since the first acknowledgement, so that there is one. */
        FIRST_ACKNOWLEDGEMENT,
        /** Milliseconds since the first output, which is just before the database is opened. */
        OPENING
    }

    /** When it is killed: how many of what, since when. */
    record Moment(Since since, int count) {
        @Override
        public String toString() {
            return switch (since) {
                case ACKNOWLEDGEMENTS -> "among its writes"; // how many had been acknowledged stands beside
                case FIRST_ACKNOWLEDGEMENT -> "in its work, after " + count + " ms";
                case OPENING -> "in its opening or soon after, " + count + " ms";
            };
        }

        private boolean byClock() {
            return since != Since.ACKNOWLEDGEMENTS;
        }
    }

    private CrashChild(Path directory, Path output, Moment moment, List<String> arguments) throws IOException {
        this.output = output;
        this.errors = directory.resolve("worker.err");
        this.threads = directory.resolve("worker.threads");
        this.moment = moment;
        // What a killed JVM leaves, the library of lz4-java for one, is to stay within the directory, and not to pile
        // up.
        Path temporary = directory.resolve("worker.tmp");
        FileTrees.delete(temporary);
        Files.createDirectory(temporary);
        this.process = new ProcessBuilder(
                        ChildJvm.beach(List.of("-Xmx512m", "-Djava.io.tmpdir=" + temporary), arguments))
                .redirectError(errors.toFile())
                .start();
    }

    /**
     * Runs one.
     *
     * @param directory where its error output goes
     * @param output where its output goes
     * @param arguments of the {@code beach} command
     * @return whether it came to its end before it was killed
     * @throws CommandFailure if it failed, or got stuck
     */
    static boolean run(Path directory, Path output, Moment moment, List<String> arguments)
            throws IOException, InterruptedException {
        return new CrashChild(directory, output, moment, arguments).run();
    }

    private boolean run() throws IOException, InterruptedException {
        Thread watcher = Thread.ofPlatform().daemon().name("crash-watcher").start(this::watch);
        try (InputStream in = process.getInputStream();
                OutputStream file = new BufferedOutputStream(Files.newOutputStream(output))) {
            take(in, file);
        } finally {
            kill();
        }
        int exit = process.waitFor();
        watcher.join();
        if (stuck) {
            throw new CommandFailure("the crash worker did nothing for " + TimeUnit.NANOSECONDS.toSeconds(STUCK_NANOS)
                    + " s; where its threads stood is in " + threads + ", its output in " + output);
        }
        if (exit != 0 && exit != KILLED) {
            throw new CommandFailure("the crash worker failed with exit code " + exit + ": "
                    + Files.readString(errors).strip());
        }
        return exit == 0;
    }

    /** Takes the output to its end; what was printed before a kill counts. */
    private void take(InputStream in, OutputStream file) throws IOException {
        int acknowledgements = 0;
        boolean lineStart = true;
        byte[] buffer = new byte[1 << 13];
        for (int length = in.read(buffer); length > 0; length = in.read(buffer)) {
            lastOutputNanos = System.nanoTime();
            if (clockStartNanos == 0 && moment.since == Since.OPENING) {
                clockStartNanos = lastOutputNanos;
            }
            file.write(buffer, 0, length);
            for (int i = 0; i < length; i++) {
                if (lineStart && buffer[i] == 'A') {
                    acknowledged(++acknowledgements);
                }
                lineStart = buffer[i] == '\n';
            }
        }
    }

    private void acknowledged(int acknowledgements) {
        if (moment.since == Since.ACKNOWLEDGEMENTS && acknowledgements == moment.count) {
            kill();
        } else if (moment.since == Since.FIRST_ACKNOWLEDGEMENT && acknowledgements == 1) {
            clockStartNanos = lastOutputNanos;
        }
    }

    /** Kills by the clock, and what is stuck, also before the clock starts. Ends with the child. */
    private void watch() {
        try {
            while (!process.waitFor(nextLookMillis(), TimeUnit.MILLISECONDS)) {
                long now = System.nanoTime();
                if (clockStartNanos != 0 && millisToMoment(now) <= 0) {
                    kill();
                } else if (now - lastOutputNanos > STUCK_NANOS) {
                    stuck = true;
                    dumpThreads();
                    kill();
                }
            }
        } catch (InterruptedException nobodyInterruptsIt) {
            Thread.currentThread().interrupt();
        }
    }

    private long nextLookMillis() {
        return clockStartNanos != 0
                ? Math.clamp(millisToMoment(System.nanoTime()), 1, LOOK_MILLIS)
                : moment.byClock() ? 1 : LOOK_MILLIS;
    }

    private long millisToMoment(long now) {
        return moment.count - TimeUnit.NANOSECONDS.toMillis(now - clockStartNanos);
    }

    private void dumpThreads() throws InterruptedException {
        String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
        try {
            new ProcessBuilder(jcmd, String.valueOf(process.pid()), "Thread.print", "-l")
                    .redirectErrorStream(true)
                    .redirectOutput(threads.toFile())
                    .start()
                    .waitFor(20, TimeUnit.SECONDS);
        } catch (IOException e) {
            throw new CommandFailure("the crash worker got stuck, and jcmd does not run: " + Errors.reason(e), e);
        }
    }

    /** SIGKILL. By the handle, because the process object would also close the pipe, and what is in it counts. */
    private void kill() {
        process.toHandle().destroyForcibly();
    }
}
