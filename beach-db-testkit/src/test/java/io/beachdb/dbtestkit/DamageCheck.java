package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.base.BeachException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.base.format.FileName;
import io.beachdb.testkit.SimulatedDisk;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Opens a damaged database, for reading and for writing, does all that one can do to it, and holds what comes of it against a
 * verdict. Whatever the damage, it ends, takes little memory, gives all of it back, and names what is damaged.
 */
final class DamageCheck implements AutoCloseable {
    private static final long SEED = 3;
    private static final long MAX_OPERATIONS = 5_000; // of the disk; one opening with everything takes a few hundred
    private static final long MAX_NATIVE_BYTES = 8 << 20;
    private static final long MAX_HEAP_BYTES = 64 << 20;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final List<String> ABSENT = List.of("", "a", "key", "key2x", "part105", "part1100", "zz");

    /**
     * What may come of a damaged database.
     *
     * @param state what is to be there; null if the opening is to be refused
     * @param orRefused whether the opening, or a read, may throw instead
     */
    record Verdict(@Nullable NavigableMap<String, String> state, boolean orRefused) {
        static Verdict refused() {
            return new Verdict(null, true);
        }

        static Verdict exactly(NavigableMap<String, String> state) {
            return new Verdict(state, false);
        }

        static Verdict rightOrRefused(NavigableMap<String, String> state) {
            return new Verdict(state, true);
        }
    }

    private enum Mode {
        READ_ONLY,
        WRITING,
        AFTER_WRITING
    }

    // Set once.
    private final MemoryBudget budget = MemoryBudget.ofBytes(MAX_NATIVE_BYTES);
    private final TreeSet<String> keys = new TreeSet<>(ABSENT);

    // Of the case that is looked at.
    private SimulatedDisk disk = new SimulatedDisk();
    private SortedMap<String, byte[]> files = new TreeMap<>();
    private Verdict verdict = Verdict.refused();
    private long refusals; // of openings and calls

    /** @param keys that are looked for, beside some that nobody wrote */
    DamageCheck(Iterable<String> keys) {
        keys.forEach(this.keys::add);
    }

    /**
     * Checks one case.
     *
     * @return whether anything was refused
     */
    boolean check(SortedMap<String, byte[]> damaged, Verdict expected) {
        files = damaged;
        verdict = expected;
        refusals = 0;
        install();
        open(Mode.READ_ONLY);
        install();
        if (open(Mode.WRITING)) {
            open(Mode.AFTER_WRITING);
        }
        return refusals > 0;
    }

    private void install() {
        SimulatedDisk made = new SimulatedDisk().makeDirectories(SmallDatabase.DIRECTORY);
        files.forEach((name, bytes) -> made.install(SmallDatabase.DIRECTORY.resolve(name), bytes));
        made.onOperation(operation -> {
            if (operation.number() > MAX_OPERATIONS) {
                made.powerOff();
            }
        });
        disk = made;
    }

    /** Returns whether it could be opened. */
    private boolean open(Mode mode) {
        long allocated = THREADS.getTotalThreadAllocatedBytes();
        boolean[] opened = new boolean[1];
        try (SteppedEngine engine = new SteppedEngine(SEED, disk, budget)) {
            engine.tryOpen(
                    SmallDatabase.DIRECTORY,
                    builder -> SmallDatabase.options(builder).readOnly(mode != Mode.WRITING),
                    (db, refusal) -> {
                        if (db == null) {
                            refused(refusal);
                        } else {
                            opened[0] = true;
                            use(db, mode);
                        }
                    });
        }
        if (disk.isPowerOff()) {
            throw new AssertionError(mode + ": more than " + MAX_OPERATIONS + " operations of the disk");
        }
        if (THREADS.getTotalThreadAllocatedBytes() - allocated > MAX_HEAP_BYTES) {
            throw new AssertionError(mode + ": more than " + MAX_HEAP_BYTES + " bytes of heap");
        }
        assertThat(budget.usedBytes()).as(mode + ": native bytes kept").isZero();
        assertThat(budget.peakBytes()).as(mode + ": native bytes taken").isLessThanOrEqualTo(MAX_NATIVE_BYTES);
        if (mode == Mode.READ_ONLY || (mode == Mode.WRITING && !opened[0])) {
            checkUnchanged(mode);
        }
        return opened[0];
    }

    /** An opening that was refused, or that was for reading, changed nothing, the lock aside. */
    private void checkUnchanged(Mode mode) {
        TreeSet<String> names = new TreeSet<>(disk.names(SmallDatabase.DIRECTORY));
        if (mode == Mode.WRITING) {
            names.removeAll(List.of(FileName.LOCK, FileName.LOCK_HOLDER));
        }
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            if (mode == Mode.WRITING && file.getKey().startsWith(FileName.LOCK)) {
                continue;
            }
            if (!names.remove(file.getKey())
                    || !Arrays.equals(disk.bytes(SmallDatabase.DIRECTORY.resolve(file.getKey())), file.getValue())) {
                throw new AssertionError(mode + " changed " + file.getKey());
            }
        }
        assertThat(names).as(mode + ": new files").isEmpty();
    }

    private void refused(@Nullable BeachException refusal) {
        named(refusal);
        if (!verdict.orRefused) {
            throw new AssertionError("refused", refusal);
        }
    }

    private void named(@Nullable BeachException refusal) {
        refusals++;
        boolean named = refusal instanceof UnsupportedFormatException
                || (refusal instanceof CorruptionException damage
                        && damage.file().startsWith(SmallDatabase.DIRECTORY + "/")
                        && damage.offset() >= -1);
        if (!named) {
            throw new AssertionError("an exception that names no damage", refusal);
        }
    }

    private void use(BeachDB db, Mode mode) {
        NavigableMap<String, String> right = verdict.state;
        if (right == null) {
            throw new AssertionError(mode + ": opened, with " + db.sequence() + " as the last sequence");
        }
        read(db, right);
        if (mode == Mode.WRITING) {
            compact(db);
            read(db, right);
        }
        db.close();
    }

    /** What is damaged is not merged away. */
    private void compact(BeachDB db) {
        try {
            db.compact();
        } catch (WriteRefusedException e) {
            refused(e.getCause() instanceof BeachException cause ? cause : e);
        } catch (BeachException e) {
            refused(e);
        }
    }

    private void read(BeachDB db, NavigableMap<String, String> right) {
        for (String key : keys) {
            try {
                byte[] value = db.get(bytes(key));
                String found = value == null ? null : text(value);
                String wanted = right.get(key);
                if (wanted == null ? found != null : !wanted.equals(found)) {
                    throw new AssertionError("get of '" + key + "' gives " + found + ", right is " + wanted);
                }
            } catch (BeachException e) {
                refused(e);
            }
        }
        scan(db, right, true);
        scan(db, right.descendingMap(), false);
    }

    private void scan(BeachDB db, NavigableMap<String, String> right, boolean forwards) {
        String way = forwards ? "forwards" : "backwards";
        try (Cursor cursor = db.cursor()) {
            Iterator<Map.Entry<String, String>> rest = right.entrySet().iterator();
            if (forwards) {
                cursor.first();
            } else {
                cursor.last();
            }
            while (cursor.valid()) {
                String found = text(cursor.key().toArray(ValueLayout.JAVA_BYTE)) + "="
                        + text(cursor.value().toArray(ValueLayout.JAVA_BYTE));
                String wanted = rest.hasNext() ? rest.next().toString() : "the end";
                if (!found.equals(wanted)) {
                    throw new AssertionError(way + " a scan gives " + found + ", right is " + wanted);
                }
                if (forwards) {
                    cursor.next();
                } else {
                    cursor.previous();
                }
            }
            if (rest.hasNext()) {
                throw new AssertionError(way + " a scan ends before " + rest.next());
            }
        } catch (BeachException e) {
            refused(e);
        }
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() {
        budget.close();
    }
}
