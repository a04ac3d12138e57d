package io.beachdb.cli;

import io.beachdb.base.format.Escapes;

/** A value as the command line has it: in the escape notation. */
record ValueText(byte[] bytes) {

    /** @throws IllegalArgumentException if an escape is bad */
    static ValueText parse(String text) {
        return new ValueText(Escapes.unescape(text));
    }
}
