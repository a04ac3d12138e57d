package io.beachdb.dbtestkit;

import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.Durability;
import io.beachdb.Range;
import io.beachdb.Reader;
import io.beachdb.Snapshot;
import io.beachdb.WriteBatch;
import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.dbtestkit.ObservedHistory.Operation;
import io.beachdb.testkit.SimulatedRandom;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A client of keys that all clients write and read, which tells an {@link ObservedHistory} what it did and saw. */
final class SharedClient {
    /** How many keys are shared. */
    static final int KEYS = 4;

    private static final String PREFIX = "s/";

    /** What the clients share: the history, each value that anybody ever wrote, by number, and the sequences of the writes. */
    static final class Shared {
        private final ObservedHistory history = new ObservedHistory(KEYS);
        private final List<byte[]> values = new ArrayList<>(List.of(new byte[0]));
        private final NavigableMap<Long, Long> given = new TreeMap<>(); // sequences of writes, first to last
        private long newestGiven;

        ObservedHistory history() {
            return history;
        }

        private int newValue(int length) {
            int number = values.size();
            byte[] value = Arrays.copyOf(bytes(number + " "), Math.max(length, 12));
            Arrays.fill(value, (number + " ").length(), value.length, (byte) ('a' + number % 26));
            values.add(value);
            return number;
        }

        /** Returns the number of a value that was read, every byte of which must be as it was written. */
        private int number(byte @Nullable [] value) {
            if (value == null) {
                return ObservedHistory.ABSENT;
            }
            String text = new String(value, StandardCharsets.ISO_8859_1);
            int space = text.indexOf(' ');
            int number = space > 0 && text.substring(0, space).chars().allMatch(Character::isDigit)
                    ? Integer.parseInt(text.substring(0, space))
                    : 0;
            if (number == 0 || number >= values.size() || !Arrays.equals(values.get(number), value)) {
                throw new AssertionError("a value that nobody wrote: '" + text + "'");
            }
            return number;
        }

        /**
         * A write was told its sequences. None is ever given twice, in no life, whatever became of the first write; and what
         * is asked for later comes later.
         *
         * @param newestBefore the newest that anybody had been told when the write was called
         */
        void number(long first, long last, long newestBefore) {
            Map.Entry<Long, Long> before = given.floorEntry(last);
            if (first <= newestBefore || before != null && before.getValue() >= first) {
                throw new AssertionError("sequences " + first + " to " + last + " were given after " + newestBefore
                        + (before == null ? "" : ", and beside " + before.getKey() + " to " + before.getValue()));
            }
            given.put(first, last);
            newestGiven = Math.max(newestGiven, last);
        }

        /** Checks everything that clients saw, and what is there now. */
        void check(BeachDB db) {
            history.check(db.multiGet(keys()).stream().mapToInt(this::number).toArray());
        }
    }

    private final Shared shared;
    private final String name;
    private final Consumer<String> log;

    /** @param log hears of each step as it begins */
    SharedClient(Shared shared, int index, Consumer<String> log) {
        this.shared = shared;
        this.name = "client " + index;
        this.log = log;
    }

    private static byte[] key(int k) {
        return bytes(PREFIX + k);
    }

    private static List<byte[]> keys() {
        List<byte[]> keys = new ArrayList<>();
        for (int k = 0; k < KEYS; k++) {
            keys.add(key(k));
        }
        return keys;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Does one thing that {@code own} chooses. */
    void step(BeachDB db, SimulatedRandom own) {
        switch (own.nextInt(12)) {
            case 0, 1 -> get(db, own.nextInt(KEYS));
            case 2 -> multiGet(db);
            case 3 -> {
                Operation read = begin("opens a cursor");
                try (Cursor cursor = db.cursor(Range.prefix(bytes(PREFIX)))) {
                    read.returned();
                    readAll(cursor, own.nextInt(2) == 0, read);
                }
            }
            case 4, 5 -> holdSnapshot(db, own);
            case 6 -> sync(db, own.nextInt(2) == 0);
            default -> write(db, own);
        }
    }

    private Operation begin(String what) {
        log.accept(what);
        return shared.history.read(name);
    }

    private void get(Reader reader, int k) {
        Operation read = begin("gets s/" + k);
        byte[] value = reader.get(key(k));
        read.returned();
        read.saw(k, shared.number(value));
    }

    private void multiGet(Reader reader) {
        Operation read = begin("gets all s/ keys");
        List<byte @Nullable []> values = reader.multiGet(keys());
        read.returned();
        for (int k = 0; k < KEYS; k++) {
            read.saw(k, shared.number(values.get(k)));
        }
    }

    /** Everything that a snapshot shows, however late, is of the moment at which it was made. */
    private void holdSnapshot(BeachDB db, SimulatedRandom own) {
        Operation read = begin("makes a snapshot");
        try (Snapshot snapshot = db.snapshot()) {
            read.returned();
            for (int i = own.nextInt(3); i >= 0; i--) {
                int k = own.nextInt(KEYS);
                read.saw(k, shared.number(snapshot.get(key(k))));
                write(db, own);
            }
            try (Cursor cursor = snapshot.cursor(Range.prefix(bytes(PREFIX)))) {
                readAll(cursor, own.nextInt(2) == 0, read);
            }
        }
    }

    private void readAll(Cursor cursor, boolean forwards, Operation read) {
        boolean[] present = new boolean[KEYS];
        if (forwards) {
            cursor.first();
        } else {
            cursor.last();
        }
        while (cursor.valid()) {
            String key = new String(cursor.key().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
            int k = Integer.parseInt(key.substring(PREFIX.length()));
            present[k] = true;
            read.saw(k, shared.number(cursor.value().toArray(ValueLayout.JAVA_BYTE)));
            if (forwards) {
                cursor.next();
            } else {
                cursor.previous();
            }
        }
        for (int k = 0; k < KEYS; k++) {
            if (!present[k]) {
                read.saw(k, ObservedHistory.ABSENT);
            }
        }
    }

    private void sync(BeachDB db, boolean byAwaiting) {
        log.accept(byAwaiting ? "awaits that all is durable" : "syncs");
        List<Operation> before = shared.history.returnedWrites();
        if (byAwaiting) {
            db.awaitDurable(db.sequence());
        } else {
            db.sync();
        }
        shared.history.durable(before);
    }

    private void write(BeachDB db, SimulatedRandom own) {
        int[] values = new int[KEYS];
        Arrays.fill(values, ObservedHistory.UNTOUCHED);
        WriteBatch batch = new WriteBatch();
        StringBuilder text = new StringBuilder("writes");
        for (int i = own.nextInt(3) == 0 ? own.nextInt(KEYS) : 0; i >= 0; i--) {
            int k = own.nextInt(KEYS);
            if (own.nextInt(4) == 0) {
                values[k] = ObservedHistory.ABSENT;
                batch.delete(key(k));
            } else {
                values[k] = shared.newValue(own.nextInt(10) == 0 ? own.nextInt(5000) : own.nextInt(60));
                batch.put(key(k), shared.values.get(values[k]));
            }
            text.append(" s/").append(k).append(values[k] == 0 ? " (deleted)" : " #" + values[k]);
        }
        boolean synced = own.nextInt(2) == 0;
        log.accept(text.append(synced ? ", synced" : ", logged").toString());
        Operation write = shared.history.write(name, values);
        long newestBefore = shared.newestGiven;
        try {
            long last = db.write(batch, synced ? Durability.SYNCED : Durability.LOGGED);
            shared.number(last - batch.count() + 1, last, newestBefore);
        } catch (WriteRefusedException e) {
            write.refused();
            throw e;
        } catch (WriteIndeterminateException e) {
            shared.number(e.smallestSequence(), e.largestSequence(), newestBefore);
            log.accept("is told that this write is in doubt"); // it has no end: it may happen at any time, or never
            throw e;
        }
        if (synced) {
            write.returnedDurable();
        } else {
            write.returned();
        }
    }
}
