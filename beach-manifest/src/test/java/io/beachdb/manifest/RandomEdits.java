package io.beachdb.manifest;

import io.beachdb.base.format.FileName;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.SyncSite;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;

/**
 * Makes up edits as an engine would (flushes, compactions, moves, drops, logs that go) and keeps a plain model of what the
 * version must then be, which shares nothing with the code under test.
 */
final class RandomEdits {

    private record Placed(int level, TableEntry entry) {}

    private final Random random;
    private final ManifestFixture fixture;
    private final FileNumbers numbers;
    private final Map<Long, Placed> tables = new HashMap<>();
    private long oldestLog;
    private boolean oldestLogExists;
    private long lastSequence;

    RandomEdits(Random random, ManifestFixture fixture, FileNumbers numbers, RandomEdits before) {
        this(random, fixture, numbers);
        tables.putAll(before.tables);
        oldestLog = before.oldestLog;
        oldestLogExists = before.oldestLogExists;
        lastSequence = before.lastSequence;
    }

    RandomEdits(Random random, ManifestFixture fixture, FileNumbers numbers) {
        this.random = random;
        this.fixture = fixture;
        this.numbers = numbers;
    }

    /** Makes up the next edit, with the files it adds on disk, and takes it into the model. */
    VersionEdit next() {
        VersionEdit.Builder edit = VersionEdit.builder();
        switch (random.nextInt(6)) {
            case 0, 1, 2 -> flush(edit);
            case 3 -> compact(edit);
            case 4 -> move(edit);
            default -> drop(edit);
        }
        if (random.nextInt(8) == 0) {
            lastSequence += random.nextInt(5);
            edit.lastSequence(lastSequence);
        }
        return edit.build();
    }

    private void flush(VersionEdit.Builder edit) {
        int count = 1 + random.nextInt(3);
        List<TableEntry> entries = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            long from = lastSequence + 1;
            lastSequence = from + random.nextInt(10);
            entries.add(ManifestFixture.entry(numbers.next(), letter(0, 12), letter(13, 25), from, lastSequence));
        }
        edit.lastSequence(lastSequence);
        add(edit, 0, entries);
        oldestLog = numbers.next();
        oldestLogExists = random.nextBoolean();
        if (oldestLogExists) {
            fixture.log(oldestLog);
            edit.oldestLog(oldestLog);
        } else {
            edit.noLogBelow(oldestLog);
        }
    }

    private String letter(int from, int to) {
        return "key" + (char) ('a' + from + random.nextInt(to - from + 1)) + random.nextInt(10);
    }

    private void add(VersionEdit.Builder edit, int level, List<TableEntry> entries) {
        List<PendingFile> files = new ArrayList<>();
        entries.forEach(entry -> files.add(fixture.pending(entry)));
        var receipts = fixture.directory.commit(files, SyncSite.TABLE_FLUSH);
        for (int i = 0; i < entries.size(); i++) {
            edit.addTable(level, entries.get(i), receipts.get(i));
            tables.put(entries.get(i).number(), new Placed(level, entries.get(i)));
        }
    }

    private List<TableEntry> at(int level) {
        return tables.values().stream()
                .filter(placed -> placed.level == level)
                .map(Placed::entry)
                .sorted(Comparator.comparingLong(TableEntry::number))
                .toList();
    }

    /** Takes all of a level, and what overlaps below, to one table below. */
    private void compact(VersionEdit.Builder edit) {
        int level = random.nextInt(Version.LEVELS - 1);
        List<TableEntry> inputs = new ArrayList<>(at(level));
        if (inputs.isEmpty()) {
            flush(edit);
            return;
        }
        List<TableEntry> below = at(level + 1);
        InternalKey smallest = smallest(inputs);
        InternalKey largest = largest(inputs);
        for (TableEntry entry : inputs) {
            edit.dropTable(level, entry.number());
        }
        for (TableEntry entry : below) {
            if (overlaps(entry, smallest, largest)) {
                edit.dropTable(level + 1, entry.number());
                inputs.add(entry);
            }
        }
        inputs.forEach(entry -> tables.remove(entry.number()));
        long from =
                inputs.stream().mapToLong(TableEntry::smallestSequence).min().orElseThrow();
        long to = inputs.stream().mapToLong(TableEntry::largestSequence).max().orElseThrow();
        TableEntry output = new TableEntry(
                numbers.next(), 7, smallest(inputs), largest(inputs), from, to, inputs.size(), 0, 1, 0, 0);
        add(edit, level + 1, List.of(output));
    }

    private static boolean overlaps(TableEntry entry, InternalKey smallest, InternalKey largest) {
        return entry.smallest().compareUserKey(largest) <= 0 && entry.largest().compareUserKey(smallest) >= 0;
    }

    private static InternalKey smallest(Collection<TableEntry> entries) {
        return entries.stream()
                .map(TableEntry::smallest)
                .min(Comparator.naturalOrder())
                .orElseThrow();
    }

    private static InternalKey largest(Collection<TableEntry> entries) {
        return entries.stream()
                .map(TableEntry::largest)
                .max(Comparator.naturalOrder())
                .orElseThrow();
    }

    private void move(VersionEdit.Builder edit) {
        for (int from = 1; from < Version.LEVELS - 1; from++) {
            List<TableEntry> below = at(from + 1);
            for (TableEntry entry : at(from)) {
                if (below.stream().noneMatch(b -> overlaps(b, entry.smallest(), entry.largest()))) {
                    edit.moveTable(from, from + 1, entry.number());
                    tables.put(entry.number(), new Placed(from + 1, entry));
                    return;
                }
            }
        }
        flush(edit);
    }

    private void drop(VersionEdit.Builder edit) {
        if (tables.isEmpty()) {
            flush(edit);
            return;
        }
        List<Long> sorted = tables.keySet().stream().sorted().toList();
        long number = sorted.get(random.nextInt(sorted.size()));
        Placed dropped = Objects.requireNonNull(tables.remove(number));
        edit.dropTable(dropped.level, number);
    }

    /** Returns what a version must say now, in the form of {@link ManifestFixture#state}, but for the file number. */
    Map<String, Object> state(long nextFileNumber) {
        Map<String, Object> state = new TreeMap<>();
        for (int level = 0; level < Version.LEVELS; level++) {
            List<TableEntry> entries = new ArrayList<>(at(level));
            entries.sort(
                    level == 0
                            ? Comparator.comparingLong(TableEntry::largestSequence)
                                    .reversed()
                            : Comparator.comparing(TableEntry::smallest));
            state.put("level " + level, entries);
        }
        state.put("oldest log", oldestLog + " " + oldestLogExists);
        state.put("next file number", nextFileNumber);
        state.put("last sequence", lastSequence);
        return state;
    }

    /** Returns whether a file is needed by the model's state. */
    boolean needs(String name) {
        FileName file = FileName.parse(name);
        return file != null
                && switch (file.kind()) {
                    case TABLE -> tables.containsKey(file.number());
                    case LOG -> file.number() >= oldestLog;
                    default -> true;
                };
    }
}
