package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.DatabaseStats;
import io.beachdb.Durability;
import io.beachdb.MemoryReport;
import io.beachdb.Range;
import io.beachdb.Reader;
import io.beachdb.Snapshot;
import io.beachdb.base.format.Escapes;
import io.beachdb.cli.CrashRounds.Round;
import io.beachdb.cli.JdkFiles.JdkFile;
import io.beachdb.dbtestkit.CrashProfile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** The main job on real data, step by step; each step checks what it sees, and the first difference ends it. */
final class Demo {
    /** Overwritten under a snapshot. */
    private static final String OVERWRITTEN_MODULE = "java.base";

    /** Deleted under a snapshot; not in every JDK, and then nothing is. */
    private static final String DELETED_MODULE = "java.desktop";

    private static final long SYNCED_NANOS = 2_000_000_000L;

    private final Terminal terminal;
    private final Output out;
    private final boolean text;
    private final Path directory;
    private final Map<String, Object> figures = new LinkedHashMap<>();
    private final long began = System.nanoTime();
    private int step;

    /**
     * @param text whether to tell the story; if not, only the figures are gathered
     * @param directory empty, for everything that is made
     */
    Demo(Terminal terminal, Output out, boolean text, Path directory) {
        this.terminal = terminal;
        this.out = out;
        this.text = text;
        this.directory = directory;
    }

    /** What a file's value is after the overwriting; null for absent. */
    private static final class Changed implements Function<JdkFile, byte @Nullable []> {
        @Override
        public byte @Nullable [] apply(JdkFile file) {
            if (file.name().startsWith(JdkFiles.prefix(DELETED_MODULE))) {
                return null;
            }
            return file.name().startsWith(JdkFiles.prefix(OVERWRITTEN_MODULE)) ? newValue(file) : file.content();
        }
    }

    private static byte[] newValue(JdkFile file) {
        return ("written over " + file.name()).getBytes(StandardCharsets.UTF_8);
    }

    /** @param most how many files are enough */
    Map<String, Object> run(int most) throws IOException, InterruptedException {
        JdkFiles files = new JdkFiles(most);
        Path path = directory.resolve("db");
        try (BeachDB db = BeachDB.open(path)) {
            say("The files of this JDK, in a database in " + db.directory());
            load(db, files);
            readBack(db, files);
            scan(db, files);
            changeUnderSnapshot(db, files);
            figures(db, files);
        }
        reopen(path, files);
        crash();
        figures.put("seconds", (System.nanoTime() - began) / 1e9);
        say();
        say("All as it should be, in " + Units.duration(System.nanoTime() - began) + ".");
        return figures;
    }

    private void load(BeachDB db, JdkFiles files) {
        step("Load");
        BatchLoader loader = new BatchLoader(db);
        long nanos;
        try (Progress progress = new Progress(terminal, "loading", files.all().size())) {
            for (JdkFile file : files.all()) {
                loader.put(file.key(), file.content());
                progress.at(loader.entries(), loader);
            }
            loader.finish();
            nanos = progress.nanos();
        }
        say(loader + " in " + Units.duration(nanos) + ": " + Units.perSecond(loader.entries(), nanos) + ", "
                + Units.bytesPerSecond(loader.bytes(), nanos) + "; all of it on disk");
        figures.put("files", loader.entries());
        figures.put("bytes", loader.bytes());
        figures.put("loadNanos", nanos);
    }

    private void readBack(BeachDB db, JdkFiles files) {
        step("Read everything back, key by key, and compare");
        Histogram latencies = new Histogram(3);
        long bytes = 0;
        long reading = 0;
        int done = 0;
        try (Progress progress = new Progress(terminal, "comparing", files.all().size())) {
            for (JdkFile file : files.all()) {
                long from = System.nanoTime();
                byte[] value = db.get(file.key());
                long nanos = System.nanoTime() - from;
                latencies.recordValue(nanos);
                reading += nanos;
                if (value == null || !Arrays.equals(value, file.content())) {
                    throw differs(file, value);
                }
                bytes += value.length;
                progress.at(++done, null);
            }
        }
        say(Units.count(done) + " values equal; " + Units.bytesPerSecond(bytes, reading) + ", get "
                + quantiles(latencies));
        figures.put("getNanos", quantileMap(latencies));
        figures.put("getBytesPerSecond", Math.round(bytes * 1e9 / reading));
    }

    private void scan(BeachDB db, JdkFiles files) {
        List<JdkFile> expected = files.ofModule(OVERWRITTEN_MODULE);
        String prefix = JdkFiles.prefix(OVERWRITTEN_MODULE);
        step("Scan the keys under " + prefix);
        for (boolean backwards : new boolean[] {false, true}) {
            List<JdkFile> order = backwards ? expected.reversed() : expected;
            long from = System.nanoTime();
            try (Cursor cursor = db.cursor(Range.prefix(prefix.getBytes(StandardCharsets.UTF_8)))) {
                compare(cursor, backwards, order, JdkFile::content);
            }
            long nanos = System.nanoTime() - from;
            String way = backwards ? "backwards" : "forwards";
            say(way + ": the " + Units.count(order.size()) + " files that were loaded, in order, in "
                    + Units.duration(nanos));
            figures.put(way + "Keys", order.size());
        }
    }

    private void changeUnderSnapshot(BeachDB db, JdkFiles files) {
        step("Take a snapshot, then overwrite, delete, flush and compact");
        List<JdkFile> overwritten = files.ofModule(OVERWRITTEN_MODULE);
        List<JdkFile> deleted = files.ofModule(DELETED_MODULE);
        long before;
        try (Snapshot snapshot = db.snapshot()) {
            overwrite(db, overwritten);
            for (JdkFile file : deleted) {
                db.delete(file.key(), Durability.LOGGED);
            }
            say(Units.count(overwritten.size()) + " values overwritten, " + Units.count(deleted.size())
                    + " keys deleted");
            db.flush();
            db.compact();
            compareAll(snapshot, files, JdkFile::content, "through the snapshot");
            say("through the snapshot: all " + Units.count(files.all().size()) + " files as they were");
            compareAll(db, files, new Changed(), "now");
            say("without it: " + Units.count(files.all().size() - deleted.size()) + " files, as changed");
            before = db.stats().tableBytes();
        }
        db.compact();
        long after = db.stats().tableBytes();
        say("snapshot closed, compacted again: tables take " + Units.bytes(after) + ", with the snapshot's data it was "
                + Units.bytes(before));
        figures.put("overwritten", overwritten.size());
        figures.put("deleted", deleted.size());
    }

    /** The first ones SYNCED, for as long as a person would wait, to see what that costs; then LOGGED. */
    private void overwrite(BeachDB db, List<JdkFile> files) {
        Histogram latencies = new Histogram(3);
        long from = System.nanoTime();
        for (JdkFile file : files) {
            long start = System.nanoTime();
            boolean synced = start - from < SYNCED_NANOS;
            db.put(file.key(), newValue(file), synced ? Durability.SYNCED : Durability.LOGGED);
            if (synced) {
                latencies.recordValue(System.nanoTime() - start);
            }
        }
        db.sync();
        say("put with SYNCED, each on disk when it returns, " + Units.count(latencies.getTotalCount()) + " times: "
                + quantiles(latencies));
        figures.put("syncedPutNanos", quantileMap(latencies));
    }

    private void compareAll(
            Reader reader, JdkFiles files, Function<JdkFile, byte @Nullable []> expected, String title) {
        try (Progress progress =
                        new Progress(terminal, "comparing " + title, files.all().size());
                Cursor cursor = reader.cursor()) {
            cursor.first();
            int done = 0;
            for (JdkFile file : files.all()) {
                byte[] value = expected.apply(file);
                if (value != null) {
                    checkAt(cursor, file, value);
                    cursor.next();
                } else {
                    check(reader.get(file.key()) == null, file.name() + " was deleted and is still there");
                }
                progress.at(++done, null);
            }
            check(!cursor.valid(), "there are keys that were never written");
        }
    }

    private static void compare(
            Cursor cursor, boolean backwards, List<JdkFile> order, Function<JdkFile, byte[]> expected) {
        if (backwards) {
            cursor.last();
        } else {
            cursor.first();
        }
        for (JdkFile file : order) {
            checkAt(cursor, file, expected.apply(file));
            if (backwards) {
                cursor.previous();
            } else {
                cursor.next();
            }
        }
        check(!cursor.valid(), "the scan goes on after the last key that was loaded");
    }

    private static void checkAt(Cursor cursor, JdkFile file, byte[] value) {
        check(cursor.valid(), "the scan ends before " + file.name());
        byte[] key = cursor.key().toArray(ValueLayout.JAVA_BYTE);
        check(
                Arrays.equals(key, file.key()),
                "the scan comes to " + Escapes.escape(key) + " where " + file.name() + " should be");
        MemorySegment found = cursor.value();
        if (found.mismatch(MemorySegment.ofArray(value)) >= 0) {
            throw differs(file, found.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    private static CommandFailure differs(JdkFile file, byte @Nullable [] value) {
        return difference(
                file.name() + (value == null ? " is lost" : " has another value (" + value.length + " bytes)"));
    }

    private static CommandFailure difference(String message) {
        return new CommandFailure("the demo found a difference: " + message);
    }

    private static void check(boolean good, String message) {
        if (!good) {
            throw difference(message);
        }
    }

    private void figures(BeachDB db, JdkFiles files) {
        step("Figures so far");
        db.awaitRest();
        DatabaseStats stats = db.stats();
        MemoryReport memory = db.memory();
        long live = liveBytes(files);
        if (text) {
            Figures.printLevels(out, stats);
            out.line();
            Figures.printWrites(out, stats);
            out.format(
                    "space amplification: %.2f (tables take %s, keys and values are %s)",
                    (double) stats.tableBytes() / live, Units.bytes(stats.tableBytes()), Units.bytes(live));
            out.line();
            Figures.printDurability(out, stats.durability());
            out.line();
            Figures.printMemory(out, memory);
            out.line("LZ4: " + stats.codec() + ", XXH3: " + stats.hashProvider());
        }
        figures.put("liveBytes", live);
        figures.put("spaceAmplification", (double) stats.tableBytes() / live);
        figures.put("stats", Figures.json(stats));
        figures.put("memory", Figures.json(memory));
    }

    private static long liveBytes(JdkFiles files) {
        long bytes = 0;
        Changed changed = new Changed();
        for (JdkFile file : files.all()) {
            byte[] value = changed.apply(file);
            bytes += value == null ? 0 : file.key().length + value.length;
        }
        return bytes;
    }

    private void reopen(Path path, JdkFiles files) {
        step("Close and open again");
        long from = System.nanoTime();
        try (BeachDB db = BeachDB.open(path)) {
            long nanos = System.nanoTime() - from;
            compareAll(db, files, new Changed(), "after opening");
            say("opened in " + Units.duration(nanos) + ": everything as it was left");
            figures.put("openNanos", nanos);
        }
    }

    private void crash() throws IOException, InterruptedException {
        step("Three times: a child JVM writes, is killed with SIGKILL, and the database is opened again");
        CrashRounds crash =
                new CrashRounds(Files.createDirectories(directory.resolve("crash")), began, CrashProfile.TINY);
        List<Object> rounds = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Round round = crash.playAmongWrites();
            if (text) {
                CrashRunCommand.print(out, round);
            }
            check(round.verdict().isGood(), String.join("; ", round.verdict().violations()));
            rounds.add(Map.of("acknowledged", round.acknowledged(), "lost", 0, "openNanos", round.openNanos()));
        }
        say("every acknowledged write is there with its value, batches are whole, and nothing else is there");
        figures.put("crashRounds", rounds);
    }

    private static String quantiles(Histogram latencies) {
        return "p50 " + Units.duration(latencies.getValueAtPercentile(50)) + ", p99 "
                + Units.duration(latencies.getValueAtPercentile(99)) + ", p99.9 "
                + Units.duration(latencies.getValueAtPercentile(99.9));
    }

    private static Map<String, Object> quantileMap(Histogram latencies) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (double percentile : new double[] {50, 90, 99, 99.9, 99.99}) {
            map.put(
                    "p" + Units.format("%s", percentile).replaceAll("\\.0$", ""),
                    latencies.getValueAtPercentile(percentile));
        }
        return map;
    }

    private void step(String title) {
        step++;
        say();
        say(step + ". " + title);
    }

    private void say() {
        say("");
    }

    private void say(String line) {
        if (text) {
            out.line(line).flush();
        }
    }
}
