package io.beachdb.db;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.Durability;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.Scheduler;
import org.junit.jupiter.api.Test;

class RequestPoolTest {
    private final Scheduler scheduler = Scheduler.system();

    @Test
    void giveBack_ofAnAbandonedRequest_keepsItFromOthersAndFreesItAtTheClose() {
        try (MemoryBudget budget = MemoryBudget.ofBytes(16 << 20)) {
            MemoryAccount account = budget.openAccount();
            RequestPool pool = new RequestPool(() -> new WriteRequest(account, scheduler, () -> false));
            WriteRequest request = pool.take();
            request.begin(100, 1, Durability.SYNCED);
            pool.giveBack(request);
            assertThat(pool.take()).isSameAs(request);
            request.abandoned = true;
            pool.giveBack(request);

            WriteRequest other = pool.take();
            assertThat(other).isNotSameAs(request);
            assertThat(account.usedBytes())
                    .as("somebody may still read its record")
                    .isPositive();
            pool.giveBack(other);
            pool.close(scheduler, scheduler.newSignal("progress", 0), () -> false);
            assertThat(account.usedBytes()).isZero();
        }
    }
}
