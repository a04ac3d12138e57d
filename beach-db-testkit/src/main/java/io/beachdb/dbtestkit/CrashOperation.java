package io.beachdb.dbtestkit;

import io.beachdb.Durability;
import java.util.List;

/**
 * One thing that a lane of a crash run does.
 *
 * @param index position within the lane, from 0
 * @param kind what it does
 * @param durability how safe the write is when it returns; what {@link Kind#writes} says no to is always SYNCED
 * @param edits what it changes, in order; empty unless it writes
 */
public record CrashOperation(int index, Kind kind, Durability durability, List<Edit> edits) {

    /** Kinds of operations. */
    public enum Kind {
        PUT,
        DELETE,
        BATCH,
        /** {@code flush()}: afterwards all earlier writes are on disk, those without a log too. */
        FLUSH,
        /** {@code sync()}: the same promise, by whatever way is cheapest. */
        SYNC,
        /** {@code compact()}: promises nothing, and must lose nothing. */
        COMPACT;

        boolean writes() {
            return this == PUT || this == DELETE || this == BATCH;
        }
    }

    /**
     * One change of one key.
     *
     * @param key the key, plain ASCII
     * @param length length of the value to put; {@link #DELETE} to delete
     */
    public record Edit(String key, int length) {
        static final int DELETE = -1;

        boolean isPut() {
            return length >= 0;
        }
    }

    /** Returns whether its effect is in the log: then it is there after a crash if a later logged one is. */
    boolean isLogged() {
        return kind.writes() && durability != Durability.UNLOGGED;
    }

    /** Returns whether its return promises that it, and all logged writes before it in its lane, are on disk. */
    boolean isAcknowledged() {
        return durability == Durability.SYNCED && kind != Kind.COMPACT;
    }

    /** Returns whether its return promises that every earlier write of its lane is on disk, logged or not. */
    boolean promisesEverything() {
        return kind == Kind.FLUSH || kind == Kind.SYNC;
    }
}
