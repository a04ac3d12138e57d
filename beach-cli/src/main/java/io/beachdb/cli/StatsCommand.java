package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.DatabaseStats;
import io.beachdb.DatabaseStats.Level;
import io.beachdb.base.format.FileName;
import io.beachdb.durability.Syncability;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "stats",
        description =
                "Print the shape of a database: its files, tables by level, memory that an open one takes. Opens it"
                        + " for reading only.")
final class StatsCommand extends BeachCommand {
    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database.")
    private Path directory;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    StatsCommand(Terminal terminal) {
        super(terminal);
    }

    /** Files of one kind. */
    private record KindOfFile(int count, long bytes) {
        KindOfFile plus(long more) {
            return new KindOfFile(count + 1, bytes + more);
        }
    }

    @Override
    int run(Output out) throws IOException {
        try (BeachDB db = Databases.openReadOnly(directory)) {
            Map<FileName.Kind, KindOfFile> files = files(db.directory(), Figures.total(db.stats()));
            if (json) {
                out.line(Json.write(json(db, files)));
            } else {
                print(out, db, files);
            }
        }
        return 0;
    }

    /** Of tables those that count, as the levels have them: others may lie there that the next opening for writing deletes. */
    private static Map<FileName.Kind, KindOfFile> files(Path directory, Level tables) throws IOException {
        Map<FileName.Kind, KindOfFile> files = new EnumMap<>(FileName.Kind.class);
        try (Stream<Path> all = Files.list(directory)) {
            for (Path file : (Iterable<Path>) all::iterator) {
                FileName name = FileName.parse(file.getFileName().toString());
                if (name != null && name.kind() != FileName.Kind.TABLE && Files.isRegularFile(file)) {
                    files.merge(name.kind(), new KindOfFile(1, size(file)), (a, b) -> a.plus(b.bytes));
                }
            }
        }
        if (tables.tables() > 0) {
            files.put(FileName.Kind.TABLE, new KindOfFile(tables.tables(), tables.bytes()));
        }
        return files;
    }

    private static long size(Path file) throws IOException {
        try {
            return Files.size(file);
        } catch (NoSuchFileException deletedMeanwhile) {
            return 0;
        }
    }

    private static void print(Output out, BeachDB db, Map<FileName.Kind, KindOfFile> files) {
        DatabaseStats stats = db.stats();
        out.line(db.directory().toString());
        files.forEach((kind, of) -> out.format(
                "%-12s %6s  %10s",
                kind.name().toLowerCase(Locale.ROOT).replace('_', ' '), of.count, Units.bytes(of.bytes)));
        out.line();
        Figures.printLevels(out, stats);
        out.line();
        out.line("newest write: sequence " + stats.visibleSequence());
        if (db.health().syncability() instanceof Syncability.NotSyncable not) {
            out.line("directories cannot be synced here: " + not.reason());
        }
        out.line("LZ4: " + stats.codec() + ", XXH3: " + stats.hashProvider());
        Figures.printMemory(out, db.memory());
    }

    private static Map<String, Object> json(BeachDB db, Map<FileName.Kind, KindOfFile> files) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("directory", db.directory().toString());
        Map<String, Object> kinds = new LinkedHashMap<>();
        files.forEach((kind, of) -> kinds.put(kind.name(), Map.of("files", of.count, "bytes", of.bytes)));
        map.put("files", kinds);
        map.put("health", db.health().state().name());
        map.put("stats", Figures.json(db.stats()));
        map.put("memory", Figures.json(db.memory()));
        return map;
    }
}
