package io.beachdb.cli;

import io.beachdb.Range;
import io.beachdb.base.format.Escapes;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which keys: {@code --prefix}, or {@code --from} and {@code --to}; all of them without. */
final class RangeOptions {
    @Option(names = "--prefix", paramLabel = "P", description = "Only keys that begin with P.")
    private @Nullable KeyText prefix;

    @Option(names = "--from", paramLabel = "K", description = "Only keys at or after K.")
    private @Nullable KeyText from;

    @Option(names = "--to", paramLabel = "K", description = "Only keys before K.")
    private @Nullable KeyText to;

    Range range() {
        if (prefix != null) {
            if (from != null || to != null) {
                throw new UsageException("--prefix excludes --from and --to");
            }
            return Range.prefix(prefix.bytes());
        }
        if (from != null && to != null && Arrays.compareUnsigned(from.bytes(), to.bytes()) > 0) {
            throw new UsageException("--from " + Escapes.escape(from.bytes()) + " is behind --to "
                    + Escapes.escape(to.bytes()) + ", so there are no keys between them");
        }
        if (from == null) {
            return to == null ? Range.all() : Range.to(to.bytes());
        }
        return to == null ? Range.from(from.bytes()) : Range.of(from.bytes(), to.bytes());
    }
}
