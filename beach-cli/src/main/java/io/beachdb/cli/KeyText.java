package io.beachdb.cli;

import io.beachdb.base.format.Escapes;
import io.beachdb.db.Limits;

/** A key as the command line has it: in the escape notation. */
record KeyText(byte[] bytes) {

    /** @throws IllegalArgumentException if it can be no key, of any database */
    static KeyText parse(String text) {
        byte[] key = Escapes.unescape(text);
        Limits.checkKeyLength(key.length);
        return new KeyText(key);
    }
}
