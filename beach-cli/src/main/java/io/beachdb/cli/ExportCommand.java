package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.Range;
import io.beachdb.base.format.Escapes;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "export",
        description = "Write keys and values as CSV, TSV or JSON lines, in the order of keys, as of one instant. 'beach"
                + " load' of it gives back what was there, byte for byte.",
        footer =
                "Keys and values are in escape notation: bytes that are no printable ASCII are written \\xHH, a backslash"
                        + " \\\\.")
final class ExportCommand extends BeachCommand {
    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database.")
    private Path directory;

    @Parameters(
            index = "1",
            arity = "0..1",
            paramLabel = "FILE",
            description = "Where to write; replaced when all is written. - or none: standard output.")
    private @Nullable Path file;

    @Option(
            names = "--format",
            paramLabel = "F",
            converter = TextFormat.Written.class,
            description = "csv, tsv or jsonl. Default: told by the name of FILE, else csv.")
    private @Nullable TextFormat format;

    @Mixin
    private RangeOptions keys;

    ExportCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) throws IOException {
        if (file != null && file.toString().equals("-")) {
            file = null;
        }
        TextFormat to = format == null ? guess() : format;
        checkTarget();
        Range range = keys.range();
        try (BeachDB db = Databases.openReadOnly(directory);
                Cursor cursor = db.cursor(range)) {
            if (file == null) {
                export(cursor, to, out);
            } else {
                exportToFile(cursor, to, file);
            }
        }
        return 0;
    }

    private TextFormat guess() {
        if (file == null) {
            return TextFormat.CSV;
        }
        TextFormat named = TextFormat.ofName(file.toString());
        if (named == null) {
            throw new UsageException("the name " + file + " does not tell the format: give --format");
        }
        return named;
    }

    /** Before any work, since the file gets its name only when all is written. */
    private void checkTarget() {
        Path parent = file == null ? null : file.getParent();
        if (parent != null && !Files.isDirectory(parent)) {
            throw new CommandFailure(file + ": there is no directory " + parent);
        }
        if (file != null && Files.isDirectory(file)) {
            throw new CommandFailure(file + " is a directory: name a file");
        }
    }

    private void exportToFile(Cursor cursor, TextFormat to, Path target) throws IOException {
        Path unfinished = target.resolveSibling(target.getFileName() + ".unfinished");
        try {
            long entries;
            try (OutputStream stream = Files.newOutputStream(unfinished);
                    Output out = new Output(stream)) {
                entries = export(cursor, to, out);
            }
            Files.move(unfinished, target, StandardCopyOption.REPLACE_EXISTING);
            say("wrote " + Units.entries(entries) + ", " + Units.bytes(Files.size(target)) + ", to " + target);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }

    private long export(Cursor cursor, TextFormat to, Output out) {
        if (to == TextFormat.CSV || to == TextFormat.TSV) {
            out.line(TextFormat.ESCAPED_KEY + (to == TextFormat.CSV ? "," : "\t") + TextFormat.ESCAPED_VALUE);
        }
        long entries = 0;
        try (Progress progress = new Progress(terminal, "exporting", 0)) {
            for (cursor.first(); cursor.valid(); cursor.next()) {
                write(escape(cursor.key()), escape(cursor.value()), to, out);
                entries++;
                progress.at(entries, Units.entries(entries));
            }
        }
        return entries;
    }

    private static String escape(MemorySegment bytes) {
        return Escapes.escape(bytes.toArray(ValueLayout.JAVA_BYTE));
    }

    /** Writes an entry. The escape notation leaves no tab, line end or control character; only quotes need care. */
    private static void write(String key, String value, TextFormat to, Output out) {
        switch (to) {
            case CSV -> out.line(csv(key) + "," + csv(value));
            case TSV -> out.line(key + "\t" + value);
            case JSONL -> {
                StringBuilder line = new StringBuilder(key.length() + value.length() + 48);
                line.append("{\"").append(TextFormat.ESCAPED_KEY).append("\":");
                Json.string(line, key);
                line.append(",\"").append(TextFormat.ESCAPED_VALUE).append("\":");
                Json.string(line, value);
                out.line(line.append('}').toString());
            }
            case FILES -> throw new AssertionError("refused before");
        }
    }

    private static String csv(String field) {
        return field.indexOf('"') >= 0 || field.indexOf(',') >= 0 ? '"' + field.replace("\"", "\"\"") + '"' : field;
    }
}
