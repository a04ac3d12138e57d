package io.beachdb.db;

import io.beachdb.base.BeachException;
import io.beachdb.base.StorageException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Gathers what goes wrong while closing, so that everything is closed all the same and the first problem is told. */
final class Closing {
    private final List<BeachException> problems = new ArrayList<>();

    void attempt(Runnable step) {
        try {
            step.run();
        } catch (BeachException e) {
            add(e);
        } catch (RuntimeException | Error e) {
            add(new StorageException("closing met an error of its own; the rest was closed all the same.", e));
        }
    }

    synchronized void add(@Nullable BeachException problem) {
        if (problem != null && !problems.contains(problem)) {
            problems.add(problem);
        }
    }

    synchronized void throwIfAny() {
        if (problems.isEmpty()) {
            return;
        }
        BeachException first = problems.getFirst();
        problems.stream().skip(1).forEach(first::addSuppressed);
        throw first;
    }
}
