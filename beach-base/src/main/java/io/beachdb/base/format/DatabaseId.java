package io.beachdb.base.format;

/** 128 random bits that tell one database's files from another's. */
public record DatabaseId(long high, long low) {

    @Override
    public String toString() {
        return String.format("%016x%016x", high, low);
    }
}
