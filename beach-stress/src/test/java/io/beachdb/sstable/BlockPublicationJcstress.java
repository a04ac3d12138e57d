package io.beachdb.sstable;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.beachdb.base.MemoryBudget;
import io.beachdb.base.memory.Epochs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicLong;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/**
 * C1 and T2 of the block cache: a reader that finds a block sees all its bytes as long as it is inside its epoch, while its
 * owner publishes it, lets it go and fills its memory anew. One small cache for all states, each with a file of its own: so
 * it evicts all the time. Two actors, as in all these tests: three would never run on a machine with two processors.
 */
@JCStressTest
@Outcome(id = "0", expect = ACCEPTABLE, desc = "not there: not yet, or no more")
@Outcome(id = "1", expect = ACCEPTABLE, desc = "found, whole and staying so")
@Outcome(id = "2", expect = FORBIDDEN, desc = "found with bytes of another block")
@State
public class BlockPublicationJcstress {
    private static final int BLOCK_BYTES = 4096;

    private static final class ReaderSlot extends Epochs.Slot {}

    private static final Epochs<ReaderSlot> EPOCHS = new Epochs<>(16, ReaderSlot::new);
    private static final BlockCache CACHE =
            new BlockCache(MemoryBudget.ofBytes(16L << 20).openAccount(), EPOCHS, 256 << 10);
    private static final AtomicLong FILES = new AtomicLong();

    private final long file = FILES.incrementAndGet();

    private static void put(long file, long offset) {
        long handle = CACHE.allocate(BLOCK_BYTES);
        MemorySegment memory = CACHE.memory(handle);
        long at = CACHE.offset(handle);
        for (int i = 0; i < BLOCK_BYTES; i += Long.BYTES) {
            memory.set(ValueLayout.JAVA_LONG_UNALIGNED, at + i, file);
        }
        CACHE.unpin(CACHE.publish(handle, file, offset, BlockCache.Priority.DATA));
    }

    @Actor
    public void read(I_Result r) {
        ReaderSlot slot = EPOCHS.enter();
        long handle = CACHE.find(file, 0);
        if (handle != 0) {
            MemorySegment memory = CACHE.memory(handle);
            long at = CACHE.offset(handle);
            r.r1 = 1;
            for (int i = 0; i < BLOCK_BYTES; i += Long.BYTES) {
                if (memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at + i) != file) {
                    r.r1 = 2;
                }
            }
        }
        EPOCHS.exit(slot);
    }

    @Actor
    public void publishAndEvict() {
        put(file, 0);
        CACHE.drop(file);
        put(-file, 0);
        put(-file, BLOCK_BYTES);
    }
}
