package io.beachdb.dbtestkit;

import io.beachdb.BeachDB;
import java.util.List;

/** Two clients of one database: the one that does everything, and one that writes beside it at times. */
record ModelClients(ModelClient first, ModelClient second) {
    /** What must be found of the writes of both, and what may. */
    record Promise(ModelClient.Promise first, ModelClient.Promise second) {
        private static final ModelClient.Promise NONE = new ModelClient.Promise(0, 0, 0, 0);
        static final Promise NOTHING = new Promise(NONE, NONE);
    }

    /** Makes two that have written nothing; of both, one in {@code longOneIn} values is long. */
    static ModelClients of(int longOneIn, int longestValue) {
        return new ModelClients(
                new ModelClient(0, longOneIn, longestValue), new ModelClient(1, longOneIn, longestValue));
    }

    List<ModelClient> both() {
        return List.of(first, second);
    }

    ModelClients copy() {
        return new ModelClients(first.copy(), second.copy());
    }

    Promise promise() {
        return new Promise(first.promise(), second.promise());
    }

    Promise promiseAgainstDeath() {
        return new Promise(first.promiseAgainstDeath(), second.promiseAgainstDeath());
    }

    long fingerprint() {
        return CrashWorkload.mix(first.fingerprint(), second.fingerprint());
    }

    void closed() {
        first.closed();
        second.closed();
    }

    /** Compares what an opening shows with what was promised, and goes on from there. */
    void recover(BeachDB db) {
        long newestOfFirst = first.recover(db);
        long newestOfSecond = second.recover(db);
        first.checkNothingMissingBelow(newestOfSecond);
        second.checkNothingMissingBelow(newestOfFirst);
        first.goOn();
        second.goOn();
    }

    void compareVisible(BeachDB db) {
        first.compareVisible(db);
        second.compareVisible(db);
    }

    /** Checks that the database holds what {@code promise} says. */
    void compare(BeachDB db, Promise promise) {
        first.compare(db, promise.first);
        second.compare(db, promise.second);
    }

    /** As {@link #compare}, and of both together a prefix; returns what every later opening must show: exactly this. */
    Promise shown(BeachDB db, Promise promise) {
        Promise shown = new Promise(first.shown(db, promise.first), second.shown(db, promise.second));
        first.checkNothingMissingBelow(shown.first.logged(), second.newestOf(shown.second.logged()));
        second.checkNothingMissingBelow(shown.second.logged(), first.newestOf(shown.first.logged()));
        return shown;
    }

    /** As {@link ModelClient#checkNewer}, of a write that is neither's. */
    void checkNewer(Promise before, long sequence) {
        first.checkNewer(before.first, sequence);
        second.checkNewer(before.second, sequence);
    }
}
