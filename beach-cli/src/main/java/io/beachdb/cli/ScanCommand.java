package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.Range;
import io.beachdb.base.format.Escapes;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "scan",
        description = "Print keys and values in the order of keys: one entry a line, key and value with a tab between.",
        footer =
                "Keys and values are text; other bytes (tabs and line ends too) are written \\xHH, and a backslash \\\\.")
final class ScanCommand extends BeachCommand {
    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database.")
    private Path directory;

    @Mixin
    private RangeOptions keys;

    @Option(names = "--reverse", description = "From the last key to the first.")
    private boolean reverse;

    @Option(
            names = "--limit",
            paramLabel = "N",
            defaultValue = "9223372036854775807",
            showDefaultValue = picocli.CommandLine.Help.Visibility.NEVER,
            description = "At most N entries.")
    private long limit;

    @Option(names = "--keys-only", description = "Print keys alone.")
    private boolean keysOnly;

    @Option(names = "--raw", description = "Print bytes as they are.")
    private boolean raw;

    ScanCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) {
        if (limit < 0) {
            throw new UsageException("--limit is " + limit + ", allowed 0 and more");
        }
        Range range = keys.range();
        try (BeachDB db = Databases.openReadOnly(directory);
                Cursor cursor = db.cursor(range)) {
            long left = limit;
            if (reverse) {
                cursor.last();
            } else {
                cursor.first();
            }
            while (left-- > 0 && cursor.valid()) {
                print(out, cursor);
                if (reverse) {
                    cursor.previous();
                } else {
                    cursor.next();
                }
            }
        }
        return 0;
    }

    private void print(Output out, Cursor cursor) {
        show(out, cursor.key());
        if (!keysOnly) {
            out.text("\t");
            show(out, cursor.value());
        }
        out.line();
    }

    private void show(Output out, MemorySegment segment) {
        byte[] bytes = segment.toArray(ValueLayout.JAVA_BYTE);
        if (raw) {
            out.bytes(bytes);
        } else {
            out.text(Escapes.escape(bytes));
        }
    }
}
