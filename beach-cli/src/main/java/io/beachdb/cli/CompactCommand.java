package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.DatabaseStats;
import io.beachdb.Range;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "compact",
        description = "Compact a database, or a range of its keys, down to the last level: removes what was overwritten"
                + " or deleted.")
final class CompactCommand extends BeachCommand {
    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database.")
    private Path directory;

    @Mixin
    private RangeOptions keys;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    CompactCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) {
        Range range = keys.range();
        try (BeachDB db = Databases.openExisting(directory)) {
            DatabaseStats before = db.stats();
            long began = System.nanoTime();
            db.compact(range);
            long nanos = System.nanoTime() - began;
            DatabaseStats after = db.stats();
            if (json) {
                Map<String, Object> map = new LinkedHashMap<>();
                map.put("nanos", nanos);
                map.put("tableBytesBefore", before.tableBytes());
                map.put("stats", Figures.json(after));
                out.line(Json.write(map));
            } else {
                out.format(
                        "compacted in %s: tables took %s, take %s now",
                        Units.duration(nanos), Units.bytes(before.tableBytes()), Units.bytes(after.tableBytes()));
                Figures.printLevels(out, after);
            }
        }
        return 0;
    }
}
