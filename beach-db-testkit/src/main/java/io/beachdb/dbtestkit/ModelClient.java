package io.beachdb.dbtestkit;

import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.Durability;
import io.beachdb.Health;
import io.beachdb.Options;
import io.beachdb.Range;
import io.beachdb.Snapshot;
import io.beachdb.WriteBatch;
import io.beachdb.base.BeachException;
import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.testkit.SimulatedRandom;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * A client that knows what the database must hold of its writes, whatever happens to it.
 *
 * <p>It writes batches to keys of its own, and in each batch its own counter. So the counter that is found says how many of
 * its writes are there; all its other keys must be as they were after exactly that many (batches are whole, order is kept,
 * nothing comes from nowhere). The counter must not be below what was promised: synced writes always, logged ones after a
 * death of the process, everything that an earlier opening showed. Unlogged writes count on a key beside.
 */
final class ModelClient {
    private static final int KEYS = 12;

    /** A write that was acknowledged, or is in doubt, and its last sequence. */
    private record Numbered(int count, long sequence) {}

    /**
     * What must be found of the client's writes after a power cut at some moment, and what may.
     *
     * @param logged counter that is promised, at least; {@code written} at most
     * @param unlogged the same for unlogged writes; {@code unloggedWritten} at most
     */
    record Promise(int logged, int written, int unlogged, int unloggedWritten) {}

    private final int index;
    private final int longOneIn;
    private final int longestValue;
    /** Contents after each number of writes; index 0: nothing. */
    private final List<Map<String, byte[]>> states = new ArrayList<>(List.of(new TreeMap<>()));

    private final List<Numbered> numbered = new ArrayList<>();
    private final List<Long> unloggedSequences = new ArrayList<>(); // of each unlogged write
    private long newestGiven; // the newest sequence that the client was told, whatever became of the write
    private int promisedAgainstPowerLoss;
    private int promisedAgainstDeath;
    private int unloggedWritten;
    private int unloggedPromised;
    private int found; // by the latest recover
    private int unloggedFound;
    private Consumer<String> log = what -> {};

    /** Makes a client that has written nothing; one in {@code longOneIn} values is long, up to {@code longestValue} bytes. */
    ModelClient(int index, int longOneIn, int longestValue) {
        this.index = index;
        this.longOneIn = longOneIn;
        this.longestValue = longestValue;
    }

    /** Returns one that knows what this one knows now. */
    ModelClient copy() {
        ModelClient copy = new ModelClient(index, longOneIn, longestValue);
        copy.states.clear();
        copy.states.addAll(states);
        copy.numbered.addAll(numbered);
        copy.unloggedSequences.addAll(unloggedSequences);
        copy.newestGiven = newestGiven;
        copy.unloggedWritten = unloggedWritten;
        return copy;
    }

    int index() {
        return index;
    }

    /** Tells {@code log} of each step as it begins. */
    void tell(Consumer<String> hears) {
        log = hears;
    }

    private int written() {
        return states.size() - 1;
    }

    private String key(int k) {
        return "c" + index + "/k" + k;
    }

    private String counterKey() {
        return "c" + index + "/n";
    }

    private String unloggedKey() {
        return "u" + index;
    }

    private Range range() {
        return Range.prefix(bytes("c" + index + "/"));
    }

    /** Returns what must be found if the power were cut now. */
    Promise promise() {
        return new Promise(promisedAgainstPowerLoss, written(), unloggedPromised, unloggedWritten);
    }

    /** Returns what must be found if the process died now. */
    Promise promiseAgainstDeath() {
        return new Promise(promisedAgainstDeath, written(), unloggedPromised, unloggedWritten);
    }

    /** Returns a number that is equal for equal contents after each number of writes. */
    long fingerprint() {
        long hash = unloggedWritten;
        for (Map<String, byte[]> state : states) {
            for (Map.Entry<String, byte[]> entry : state.entrySet()) {
                hash = CrashWorkload.mix(hash ^ entry.getKey().hashCode(), Arrays.hashCode(entry.getValue()));
            }
            hash = CrashWorkload.mix(hash, state.size());
        }
        return hash;
    }

    // ---- What it does.

    /** Does one thing that {@code own} chooses. */
    void step(BeachDB db, SimulatedRandom own) {
        switch (own.nextInt(16)) {
            case 0 -> flush(db);
            case 1 -> {
                log.accept("compacts");
                db.compact();
            }
            case 2 -> awaitDurable(db, own);
            case 3 -> putUnlogged(db);
            case 4, 5 -> {
                log.accept("scans");
                compareContents(db, written());
            }
            case 6 -> writeBesideSnapshot(db, own);
            case 7 -> compareGets(db);
            default -> write(db, own);
        }
    }

    void flush(BeachDB db) {
        log.accept("flushes");
        makeDurable(db::flush);
        promiseWhatIsSaidDurable(db);
    }

    private void awaitDurable(BeachDB db, SimulatedRandom own) {
        log.accept("awaits that all is durable");
        makeDurable(own.nextInt(2) == 0 ? db::sync : () -> db.awaitDurable(db.sequence()));
    }

    /** All that was written before {@code call} is promised when it returns. */
    private void makeDurable(Runnable call) {
        int written = written();
        int unlogged = unloggedWritten;
        call.run();
        promise(written);
        unloggedPromised = Math.max(unloggedPromised, unlogged);
    }

    /** The database says itself how far writes are on disk. */
    private void promiseWhatIsSaidDurable(BeachDB db) {
        long durable = db.durableSequence();
        for (Numbered write : numbered) {
            if (write.sequence <= durable) {
                promise(write.count);
            }
        }
        for (int i = 0; i < unloggedSequences.size(); i++) {
            if (unloggedSequences.get(i) <= durable) {
                unloggedPromised = Math.max(unloggedPromised, i + 1);
            }
        }
    }

    /** The interval of logged writes has passed; without a failure they are on disk. */
    void intervalPassed(BeachDB db) {
        if (db.health().state() == Health.State.OK) {
            promise(written());
        }
    }

    void putUnlogged(BeachDB db) {
        unloggedWritten++;
        log.accept("makes its unlogged write " + unloggedWritten);
        try {
            long sequence = db.put(bytes(unloggedKey()), counter(unloggedWritten), Durability.UNLOGGED);
            unloggedSequences.add(newSequence(sequence, sequence));
        } catch (WriteIndeterminateException e) {
            unloggedSequences.add(newSequence(e.smallestSequence(), e.largestSequence()));
            throw e;
        } catch (BeachException e) {
            unloggedWritten--; // it did not happen
            throw e;
        }
    }

    void writeBesideSnapshot(BeachDB db, SimulatedRandom own) {
        int written = written();
        log.accept("makes a snapshot");
        try (Snapshot snapshot = db.snapshot()) {
            for (int i = own.nextInt(3); i >= 0; i--) {
                write(db, own);
            }
            compareCursor(snapshot.cursor(range()), states.get(written));
        }
    }

    /** Makes a checkpoint, opens it, compares, and destroys it. */
    void checkpoint(BeachDB db, Path target, Options options) {
        log.accept("makes a checkpoint");
        int written = written();
        makeDurable(() -> db.checkpoint(target));
        try (BeachDB copy = BeachDB.open(target, options)) {
            compareContents(copy, written);
        }
        check(BeachDB.destroy(target, options), "there was nothing to destroy at " + target);
    }

    void write(BeachDB db, SimulatedRandom own) {
        write(db, longOneIn, longestValue, own);
    }

    /** Writes values of up to {@code longest} bytes. */
    void writeLong(BeachDB db, int longest, SimulatedRandom own) {
        write(db, 1, longest, own);
    }

    private void write(BeachDB db, int oneIn, int longest, SimulatedRandom own) {
        Map<String, byte[]> next = new TreeMap<>(states.getLast());
        int count = states.size();
        WriteBatch batch = new WriteBatch();
        batch.put(bytes(counterKey()), counter(count));
        next.put(counterKey(), counter(count));
        for (int i = own.nextInt(4); i > 0; i--) {
            String key = key(own.nextInt(KEYS));
            if (own.nextInt(4) == 0) {
                batch.delete(bytes(key));
                next.remove(key);
            } else {
                byte[] value = new byte[own.nextInt(oneIn) == 0 ? own.nextInt(longest) : own.nextInt(60)];
                Arrays.fill(value, (byte) (count * 31 + i));
                batch.put(bytes(key), value);
                next.put(key, value);
            }
        }
        Durability durability = own.nextInt(2) == 0 ? Durability.SYNCED : Durability.LOGGED;
        log.accept("makes its write " + count + ", of " + batch.count() + " operations, " + durability);
        states.add(next);
        write(db, batch, durability);
        promisedAgainstDeath = Math.max(promisedAgainstDeath, count);
        if (durability == Durability.SYNCED) {
            promise(count);
        }
    }

    /** The last of {@link #states} is the one after the batch; unless it is refused, for then it did not happen. */
    private void write(BeachDB db, WriteBatch batch, Durability durability) {
        try {
            long last = db.write(batch, durability);
            number(last - batch.count() + 1, last);
            promiseWhatIsSaidDurable(db);
        } catch (WriteIndeterminateException e) {
            check(
                    e.largestSequence() - e.smallestSequence() + 1 == batch.count(),
                    "a batch of " + batch.count() + " operations, in doubt: sequences " + e.smallestSequence() + " to "
                            + e.largestSequence());
            number(e.smallestSequence(), e.largestSequence());
            throw e;
        } catch (BeachException e) {
            states.removeLast();
            throw e;
        }
    }

    private void number(long first, long last) {
        numbered.add(new Numbered(written(), newSequence(first, last)));
    }

    private long newSequence(long first, long last) {
        check(first > newestGiven, "sequence " + first + " was given after " + newestGiven);
        newestGiven = last;
        return last;
    }

    /** All that was written is promised. */
    void allDurable() {
        promise(written());
        unloggedPromised = unloggedWritten;
    }

    private void promise(int count) {
        promisedAgainstPowerLoss = Math.max(promisedAgainstPowerLoss, count);
        promisedAgainstDeath = Math.max(promisedAgainstDeath, count);
    }

    // ---- What becomes of it.

    /** The database was closed without an exception: everything is promised. */
    void closed() {
        allDurable();
    }

    /** The power was cut: what was only handed over may be lost. */
    void powerLost() {
        promisedAgainstDeath = promisedAgainstPowerLoss;
    }

    /**
     * Compares what an opening shows with what was promised.
     *
     * @return the sequence of the client's newest write that is there, 0 if there is none
     */
    long recover(BeachDB db) {
        found = compare(db, new Promise(promisedAgainstDeath, written(), unloggedPromised, unloggedWritten));
        unloggedFound = read(db, unloggedKey());
        return newestOf(found);
    }

    /** Returns the sequence of the newest of the first {@code count} writes, 0 if there is none. */
    long newestOf(int count) {
        long newest = 0;
        for (Numbered write : numbered) {
            if (write.count <= count) {
                newest = Math.max(newest, write.sequence);
            }
        }
        return newest;
    }

    /** Checks the prefix across clients: what {@link #recover} missed is newer than anything found. */
    void checkNothingMissingBelow(long newestPresent) {
        checkNothingMissingBelow(found, newestPresent);
    }

    /** The same of an opening that shows {@code count} writes. */
    void checkNothingMissingBelow(int count, long newestPresent) {
        for (Numbered write : numbered) {
            check(
                    write.count <= count || write.sequence > newestPresent,
                    "write " + write + " of client " + index + " is missing, but one of sequence " + newestPresent
                            + " is there");
        }
    }

    /** Goes on from what {@link #recover} found: what an opening showed, no later one may lose. */
    void goOn() {
        states.subList(found + 1, states.size()).clear();
        numbered.removeIf(write -> write.count > found);
        promisedAgainstPowerLoss = found;
        promisedAgainstDeath = found;
        unloggedSequences.subList(unloggedFound, unloggedSequences.size()).clear();
        unloggedWritten = unloggedFound;
        unloggedPromised = unloggedFound;
    }

    // ---- Comparing.

    /**
     * Checks that a write that came after a cut has a sequence of its own, also beside writes that the cut took.
     *
     * @param before what was promised at the cut: of the writes begun by then, only the last may not have been answered
     */
    void checkNewer(Promise before, long sequence) {
        for (Numbered write : numbered) {
            check(
                    write.count >= before.written || write.sequence < sequence,
                    "sequence " + sequence + " was given after " + write.sequence);
        }
    }

    /** Checks that readers see all that was written, in doubt or not. */
    void compareVisible(BeachDB db) {
        compare(db, new Promise(written(), written(), unloggedWritten, unloggedWritten));
    }

    /** Checks that the database holds what {@code promise} says; returns how many logged writes are there. */
    int compare(BeachDB db, Promise promise) {
        int count = read(db, counterKey());
        check(
                count >= promise.logged && count <= promise.written,
                "client " + index + " has " + count + " writes, promised " + promise.logged + ", asked for "
                        + promise.written);
        compareContents(db, count);
        int unlogged = read(db, unloggedKey());
        check(
                unlogged >= promise.unlogged && unlogged <= promise.unloggedWritten,
                "unlogged counter is " + unlogged + ", promised " + promise.unlogged + ", asked for "
                        + promise.unloggedWritten);
        return count;
    }

    /** As {@link #compare}; returns what every later opening must show: exactly this. */
    Promise shown(BeachDB db, Promise promise) {
        int logged = compare(db, promise);
        int unlogged = read(db, unloggedKey());
        return new Promise(logged, logged, unlogged, unlogged);
    }

    private static int read(BeachDB db, String key) {
        byte[] value = db.get(bytes(key));
        return value == null ? 0 : Integer.parseInt(new String(value, StandardCharsets.UTF_8));
    }

    private void compareContents(BeachDB db, int count) {
        compareCursor(db.cursor(range()), states.get(count));
    }

    private void compareCursor(Cursor opened, Map<String, byte[]> expected) {
        try (Cursor cursor = opened) {
            Map<String, byte[]> forwards = new TreeMap<>();
            for (cursor.first(); cursor.valid(); cursor.next()) {
                take(cursor, forwards);
            }
            checkEqual(expected, forwards, "forwards");
            Map<String, byte[]> backwards = new TreeMap<>();
            for (cursor.last(); cursor.valid(); cursor.previous()) {
                take(cursor, backwards);
            }
            checkEqual(expected, backwards, "backwards");
        }
    }

    private static void take(Cursor cursor, Map<String, byte[]> into) {
        String key = new String(cursor.key().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        check(
                into.put(key, cursor.value().toArray(ValueLayout.JAVA_BYTE)) == null,
                "a cursor showed " + key + " twice");
    }

    private void compareGets(BeachDB db) {
        log.accept("gets");
        Map<String, byte[]> expected = states.getLast();
        for (int k = 0; k < KEYS; k++) {
            String key = key(k);
            check(Arrays.equals(expected.get(key), db.get(bytes(key))), "get of " + key + " is not what was put last");
        }
    }

    private void checkEqual(Map<String, byte[]> expected, Map<String, byte[]> actual, String direction) {
        check(
                expected.keySet().equals(actual.keySet()),
                "client " + index + " " + direction + ": keys " + actual.keySet() + ", expected " + expected.keySet());
        expected.forEach((key, value) ->
                check(Arrays.equals(value, actual.get(key)), direction + ": the value of " + key + " differs"));
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    private static byte[] counter(int count) {
        return bytes(Integer.toString(count));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
