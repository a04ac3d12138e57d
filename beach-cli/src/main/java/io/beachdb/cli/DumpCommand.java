package io.beachdb.cli;

import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.Scheduler;
import io.beachdb.base.format.Escapes;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.db.BatchFormat;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.ReadableFile;
import io.beachdb.durability.Vfs;
import io.beachdb.manifest.ManifestDump;
import io.beachdb.sstable.TableDump;
import io.beachdb.wal.WalDump;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "dump",
        description = {
            "Print what is in a file of a database, one entry a line, with offsets. Changes nothing, and needs no lock.",
            "Damage is shown where it is, and what can be read behind it too; then the exit code is 1. That files are missing"
                    + " which this one needs or names, and what a log lacks that others show it had, 'beach verify' tells."
        },
        footer = "FILE is named as the database named it: 000012.wal, 000013.sst, MANIFEST-000007, CURRENT.")
final class DumpCommand extends BeachCommand {
    private static final long BUDGET_BYTES = 64L << 20;
    private static final int SHOWN_KEY_BYTES = 256;
    private static final int SHOWN_VALUE_BYTES = 32;

    @Parameters(index = "0", paramLabel = "KIND", description = "wal, sst or manifest.")
    private Kind kind;

    @Parameters(index = "1", paramLabel = "FILE", description = "The file.")
    private Path file;

    DumpCommand(Terminal terminal) {
        super(terminal);
    }

    /** What can be dumped. */
    private enum Kind {
        WAL,
        SST,
        MANIFEST
    }

    @Override
    int run(Output out) throws IOException {
        if (!Files.isReadable(file)) {
            throw new CommandFailure(file + (Files.exists(file) ? ": permission denied" : ": no such file"));
        }
        if (Files.isDirectory(file)) {
            throw new CommandFailure(file + " is a directory: name a file in it");
        }
        Path path = file.toAbsolutePath();
        Path parent = Objects.requireNonNull(path.getParent(), "a file has a parent");
        String name = path.getFileName().toString();
        try (MemoryBudget budget = MemoryBudget.ofBytes(BUDGET_BYTES);
                DurableDirectory directory = DurableDirectory.open(
                        Vfs.system(),
                        parent,
                        DurableDirectory.Mode.READ_ONLY,
                        Scheduler.system(),
                        DurabilityListener.none())) {
            if (!dump(directory, name, budget.openAccount(), out)) {
                throw new CommandFailure(file + " is damaged; the lines with DAMAGE say where");
            }
            return ExitCodes.OK;
        }
    }

    private boolean dump(DurableDirectory directory, String name, MemoryAccount account, Output out)
            throws IOException {
        return switch (kind) {
            case WAL -> {
                number(name, FileName.Kind.LOG, "000012.wal");
                yield WalDump.dump(
                        directory.open(name),
                        account,
                        (memory, offset, length, firstSequence, recordOffset, lines) ->
                                printBatch(name, memory, offset, length, firstSequence, recordOffset, lines),
                        out::line);
            }
            case SST -> {
                long number = number(name, FileName.Kind.TABLE, "000013.sst");
                try (ReadableFile readable = directory.open(name)) {
                    yield TableDump.dump(readable, number, account, new Lines(out));
                }
            }
            case MANIFEST -> {
                if (!name.equals(FileName.CURRENT)) {
                    number(name, FileName.Kind.MANIFEST, "MANIFEST-000007 or CURRENT");
                }
                yield ManifestDump.dump(directory, name, account, out::line);
            }
        };
    }

    /** The number in a file's name is under the checksums, so the name must be the one it was given. */
    private long number(String name, FileName.Kind expected, String like) {
        FileName parsed = FileName.parse(name);
        if (parsed == null || parsed.kind() != expected) {
            throw new UsageException(name + " is not named as a " + kind.name().toLowerCase(java.util.Locale.ROOT)
                    + " file: expected a name like " + like);
        }
        return parsed.number();
    }

    private static void printBatch(
            String name,
            MemorySegment memory,
            long offset,
            long length,
            long firstSequence,
            long recordOffset,
            Consumer<String> lines) {
        long[] sequence = {firstSequence};
        BatchFormat.forEachChecked(
                memory,
                offset,
                length,
                name,
                recordOffset,
                (operation, keyOffset, keyLength, valueOffset, valueLength) -> {
                    String key = Escapes.escape(memory, keyOffset, keyLength, SHOWN_KEY_BYTES);
                    String value = operation == InternalKeys.KIND_PUT
                            ? " " + valueLength + " bytes \""
                                    + Escapes.escape(memory, valueOffset, valueLength, SHOWN_VALUE_BYTES) + '"'
                            : "";
                    lines.accept("            " + sequence[0]++ + " " + InternalKeys.kindName(operation) + " \"" + key
                            + '"' + value);
                });
    }

    /** Output, as the table dump wants it. */
    private record Lines(Output out) implements Appendable {
        @Override
        public Appendable append(CharSequence text) {
            out.text(text.toString());
            return this;
        }

        @Override
        public Appendable append(CharSequence text, int start, int end) {
            return append(text.subSequence(start, end));
        }

        @Override
        public Appendable append(char c) {
            return append(String.valueOf(c));
        }
    }
}
