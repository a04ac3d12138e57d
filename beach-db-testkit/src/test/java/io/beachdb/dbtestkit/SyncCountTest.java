package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.Durability;
import io.beachdb.durability.DurabilityStats;
import io.beachdb.durability.SyncSite;
import io.beachdb.testkit.DiskOperation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * How many syncs each event costs, to the last one: a sync too many is time lost in every database, a sync too few is data
 * lost in some. The table is that of {@code docs/durability.md}.
 */
class SyncCountTest {
    private static final Path NESTED = Path.of("/data/made/on/open");
    private static final String HEADING = "## What each event costs";

    private static final long LONG = 10_000_000_000L;
    private static final DurabilityStats NOTHING = new DurabilityStats(Map.of(), Map.of(), Map.of());
    private static final List<Long> SEEDS = List.of(1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L);
    private static final int TABLE_BYTES = 4 << 10;

    /** Syncs of files and of directories at one site. */
    private static final class Count {
        private int files;
        private int directories;
    }

    /**
     * What an event cost.
     *
     * @param concurrent whether some of its parts go on at the same time, and may share a directory sync
     */
    private record Row(String event, boolean concurrent, Map<SyncSite, Count> counts) {
        int files() {
            return counts.values().stream().mapToInt(c -> c.files).sum();
        }

        int directories() {
            return counts.values().stream().mapToInt(c -> c.directories).sum();
        }

        Map<SyncSite, Integer> filesBySite() {
            Map<SyncSite, Integer> files = new EnumMap<>(SyncSite.class);
            // The next log is recycled or made, as the flush lets go of an old one before or after that began.
            counts.forEach((site, count) ->
                    files.merge(site == SyncSite.LOG_RECYCLE ? SyncSite.LOG_CREATE : site, count.files, Integer::sum));
            return files;
        }

        @Override
        public String toString() {
            String sites = counts.entrySet().stream()
                    .map(e -> "`" + e.getKey() + "` " + e.getValue().files + "+" + e.getValue().directories)
                    .collect(Collectors.joining(", "));
            return "| " + event + " | " + files() + " | " + directories() + " | " + sites + " |";
        }
    }

    /** Counts the syncs of one step after the other, and takes down rows. */
    private static final class Meter {
        private final SteppedEngine engine;
        private final List<Row> rows = new ArrayList<>();
        private Map<SyncSite, Count> counts = new EnumMap<>(SyncSite.class);

        Meter(SteppedEngine engine) {
            this.engine = engine;
            engine.disk().onOperation(this::count);
        }

        private void count(DiskOperation operation) {
            if (!operation.kind().isSync()) {
                return;
            }
            Count count = counts.computeIfAbsent(
                    Objects.requireNonNull(operation.site(), operation.toString()), site -> new Count());
            if (operation.kind() == DiskOperation.Kind.SYNC_FILE) {
                count.files++;
            } else {
                count.directories++;
            }
        }

        private void take(String event, boolean concurrent) {
            rows.add(new Row(event, concurrent, counts));
            counts = new EnumMap<>(SyncSite.class);
        }

        /** An opening: everything since its begin must stand in its figures. */
        void opening(String event, Path directory) {
            counts = new EnumMap<>(SyncSite.class);
            open(engine, directory);
            checkStats(event, NOTHING);
            take(event, true);
        }

        void step(String event, Consumer<BeachDB> step) {
            step(event, false, step);
        }

        /** A step whose parts go on at the same time. */
        void concurrentStep(String event, Consumer<BeachDB> step) {
            step(event, true, step);
        }

        private void step(String event, boolean concurrent, Consumer<BeachDB> step) {
            measure(event, step);
            take(event, concurrent);
        }

        private void measure(String event, Consumer<BeachDB> step) {
            DurabilityStats before = stats();
            counts = new EnumMap<>(SyncSite.class);
            engine.step(step);
            checkStats(event, before);
        }

        /** Does {@code step} until one of them rolls the manifest over, and takes that down. */
        void untilRollOver(String event, Consumer<Integer> before, Consumer<BeachDB> step) {
            for (int i = 0; i < 200; i++) {
                before.accept(i);
                measure(event, step);
                if (counts.containsKey(SyncSite.MANIFEST_CREATE)) {
                    take(event, false);
                    return;
                }
            }
            throw new AssertionError("the manifest was not rolled over");
        }

        void clean(String event) {
            counts = new EnumMap<>(SyncSite.class);
            engine.step(BeachDB::close);
            take(event, false);
        }

        void destroyed(String event) {
            engine.step(BeachDB::close);
            counts = new EnumMap<>(SyncSite.class);
            engine.tryDestroy(NESTED, (deleted, refusal) -> assertThat(deleted).isTrue());
            take(event, false);
        }

        /** Its syncs are of a directory that is not the database's: {@code stats()} does not count them. */
        void checkpoint(String event, Path target) {
            counts = new EnumMap<>(SyncSite.class);
            engine.step(db -> db.checkpoint(target));
            take(event, false);
        }

        private void checkStats(String event, DurabilityStats before) {
            DurabilityStats since = stats().since(before);
            for (SyncSite site : SyncSite.values()) {
                Count count = counts.getOrDefault(site, new Count());
                assertThat(since.fileSyncs().getOrDefault(site, 0L))
                        .as("file syncs in stats(), " + event + ", " + site)
                        .isEqualTo(count.files);
                assertThat(since.directorySyncs().getOrDefault(site, 0L))
                        .as("directory syncs in stats(), " + event + ", " + site)
                        .isEqualTo(count.directories);
            }
        }

        private DurabilityStats stats() {
            return engine.db().stats().durability();
        }
    }

    @Test
    void eachEvent_costsTheSyncsOfTheTable() throws IOException {
        List<Row> most = List.of();
        for (long seed : SEEDS) {
            try (SteppedEngine engine = new SteppedEngine(seed)) {
                List<Row> rows = measure(engine);
                most = most.isEmpty() ? rows : compare(most, rows, seed);
            }
        }
        List<String> table = new ArrayList<>(
                List.of("| Event | Files | Directories | By site, files+directories |", "|---|---|---|---|"));
        most.forEach(row -> table.add(row.toString()));
        assertThat(String.join("\n", tableOnThePage()))
                .as("the table in docs/durability.md")
                .isEqualTo(String.join("\n", table));
    }

    /** Schedules differ, the costs do not, but that directory syncs of what goes on at the same time may be shared. */
    private static List<Row> compare(List<Row> most, List<Row> rows, long seed) {
        List<Row> larger = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            Row before = most.get(i);
            Row now = rows.get(i);
            String what = now.event + ", seed " + seed;
            assertThat(now.filesBySite()).as(what).isEqualTo(before.filesBySite());
            if (!now.concurrent) {
                assertThat(now.directories()).as(what).isEqualTo(before.directories());
            }
            larger.add(now.directories() > before.directories() ? now : before);
        }
        return larger;
    }

    private static List<String> tableOnThePage() throws IOException {
        String page = Files.readString(Path.of("..", "docs", "durability.md"));
        assertThat(page).contains(HEADING);
        return page.substring(page.indexOf(HEADING))
                .lines()
                .skip(1)
                .takeWhile(line -> !line.startsWith("## "))
                .filter(line -> line.startsWith("|"))
                .toList();
    }

    private static List<Row> measure(SteppedEngine engine) {
        Meter meter = new Meter(engine);
        meter.opening("a database is made, and its directory", Path.of("/data/db"));
        engine.step(BeachDB::close);
        meter.opening("a database is made, its directory and two above it", NESTED);
        meter.step(
                "the first logged or synced write: the log that grows gives way to an allocated one, the next is made",
                db -> db.put(bytes("a"), bytes("1"), Durability.LOGGED));
        engine.pass(LONG);
        meter.step("a synced write, alone", db -> db.put(bytes("a"), bytes("2"), Durability.SYNCED));
        meter.step("a logged write", db -> db.put(bytes("a"), bytes("3"), Durability.LOGGED));
        meter.step("the interval of logged writes ends", db -> engine.pause(LONG));
        meter.step("an unlogged write", db -> db.put(bytes("a"), bytes("4"), Durability.UNLOGGED));
        meter.concurrentStep("a flush of what was synced; the log is rotated, the next one made", BeachDB::flush);
        engine.step(db -> db.put(bytes("a"), bytes("5"), Durability.LOGGED));
        meter.concurrentStep("a flush of what was logged; the log is rotated, an old one recycled", BeachDB::flush);
        meter.step("a compaction to one table", BeachDB::compact);
        fill(engine, 40);
        engine.step(BeachDB::flush);
        fill(engine, 40);
        engine.step(BeachDB::flush);
        meter.step("a compaction to three tables", BeachDB::compact);
        meter.step("`flush()`, `sync()` and `compact()` when there is nothing to do", db -> {
            db.flush();
            db.sync();
            db.compact();
        });
        meter.checkpoint("a checkpoint into a new directory, nothing in memory", Path.of("/data/made/copy"));
        Consumer<Integer> nextTable = i -> {
            engine.step(db -> db.put(bytes("b" + (char) i.intValue()), new byte[TABLE_BYTES], Durability.SYNCED));
            engine.step(BeachDB::flush); // a table of its full size: no neighbour is merged with it
        };
        nextTable.accept(0);
        long moves = engine.db().stats().trivialMoves();
        meter.step("a trivial move", BeachDB::compact);
        assertThat(engine.db().stats().trivialMoves()).isEqualTo(moves + 1);
        meter.untilRollOver(
                "a trivial move whose edit rolls the MANIFEST over", i -> nextTable.accept(i + 1), BeachDB::compact);
        engine.step(db -> db.put(bytes("c"), bytes("1"), Durability.SYNCED));
        meter.clean("a clean close, all on disk");
        meter.opening("an opening after a clean close", NESTED);
        meter.clean("a clean close without a write");
        meter.opening("an opening after a clean close with all entries in tables", NESTED);
        engine.step(db -> db.put(bytes("c"), bytes("2"), Durability.LOGGED));
        meter.clean("a clean close after logged writes");
        open(engine, NESTED);
        engine.step(db -> db.put(bytes("c"), bytes("3"), Durability.SYNCED));
        engine.step(db -> db.put(bytes("c"), bytes("4"), Durability.UNLOGGED));
        meter.clean("a clean close after unlogged writes");
        open(engine, NESTED);
        engine.step(db -> db.put(bytes("c"), bytes("5"), Durability.LOGGED));
        engine.kill();
        meter.opening("an opening after the death of the process", NESTED);
        meter.destroyed("a database is destroyed");
        return meter.rows;
    }

    private static void fill(SteppedEngine engine, int keys) {
        engine.step(db -> {
            for (int i = 0; i < keys; i++) {
                byte[] value = new byte[250];
                new Random(i).nextBytes(value);
                db.put(bytes("a" + (char) i), value, Durability.SYNCED);
            }
        });
    }

    private static void open(SteppedEngine engine, Path directory) {
        engine.open(directory, options -> options.targetTableBytes(TABLE_BYTES).manifestBytes(4 << 10));
    }
}
