package io.beachdb.dbtestkit;

/**
 * What a lane was promised.
 *
 * @param logged all logged writes up to this operation are there; -1 for none
 * @param everything all writes up to this operation are there, also those without a log; -1 for none
 */
record CrashPromise(int logged, int everything) {
    static final CrashPromise NOTHING = new CrashPromise(-1, -1);
}
