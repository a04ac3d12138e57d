package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.format.FileName;
import io.beachdb.dbtestkit.DamageCheck.Verdict;
import io.beachdb.dbtestkit.SmallDatabase.Ending;
import io.beachdb.dbtestkit.SmallDatabase.LogRecord;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whatever becomes of a file of a small database, what is read is right, or an exception names the damage. One exception, by
 * {@code docs/formats/wal.md}: what in a log without END lies behind all that is known to have been synced is a torn tail, and
 * so is a newest log that is missing. Which damage that is, is computed here, and no other may be taken for it.
 *
 * <p>Every bit is flipped, and so on, with {@code -Dbeach.damage.stride=1}; otherwise each so many-th case is looked at, beginning
 * with {@code -Dbeach.damage.seed}.
 */
class DamageTest {
    private static final int STRIDE = Integer.getInteger("beach.damage.stride", 97);
    private static final long SEED = Long.getLong("beach.damage.seed", 1);
    private static final int BLOCK_BYTES = 512;
    private static final int HEADER_BYTES = 64;
    private static final int RECORD_HEADER_BYTES = 40;

    /** Counts of cases. */
    private static final class Count {
        private int cases;
        private int refused;

        @Override
        public String toString() {
            return cases + " cases, " + refused + " refused";
        }
    }

    private final Map<FileName.Kind, Count> counts = new EnumMap<>(FileName.Kind.class);
    private long number; // of the case, sampled or not

    private static boolean isTable(String name) {
        return name.endsWith(".sst");
    }

    @ParameterizedTest
    @EnumSource
    void open_ofADamagedDatabase_isRightOrNamesTheDamage(Ending ending) {
        SmallDatabase database = new SmallDatabase(ending, SEED);
        TreeSet<String> keys = new TreeSet<>();
        for (int batches = 0; batches <= database.batches(); batches++) {
            keys.addAll(database.state(batches).keySet());
        }
        long start = System.nanoTime();
        try (DamageCheck check = new DamageCheck(keys)) {
            assertThat(check.check(new TreeMap<>(database.files()), Verdict.exactly(all(database))))
                    .isFalse();
            new Cases(database, check, ending != Ending.KILLED).run();
        }
        if (STRIDE == 1) {
            System.out.println(ending + ": " + counts + ", " + (System.nanoTime() - start) / 1_000_000_000 + " s");
        }
    }

    private static NavigableMap<String, String> all(SmallDatabase database) {
        return database.state(database.batches());
    }

    /** All that is done to one database. */
    private final class Cases {
        private final SmallDatabase database;
        private final SmallDatabase other; // with the same names
        private final DamageCheck check;
        private final boolean logsOnly;

        /** @param logsOnly leaves out what does not depend on how the process ended */
        Cases(SmallDatabase database, DamageCheck check, boolean logsOnly) {
            this.database = database;
            this.other = new SmallDatabase(Ending.KILLED, SEED + 1);
            this.check = check;
            this.logsOnly = logsOnly;
        }

        void run() {
            database.files().forEach((name, bytes) -> {
                if (!logsOnly || needed(name)) {
                    flipBits(name, bytes);
                    cut(name, bytes);
                    append(name, bytes);
                    zeroBlocks(name, bytes);
                    exchangeBlocks(name, bytes);
                }
                exchangeFiles(name);
                one(name + " missing", name, missing(name), Map.of());
            });
        }

        private void flipBits(String name, byte[] bytes) {
            for (int bit = 0; bit < 8 * bytes.length; bit++) {
                byte[] bad = bytes.clone();
                bad[bit / 8] ^= (byte) (1 << (bit % 8));
                changed(name + " with bit " + bit + " flipped", name, bad);
            }
        }

        private void cut(String name, byte[] bytes) {
            for (int length = 0; length < bytes.length; length++) {
                changed(name + " cut to " + length, name, Arrays.copyOf(bytes, length));
            }
        }

        private void append(String name, byte[] bytes) {
            Random random = new Random(SEED);
            for (int length : new int[] {1, 3, 7, 8, 40, 64, 511, 512, 4096, 33_000}) {
                byte[] tail = new byte[length];
                changed(name + " with " + length + " zeros behind", name, joined(bytes, tail));
                random.nextBytes(tail);
                changed(name + " with " + length + " random bytes behind", name, joined(bytes, tail));
                changed(
                        name + " with " + length + " of its own bytes behind",
                        name,
                        joined(bytes, Arrays.copyOf(bytes, Math.min(length, bytes.length))));
            }
        }

        private void zeroBlocks(String name, byte[] bytes) {
            for (int from = 0; from < bytes.length; from += BLOCK_BYTES) {
                byte[] bad = bytes.clone();
                Arrays.fill(bad, from, Math.min(bytes.length, from + BLOCK_BYTES), (byte) 0);
                changed(name + " with zeros from " + from, name, bad);
            }
        }

        private void exchangeBlocks(String name, byte[] bytes) {
            for (int first = 0; first < bytes.length; first += BLOCK_BYTES) {
                for (int second = first + BLOCK_BYTES; second < bytes.length; second += BLOCK_BYTES) {
                    byte[] bad = bytes.clone();
                    int length = Math.min(BLOCK_BYTES, bytes.length - second);
                    System.arraycopy(bytes, first, bad, second, length);
                    System.arraycopy(bytes, second, bad, first, length);
                    changed(name + " with the blocks at " + first + " and " + second + " exchanged", name, bad);
                }
            }
        }

        private void exchangeFiles(String name) {
            for (String with : database.files().tailMap(name + "\0").keySet()) {
                one(
                        name + " and " + with + " exchanged",
                        name,
                        exchanged(name, with),
                        Map.of(name, database.file(with), with, database.file(name)));
            }
            if (other.files().containsKey(name)) {
                byte[] foreign = other.file(name);
                one(name + " of another database", name, exchanged(name, name), Map.of(name, foreign));
                for (String with : other.files().tailMap(name + "\0").keySet()) {
                    if (database.files().containsKey(with)) {
                        one(
                                name + " and " + with + " of another database",
                                name,
                                exchanged(name, with),
                                Map.of(name, foreign, with, other.file(with)));
                    }
                }
            }
        }

        /** What is right when other files stand in the place of two. Tables are looked at only when they are read. */
        private Verdict exchanged(String name, String with) {
            boolean atOnce = needed(name) || needed(with);
            return atOnce ? Verdict.refused() : isTable(name) || isTable(with) ? orRefused() : right();
        }

        /** Returns whether an opening must read a file to its end, or at least its header. */
        private boolean needed(String name) {
            return database.logs().containsKey(name) || name.equals(FileName.CURRENT) || name.startsWith("MANIFEST");
        }

        private Verdict right() {
            return Verdict.exactly(all(database));
        }

        private Verdict orRefused() {
            return Verdict.rightOrRefused(all(database));
        }

        private void changed(String what, String name, byte[] bad) {
            byte[] good = database.file(name);
            if (Arrays.equals(good, bad)) {
                return;
            }
            Verdict verdict;
            if (database.logs().containsKey(name)) {
                verdict = ofLog(name, bad);
            } else if (name.equals(FileName.CURRENT)) {
                verdict = Verdict.refused();
            } else {
                verdict = isTable(name) || needed(name) ? orRefused() : right();
            }
            one(what, name, verdict, Map.of(name, bad));
        }

        private Verdict missing(String name) {
            if (name.equals(database.logs().firstKey()) || name.equals(FileName.CURRENT) || isTable(name)) {
                return Verdict.refused();
            }
            if (database.logs().containsKey(name)) {
                boolean named = database.logs().tailMap(name + "\0").values().stream()
                        .anyMatch(records -> !records.isEmpty()); // whose START names it, or one before that
                return named ? Verdict.refused() : lostFrom(name, 0);
            }
            return needed(name) ? Verdict.refused() : right();
        }

        /** What wal.md and framing.md say of a log that is damaged. */
        private Verdict ofLog(String name, byte[] bad) {
            byte[] good = database.file(name);
            if (!same(good, bad, 0, HEADER_BYTES)) {
                return Verdict.refused();
            }
            List<LogRecord> records = database.logs().getOrDefault(name, List.of());
            int first = 0;
            while (first < records.size()
                    && same(
                            good,
                            bad,
                            records.get(first).from(),
                            records.get(first).to())) {
                first++;
            }
            if (first == records.size()) {
                return right();
            }
            int place = records.get(first).from();
            for (LogRecord later : records.subList(first + 1, records.size())) {
                if (later.syncedOffset() > place && same(good, bad, later.from(), later.from() + RECORD_HEADER_BYTES)) {
                    return Verdict.refused();
                }
            }
            return lostFrom(name, first);
        }

        private static boolean same(byte[] good, byte[] bad, int from, int to) {
            return to <= bad.length && Arrays.equals(good, from, to, bad, from, to);
        }

        /** What is right when a log ends before one of its records, and nothing in it says that this had been synced. */
        private Verdict lostFrom(String name, int record) {
            for (List<LogRecord> later : database.logs().tailMap(name + "\0").values()) {
                if (later.stream().anyMatch(r -> r.syncedOffset() > HEADER_BYTES)) {
                    return Verdict.refused();
                }
            }
            List<LogRecord> left = new ArrayList<>();
            database.logs().headMap(name).values().forEach(left::addAll);
            left.addAll(database.logs().getOrDefault(name, List.of()).subList(0, record));
            return Verdict.exactly(database.state(
                    (int) left.stream().filter(LogRecord::isBatch).count()));
        }

        /** @param change the files that change; empty: {@code name} goes */
        private void one(String what, String name, Verdict verdict, Map<String, byte[]> change) {
            if (Math.floorMod(number++ + SEED, (long) STRIDE) != 0) {
                return;
            }
            SortedMap<String, byte[]> damaged = new TreeMap<>(database.files());
            damaged.putAll(change);
            if (change.isEmpty()) {
                damaged.remove(name);
            }
            @Nullable FileName parsed = FileName.parse(name);
            Count count = counts.computeIfAbsent(
                    parsed == null ? FileName.Kind.TEMPORARY : parsed.kind(), kind -> new Count());
            count.cases++;
            try {
                count.refused += check.check(damaged, verdict) ? 1 : 0;
            } catch (AssertionError e) {
                throw new AssertionError(what + ", seed " + SEED + ": " + e.getMessage(), e);
            }
        }
    }

    private static byte[] joined(byte[] first, byte[] second) {
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }
}
