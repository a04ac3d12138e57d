package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.MemoryBudget;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The limit of a batch is on what it takes in memory, so that no batch takes more of the budget than it may. */
@Timeout(120)
class BatchLimitTest {
    private static final long BUDGET_BYTES = 32L << 20;

    /** Encoded, an operation: kind, length, two bytes of key, length, one byte of value. */
    private static final int OPERATION_BYTES = 6;

    private static final int MOST_OPERATIONS = (int) (BUDGET_BYTES / 4 / (OPERATION_BYTES + 44));

    @TempDir
    private Path directory;

    private static WriteBatch tinyEntries(int count) {
        WriteBatch batch = new WriteBatch();
        for (int i = 0; i < count; i++) {
            batch.put(new byte[] {(byte) i, (byte) (i >> 8)}, new byte[] {1});
        }
        return batch;
    }

    private static Options options(MemoryBudget budget) {
        return Options.builder().memoryBudget(budget).writeBufferBytes(1L << 20).build();
    }

    @Test
    void tinyEntries_beyondWhatTheyMayTakeInMemory_areRefused() {
        try (MemoryBudget budget = MemoryBudget.ofBytes(BUDGET_BYTES);
                BeachDB db = BeachDB.open(directory, options(budget))) {
            WriteBatch batch = tinyEntries(MOST_OPERATIONS + 1);
            assertThat(batch.bytes()).isLessThan((int) (BUDGET_BYTES / 8));
            for (Durability durability : Durability.values()) {
                assertThatThrownBy(() -> db.write(batch, durability))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("operations of " + batch.bytes() + " bytes together")
                        .hasMessageContaining("allowed up to 8388608")
                        .hasMessageContaining("write it in parts");
            }
            assertThat(db.sequence()).isZero();
            try (Cursor cursor = db.cursor()) {
                cursor.first();
                assertThat(cursor.valid()).isFalse();
            }
        }
    }

    @Test
    void tinyEntries_asManyAsMayBe_stayWithinTheBudget() {
        try (MemoryBudget budget = MemoryBudget.ofBytes(BUDGET_BYTES);
                BeachDB db = BeachDB.open(directory, options(budget))) {
            WriteBatch batch = tinyEntries(MOST_OPERATIONS);
            for (int i = 0; i < 8; i++) {
                db.write(batch, Durability.LOGGED);
            }
            assertThat(db.sequence()).isEqualTo(8L * MOST_OPERATIONS);
            assertThat(budget.peakBytes()).isBetween(BUDGET_BYTES / 4, BUDGET_BYTES);
        }
    }
}
