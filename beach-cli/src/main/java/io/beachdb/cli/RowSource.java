package io.beachdb.cli;

import io.beachdb.base.format.Escapes;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Entries from the rows of a CSV or TSV text: one column is the key, the value is another or all the others. */
final class RowSource implements EntrySource {
    private static final int ALL_OTHERS = -1;

    private final TableText text;
    private final List<String> columns;
    private final boolean escaped;
    private final int keyColumn;
    private final int valueColumn;
    private final boolean headerMayBeData;
    private @Nullable List<byte[]> first;

    private RowSource(TableText text, Columns wanted) throws IOException {
        this.text = text;
        List<byte[]> row = text.next();
        if (row == null) {
            columns = List.of();
            escaped = false;
            keyColumn = 0;
            valueColumn = ALL_OTHERS;
            headerMayBeData = false;
            return;
        }
        if (wanted.noHeader) {
            columns = numbers(row.size());
            first = row;
        } else {
            columns = names(row);
        }
        boolean exported = columns.equals(List.of(TextFormat.ESCAPED_KEY, TextFormat.ESCAPED_VALUE));
        escaped = wanted.escaped || exported;
        keyColumn = keyColumn(wanted);
        valueColumn = valueColumn(wanted, exported);
        headerMayBeData = !wanted.noHeader && !exported;
    }

    static RowSource csv(java.io.InputStream in, Columns wanted) throws IOException {
        return new RowSource(TableText.csv(in), wanted);
    }

    static RowSource tsv(java.io.InputStream in, Columns wanted) throws IOException {
        return new RowSource(TableText.tsv(in), wanted);
    }

    /**
     * What the user said of the columns.
     *
     * @param key name or number of the key's; null for {@code key}, else the first
     * @param value name or number of the value's; null for {@code value} if there is no third, else all others
     * @param noHeader whether the first row is data
     * @param escaped whether key and value are in the escape notation
     */
    record Columns(@Nullable String key, @Nullable String value, boolean noHeader, boolean escaped) {}

    /** Returns whether a first row was taken for the header that does not say by itself that it is one. */
    boolean headerMayBeData() {
        return headerMayBeData;
    }

    private List<String> names(List<byte[]> row) {
        List<String> names = new ArrayList<>();
        for (byte[] name : row) {
            String decoded = Utf8.decode(name);
            if (decoded == null) {
                throw bad("the name of column " + (names.size() + 1) + " is not valid UTF-8");
            }
            if (names.contains(decoded)) {
                throw bad("two columns are named '" + decoded + "'");
            }
            names.add(decoded);
        }
        return names;
    }

    private static List<String> numbers(int count) {
        List<String> numbers = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            numbers.add(String.valueOf(i));
        }
        return numbers;
    }

    private int keyColumn(Columns wanted) {
        if (wanted.key != null) {
            return column(wanted.key);
        }
        for (String name : List.of("key", TextFormat.ESCAPED_KEY)) {
            if (columns.contains(name)) {
                return columns.indexOf(name);
            }
        }
        return 0;
    }

    private int valueColumn(Columns wanted, boolean exported) {
        if (wanted.value != null) {
            return column(wanted.value);
        }
        boolean plain = columns.size() == 2 && columns.get(1 - keyColumn).equals("value");
        return plain || exported ? 1 - keyColumn : ALL_OTHERS;
    }

    private int column(String nameOrNumber) {
        if (columns.contains(nameOrNumber)) {
            return columns.indexOf(nameOrNumber);
        }
        try {
            int number = Integer.parseInt(nameOrNumber);
            if (number >= 1 && number <= columns.size()) {
                return number - 1;
            }
        } catch (NumberFormatException aName) {
            // Then it is a name, and there is none like it.
        }
        throw bad("there is no column '" + nameOrNumber + "'; there are " + String.join(", ", columns));
    }

    @Override
    public @Nullable Entry next() throws IOException {
        List<byte[]> row = first;
        first = null;
        if (row == null) {
            row = text.next();
        }
        if (row == null) {
            return null;
        }
        if (row.size() != columns.size()) {
            throw bad("the row has " + row.size() + " fields, the first one has " + columns.size());
        }
        return new Entry(field(row, keyColumn), valueColumn == ALL_OTHERS ? others(row) : field(row, valueColumn));
    }

    private byte[] field(List<byte[]> row, int column) {
        byte[] field = row.get(column);
        if (!escaped) {
            return field;
        }
        String decoded = Utf8.decode(field);
        if (decoded == null) {
            throw bad("column '" + columns.get(column) + "' is not valid UTF-8");
        }
        try {
            return Escapes.unescape(decoded);
        } catch (IllegalArgumentException e) {
            throw bad(String.valueOf(e.getMessage()));
        }
    }

    private byte[] others(List<byte[]> row) {
        StringBuilder json = new StringBuilder("{");
        for (int i = 0; i < row.size(); i++) {
            if (i == keyColumn) {
                continue;
            }
            String decoded = Utf8.decode(row.get(i));
            if (decoded == null) {
                throw bad("column '" + columns.get(i) + "' is not valid UTF-8, and JSON must be; choose it as"
                        + " --value-column to take its bytes as they are");
            }
            if (json.length() > 1) {
                json.append(',');
            }
            Json.string(json, columns.get(i));
            json.append(':');
            Json.string(json, decoded);
        }
        return json.append('}').toString().getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    private BadInputException bad(String reason) {
        return new BadInputException(place(), reason);
    }

    @Override
    public String place() {
        return "line " + text.line();
    }

    @Override
    public long position() {
        return text.position();
    }

    @Override
    public void close() throws IOException {
        text.close();
    }
}
