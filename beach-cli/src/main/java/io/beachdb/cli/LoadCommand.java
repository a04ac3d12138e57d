package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.db.BatchFormat;
import io.beachdb.db.Limits;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "load",
        description = {
            "Put many entries: from CSV, TSV, JSON lines, or a directory of files. Makes the database if there is none.",
            "Everything is on disk when the command ends. If the input is bad, what stood before the bad line is loaded."
        },
        footer = {
            "csv, tsv  The key is the column 'key', else the first; the value is 'value' if that is the only other"
                    + " column, else all other columns as a JSON object. CSV as in RFC 4180; TSV has no quotes.",
            "jsonl     One object a line. The key is the member 'key'; the value is 'value' if that is the only other"
                    + " member, else the line.",
            "files     The key is the path below SOURCE, the value the content. Links are not followed.",
            "What 'beach export' wrote is known by the names " + TextFormat.ESCAPED_KEY + " and "
                    + TextFormat.ESCAPED_VALUE + ", and loads as it was."
        })
final class LoadCommand extends BeachCommand {
    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database.")
    private Path directory;

    @Parameters(index = "1", paramLabel = "SOURCE", description = "A file, a directory, or - for standard input.")
    private Path source;

    @Option(
            names = "--format",
            paramLabel = "F",
            description = "csv, tsv, jsonl or files. Default: told by the name of SOURCE.")
    private @Nullable TextFormat format;

    @Option(
            names = {"--key-column", "--key-field"},
            paramLabel = "C",
            description = "Column (name, or number from 1) or JSON member that is the key.")
    private @Nullable String key;

    @Option(
            names = {"--value-column", "--value-field"},
            paramLabel = "C",
            description = "Column or JSON member that is the value.")
    private @Nullable String value;

    @Option(names = "--no-header", description = "The first row of CSV or TSV is data.")
    private boolean noHeader;

    @Option(
            names = "--escaped",
            description = "Keys and values are in escape notation: \\xHH, and \\\\ for a backslash.")
    private boolean escaped;

    @Option(names = "--json", description = "Print the figures as JSON.")
    private boolean json;

    LoadCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) throws IOException {
        TextFormat from = format == null ? guess() : format;
        // The source first: a wrong name should not make a database.
        if (!isStandardInput() && !Files.isReadable(source)) {
            throw new CommandFailure(
                    source + (Files.exists(source) ? ": permission denied" : ": no such file or directory"));
        }
        if (from == TextFormat.FILES && (isStandardInput() || !Files.isDirectory(source))) {
            throw new UsageException("--format files needs a directory, SOURCE is " + source);
        }
        if (from != TextFormat.FILES && !isStandardInput() && Files.isDirectory(source)) {
            throw new UsageException(source + " is a directory: load it with --format files");
        }
        if (from == TextFormat.FILES) {
            refuseOwnFiles();
        }
        try (EntrySource entries = open(from)) {
            Entry first = first(entries);
            try (BeachDB db = Databases.openForLoading(directory, this::say)) {
                load(out, db, first, entries, total(entries));
            }
        }
        return 0;
    }

    private void refuseOwnFiles() throws IOException {
        Path own = real(directory);
        Path tree = real(source);
        if (own.startsWith(tree)) {
            String lies = own.equals(tree) ? " is" : " holds";
            throw new UsageException(source + lies + " the directory of the database, which cannot load its own files");
        }
    }

    /** Returns where a path leads, also where that is not there yet. */
    private static Path real(Path path) throws IOException {
        Path absolute = path.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        return parent == null || Files.exists(absolute)
                ? absolute.toRealPath()
                : real(parent).resolve(absolute.getFileName());
    }

    /** Judged before the database is opened: what cannot be loaded should not make one. */
    private @Nullable Entry first(EntrySource entries) {
        try {
            Entry first = entries.next();
            if (first != null) {
                check(first, entries.place());
            }
            return first;
        } catch (BadInputException | IOException e) {
            throw nothingLoaded(e);
        }
    }

    private static void check(Entry entry, String place) {
        try {
            Limits.checkKeyLength(entry.key().length);
        } catch (IllegalArgumentException e) {
            throw new BadInputException(place, String.valueOf(e.getMessage()));
        }
        long most = Databases.maxLoadedBytes();
        long needed = BatchFormat.putLength(entry.key().length, entry.value().length);
        if (needed > most) {
            throw new BadInputException(place, "key and value take " + needed + " bytes, allowed up to " + most);
        }
    }

    private CommandFailure nothingLoaded(Exception e) {
        return new CommandFailure(inInput(e) + ". Nothing is loaded.", e);
    }

    private boolean isStandardInput() {
        return source.toString().equals("-");
    }

    private TextFormat guess() {
        if (!isStandardInput()) {
            TextFormat named = Files.isDirectory(source) ? TextFormat.FILES : TextFormat.ofName(source.toString());
            if (named != null) {
                return named;
            }
        }
        throw new UsageException("the name " + source + " does not tell the format: give --format");
    }

    private EntrySource open(TextFormat from) {
        RowSource.Columns columns = new RowSource.Columns(key, value, noHeader, escaped);
        try {
            return switch (from) {
                case CSV -> RowSource.csv(input(), columns);
                case TSV -> RowSource.tsv(input(), columns);
                case JSONL -> new JsonLinesSource(input(), key == null ? "key" : key, value, escaped);
                case FILES -> new FileTreeSource(source, Databases.maxLoadedBytes());
            };
        } catch (BadInputException | IOException e) {
            throw nothingLoaded(e);
        }
    }

    private java.io.InputStream input() throws IOException {
        return isStandardInput() ? terminal.in() : Files.newInputStream(source);
    }

    /** Returns what the input is called in messages. */
    private String inputName() {
        return isStandardInput() ? "standard input" : source.toString();
    }

    /** Says what is wrong in the input, and where: the places of texts are lines, those of trees are files. */
    private String inInput(Exception e) {
        String what = Errors.line(e);
        if (Files.isDirectory(source) || e instanceof FileSystemException) {
            return what;
        }
        return inputName() + (e instanceof BadInputException ? " " : ": ") + what;
    }

    private long total(EntrySource entries) throws IOException {
        if (entries instanceof FileTreeSource files) {
            return files.totalBytes();
        }
        return isStandardInput() ? 0 : Files.size(source);
    }

    private void load(Output out, BeachDB db, @Nullable Entry first, EntrySource entries, long total) {
        BatchLoader loader = new BatchLoader(db);
        long nanos;
        try (Progress progress = new Progress(terminal, "loading", total)) {
            try {
                for (Entry entry = first; entry != null; entry = entries.next()) {
                    put(loader, entry, entries);
                    progress.at(entries.position(), loader);
                }
            } catch (BadInputException | IOException e) {
                loader.finish();
                throw new CommandFailure(
                        inInput(e) + ". What stands before it is loaded: " + Units.entries(loader.entries()) + ".", e);
            }
            loader.finish();
            nanos = progress.nanos();
        }
        if (json) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("entries", loader.entries());
            map.put("bytes", loader.bytes());
            map.put("nanos", nanos);
            out.line(Json.write(map));
        } else {
            out.format(
                    "loaded %s, %s, in %s (%s)",
                    Units.entries(loader.entries()),
                    Units.bytes(loader.bytes()),
                    Units.duration(nanos),
                    Units.bytesPerSecond(loader.bytes(), nanos));
        }
        if (loader.entries() == 0 && entries instanceof RowSource rows && rows.headerMayBeData()) {
            say("the only line of " + inputName() + " was taken for the header; --no-header loads it");
        }
        if (entries instanceof FileTreeSource files && files.skipped() > 0) {
            say("left out " + Units.count(files.skipped(), "link or special file", "links and special files"));
        }
    }

    private static void put(BatchLoader loader, Entry entry, EntrySource entries) {
        try {
            loader.put(entry.key(), entry.value());
        } catch (IllegalArgumentException e) {
            throw new BadInputException(entries.place(), String.valueOf(e.getMessage()));
        }
    }
}
