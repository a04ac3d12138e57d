package io.beachdb.db;

import io.beachdb.base.Signal;
import java.util.function.BooleanSupplier;

/** Has background work done by who asks for it, and waits for no time: so a loop works until there is nothing left, and leaves. */
final class InlineScheduler extends StressScheduler {

    @Override
    public void execute(String name, Runnable task) {
        task.run();
    }

    @Override
    public boolean await(Signal signal, BooleanSupplier condition, long timeoutNanos) {
        return condition.getAsBoolean();
    }
}
