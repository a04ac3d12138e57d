package io.beachdb.cli;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** What {@code load} reads and {@code export} writes. */
enum TextFormat {
    CSV,
    TSV,
    JSONL,
    /** A directory of files; for {@code load} only. */
    FILES;

    /** Column, and member of JSON objects, whose text is in the escape notation: what {@code export} writes. */
    static final String ESCAPED_KEY = "key_escaped";

    static final String ESCAPED_VALUE = "value_escaped";

    /** What {@code export} can write. */
    static final class Written implements ITypeConverter<TextFormat> {
        @Override
        public TextFormat convert(String text) {
            for (TextFormat format : List.of(CSV, TSV, JSONL)) {
                if (format.name().equalsIgnoreCase(text)) {
                    return format;
                }
            }
            throw new TypeConversionException("expected csv, tsv or jsonl, but was '" + text + "'"
                    + (text.equalsIgnoreCase(FILES.name()) ? "; files is for load alone" : ""));
        }
    }

    /** Tells the format from a file's name; null if it does not say. */
    static @Nullable TextFormat ofName(String fileName) {
        String name = fileName.toLowerCase(Locale.ROOT);
        if (name.endsWith(".csv")) {
            return CSV;
        }
        if (name.endsWith(".tsv") || name.endsWith(".tab")) {
            return TSV;
        }
        return name.endsWith(".jsonl") || name.endsWith(".ndjson") ? JSONL : null;
    }
}
