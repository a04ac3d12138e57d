package io.beachdb.cli;

/** A key and a value, on their way in. */
record Entry(byte[] key, byte[] value) {}
