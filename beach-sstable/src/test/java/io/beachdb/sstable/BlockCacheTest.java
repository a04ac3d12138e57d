package io.beachdb.sstable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.ClosedException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.memory.Epochs;
import io.beachdb.base.memory.NativeBlock;
import io.beachdb.sstable.BlockCache.Priority;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BlockCacheTest {
    private static final long SEED = 20261122;
    private static final int MIB = 1 << 20;
    private static final int BLOCK = 4096;

    private final MemoryBudget budget = MemoryBudget.ofBytes(256L * MIB);
    private final MemoryAccount account = budget.openAccount();
    private final Epochs<ReaderSlot> epochs = new Epochs<>(8, ReaderSlot::new);
    private @Nullable BlockCache cache;

    private static final class ReaderSlot extends Epochs.Slot {}

    private BlockCache open(long maxBytes) {
        BlockCache made = new BlockCache(account, epochs, maxBytes);
        cache = made;
        return made;
    }

    /** Whatever a test does: at the end every byte is given back. */
    @AfterEach
    void close_afterAnything_accountIsZero() {
        if (cache != null) {
            cache.close();
        }
        assertThat(account.usedBytes()).isZero();
        assertThat(budget.usedBytes()).isZero();
        budget.close();
    }

    private static int lengthOf(long file, long offset) {
        return 3500 + (int) (BlockCacheSpace.hash(offset, file) >>> 1) % 700 + 700;
    }

    private static void fill(BlockCache cache, long handle, long file, long offset) {
        MemorySegment memory = cache.memory(handle);
        long at = cache.offset(handle);
        int length = cache.length(handle);
        long word = BlockCacheSpace.hash(file, ~offset);
        int i = 0;
        for (; i + 8 <= length; i += 8) {
            memory.set(ValueLayout.JAVA_LONG_UNALIGNED, at + i, word + i);
        }
        for (; i < length; i++) {
            memory.set(ValueLayout.JAVA_BYTE, at + i, (byte) (word + i));
        }
    }

    private static boolean isContent(BlockCache cache, long handle, long file, long offset) {
        MemorySegment memory = cache.memory(handle);
        long at = cache.offset(handle);
        int length = cache.length(handle);
        long word = BlockCacheSpace.hash(file, ~offset);
        boolean same = true;
        int i = 0;
        for (; i + 8 <= length; i += 8) {
            same &= memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at + i) == word + i;
        }
        for (; i < length; i++) {
            same &= memory.get(ValueLayout.JAVA_BYTE, at + i) == (byte) (word + i);
        }
        return same;
    }

    /** What a reader does: find, or load and publish; inside an epoch, not pinned afterwards. Returns whether it was a hit. */
    private boolean read(BlockCache in, long file, long offset, int length, Priority priority) {
        ReaderSlot slot = epochs.enter();
        try {
            long handle = in.find(file, offset);
            boolean hit = handle != 0;
            if (!hit) {
                handle = in.allocate(length);
                fill(in, handle, file, offset);
                handle = in.publish(handle, file, offset, priority);
                in.unpin(handle);
            }
            if (in.length(handle) != length || !isContent(in, handle, file, offset)) {
                throw new AssertionError("wrong content of " + file + ", " + offset);
            }
            return hit;
        } finally {
            epochs.exit(slot);
        }
    }

    private boolean read(BlockCache in, long file, long offset) {
        return read(in, file, offset, BLOCK, Priority.DATA);
    }

    private long pinned(BlockCache in, long file, long offset) {
        ReaderSlot slot = epochs.enter();
        try {
            long handle = in.find(file, offset);
            if (handle != 0) {
                in.pin(handle);
            }
            return handle;
        } finally {
            epochs.exit(slot);
        }
    }

    @Test
    void find_publishedBlock_givesItsBytes() {
        BlockCache in = open(4 * MIB);
        assertThat(read(in, 1, 0, 5000, Priority.DATA)).isFalse();
        assertThat(read(in, 1, 0, 5000, Priority.DATA)).isTrue();
        assertThat(read(in, 1, 5000, 0, Priority.DATA)).isFalse();
        assertThat(read(in, 1, 5000, 0, Priority.METADATA)).isTrue();
        assertThat(in.find(2, 0)).isZero();
        CacheStats stats = in.stats();
        assertThat(stats.hits()).isEqualTo(2);
        assertThat(stats.misses()).isEqualTo(3);
        assertThat(stats.inserts()).isEqualTo(2);
        assertThat(stats.blocks()).isEqualTo(2);
        assertThat(stats.dataBytes()).isEqualTo(5000);
        assertThat(stats.metadataBytes()).isZero();
        assertThat(stats.pinnedBytes()).isZero();
        assertThat(stats.heldBytes()).isEqualTo(account.usedBytes(MemoryUse.CACHE));
    }

    @Test
    void find_ownedOrDiscardedBlock_findsNothing() {
        BlockCache in = open(4 * MIB);
        long owned = in.allocate(100);
        fill(in, owned, 1, 1);
        assertThat(in.find(1, 1)).isZero();
        assertThat(in.stats().pinnedBytes()).isEqualTo(100);
        in.discard(owned);
        assertThat(in.find(1, 1)).isZero();
        assertThat(in.stats().pinnedBytes()).isZero();
    }

    @Test
    void publish_secondBlockOfOneKey_givesTheFirstPinned() {
        BlockCache in = open(4 * MIB);
        long first = in.allocate(100);
        long second = in.allocate(100);
        assertThat(in.publish(first, 7, 8, Priority.DATA)).isEqualTo(first);
        in.unpin(first);
        assertThat(in.publish(second, 7, 8, Priority.DATA)).isEqualTo(first);
        assertThat(in.stats().pinnedBytes()).isEqualTo(100);
        in.unpin(first);
        assertThat(in.stats().pinnedBytes()).isZero();
        assertThat(in.stats().inserts()).isEqualTo(1);
        assertThatThrownBy(() -> in.unpin(first))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("C2");
        in.pin(first);
    }

    @Test
    void misuse_anyCall_isANamedException() {
        BlockCache in = open(4 * MIB);
        assertThatThrownBy(() -> in.allocate(-1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("0 to 524288");
        assertThatThrownBy(() -> in.allocate(BlockCache.MAX_BLOCK_BYTES + 1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new BlockCache(account, epochs, -1)).isInstanceOf(IllegalArgumentException.class);
        long owned = in.allocate(10);
        in.close();
        in.close();
        assertThatThrownBy(() -> in.find(1, 1)).isInstanceOf(ClosedException.class);
        assertThatThrownBy(() -> in.allocate(1)).isInstanceOf(ClosedException.class);
        assertThatThrownBy(() -> in.publish(owned, 1, 1, Priority.DATA)).isInstanceOf(ClosedException.class);
        assertThatThrownBy(() -> in.drop(1)).isInstanceOf(ClosedException.class);
    }

    /** Random calls by one thread, with pins held over many of them, against a map of what was published. */
    @ParameterizedTest
    @ValueSource(ints = {0, 64 << 10, MIB, 2 * MIB, 6 * MIB, 20 * MIB})
    void anyCalls_againstAModel_giveOnlyWhatWasPublished(int maxBytes) {
        record Pin(long handle, long file, long offset) {}
        BlockCache in = open(maxBytes);
        SplittableRandom random = new SplittableRandom(SEED);
        Map<Long, Long> dropped = new HashMap<>();
        List<Pin> pins = new ArrayList<>();
        long hits = 0;
        long pinnedBytes = 0;
        int[] lengths = {0, 1, 31, 32, 33, 4000, 4096, 4300, 16_000, 70_000, 300_000, BlockCache.MAX_BLOCK_BYTES};
        for (int i = 0; i < 60_000; i++) {
            long file = 1 + random.nextInt(6) + dropped.size() * 6L;
            long offset = random.nextInt(400) * (long) random.nextInt(1, 4);
            int length = lengths[Math.floorMod(BlockCacheSpace.hash(file, offset), offset % 16 == 0 ? 12 : 9)];
            int what = random.nextInt(1000);
            if (what < 800) {
                Priority priority = offset % 7 == 0 ? Priority.METADATA : Priority.DATA;
                hits += read(in, file, offset, length, priority) ? 1 : 0;
            } else if (what < 900) {
                long handle = pinned(in, file, offset);
                if (handle != 0) {
                    pins.add(new Pin(handle, file, offset));
                    pinnedBytes += in.length(handle);
                }
            } else if (what < 990) {
                if (!pins.isEmpty() && (random.nextBoolean() || pins.size() > 40)) {
                    Pin pin = pins.remove(random.nextInt(pins.size()));
                    pinnedBytes -= in.length(pin.handle);
                    in.unpin(pin.handle);
                }
            } else if (what < 996) {
                in.discard(in.allocate(length));
            } else if (what < 999) {
                budgetPressure(random.nextInt(1, 3 * MIB));
            } else if (random.nextInt(10) == 0) {
                in.drop(file);
                for (long at = 0; at < 1200; at++) {
                    assertThat(in.find(file, at)).isZero();
                }
            }
            for (Pin pin : pins) {
                if (i % 50 == 0 && !isContent(in, pin.handle, pin.file, pin.offset)) {
                    throw new AssertionError("seed " + SEED + ", step " + i + ": a pinned block changed");
                }
            }
            assertThat(account.usedBytes(MemoryUse.CACHE)).isLessThanOrEqualTo(maxBytes + (64 << 10));
        }
        CacheStats stats = in.stats();
        assertThat(stats.pinnedBytes()).isEqualTo(pinnedBytes);
        assertThat(stats.heldBytes()).isEqualTo(account.usedBytes(MemoryUse.CACHE));
        assertThat(stats.overdraftBytes()).isEqualTo(account.usedBytes(MemoryUse.PINNED));
        assertThat(hits).as("seed " + SEED).isGreaterThan(0);
        pins.forEach(pin -> in.unpin(pin.handle));
        assertThat(in.stats().pinnedBytes()).isZero();
    }

    private void budgetPressure(int bytes) {
        long free = budget.capacityBytes() - budget.usedBytes();
        account.charge(MemoryUse.MEMTABLE, free + bytes);
        account.release(MemoryUse.MEMTABLE, free + bytes);
    }

    // ------------------------------------------------------------------------------------------------ what stays

    @Test
    void scan_largerThanTheCache_leavesTheHotSet() {
        BlockCache in = open(16 * MIB);
        int hot = 2000; // half of what fits
        for (int round = 0; round < 10; round++) {
            readHot(in, hot);
        }
        int hits = 0;
        int reads = 0;
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 40_000; i++) { // 160 MiB
            read(in, 2, i);
            if (i % 4 == 0) {
                hits += read(in, 1, random.nextInt(hot)) ? 1 : 0;
                reads++;
            }
        }
        assertThat((double) hits / reads).isGreaterThan(0.99);
        // And a scan that nobody reads the hot set in.
        for (int i = 0; i < 40_000; i++) {
            read(in, 3, i);
        }
        assertThat(readHot(in, hot) / (double) hot).isGreaterThan(0.9);
    }

    private int readHot(BlockCache in, int blocks) {
        int hits = 0;
        for (int i = 0; i < blocks; i++) {
            hits += read(in, 1, i) ? 1 : 0;
        }
        return hits;
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 4, 16, 32})
    void zipf_randomReads_hitAsOftenAsLru(int cacheMib) {
        BlockCache in = open(cacheMib * (long) MIB);
        int blocks = cacheMib * 256 * 10;
        LinkedHashMap<Integer, Boolean> lru = new LinkedHashMap<>(16, 0.75f, true);
        int fits = (int) (cacheMib * (long) MIB / (BLOCK + 100));
        double[] cumulative = new double[blocks];
        double sum = 0;
        for (int i = 0; i < blocks; i++) {
            sum += 1 / Math.pow(i + 1, 0.9);
            cumulative[i] = sum;
        }
        SplittableRandom random = new SplittableRandom(SEED);
        int hits = 0;
        int lruHits = 0;
        int reads = 150_000;
        for (int i = 0; i < reads; i++) {
            int rank = java.util.Arrays.binarySearch(cumulative, random.nextDouble() * sum);
            int block = rank < 0 ? -rank - 1 : rank;
            boolean count = i > reads / 3;
            hits += read(in, 1, block) && count ? 1 : 0;
            lruHits += lru.get(block) != null && count ? 1 : 0;
            lru.put(block, true);
            if (lru.size() > fits) {
                lru.remove(lru.keySet().iterator().next());
            }
        }
        assertThat((double) hits / lruHits).as("seed " + SEED).isGreaterThan(1.0);
    }

    @Test
    void metadata_usedSeldom_outlivesData() {
        BlockCache in = open(16 * MIB);
        for (int i = 0; i < 1000; i++) {
            read(in, 9, i, BLOCK, Priority.METADATA);
        }
        for (int i = 0; i < 8000; i++) { // twice the cache, each block used twice
            read(in, 1, i);
            read(in, 1, i);
        }
        int kept = 0;
        for (int i = 0; i < 1000; i++) {
            kept += read(in, 9, i, BLOCK, Priority.METADATA) ? 1 : 0;
        }
        assertThat(kept).isGreaterThan(950);
    }

    @Test
    void metadata_muchOfIt_leavesDataItsShare() {
        BlockCache in = open(16 * MIB);
        SplittableRandom random = new SplittableRandom(SEED);
        int hits = 0;
        for (int i = 0; i < 60_000; i++) {
            read(in, 9, i, BLOCK, Priority.METADATA);
            if (i > 20_000) {
                hits += read(in, 1, random.nextInt(600)) ? 1 : 0;
            }
        }
        assertThat(hits).isGreaterThan(36_000);
        assertThat(in.stats().metadataBytes()).isLessThan(13L * MIB);
        // Not for ever: unused, it goes.
        for (int round = 0; round < 40; round++) {
            for (int i = 0; i < 3000; i++) {
                read(in, 1, i);
                read(in, 1, i);
            }
        }
        assertThat(in.stats().metadataBytes()).isLessThan(8L * MIB);
    }

    @Test
    void sizes_changing_allMemoryServesTheNewSize() {
        BlockCache in = open(32 * MIB);
        for (int size : new int[] {4096, 60_000, 1000, 17_000, 250_000, 4096}) {
            int blocks = (int) (20L * MIB / size);
            int hits = 0;
            for (int round = 0; round < 8; round++) {
                hits = 0;
                for (int i = 0; i < blocks; i++) {
                    hits += read(in, size, i, size, Priority.DATA) ? 1 : 0;
                }
            }
            assertThat(hits / (double) blocks).as("blocks of " + size).isGreaterThan(0.95);
        }
    }

    /** Blocks that need segments of their own grow old like all others. */
    @ParameterizedTest
    @ValueSource(ints = {40_000, 100_000, 300_000})
    void largeBlocks_usedNoMore_giveWay(int size) {
        BlockCache in = open(2 * MIB);
        for (int round = 0; round < 4; round++) {
            for (int i = 0; i < 3; i++) {
                read(in, 1, i, size, i == 2 ? Priority.METADATA : Priority.DATA);
            }
        }
        assertThat(read(in, 1, 1, size, Priority.DATA)).isTrue();
        for (int i = 0; i < 8000; i++) {
            read(in, 2, i);
            read(in, 2, i);
        }
        for (int i = 0; i < 3; i++) {
            assertThat(in.find(1, i)).as("block " + i).isZero();
        }
    }

    // ------------------------------------------------------------------------------------------------ memory

    @ParameterizedTest
    @ValueSource(ints = {MIB, 2 * MIB, 3 * MIB + 12345, 40 * MIB})
    void memory_anyReads_staysWithinTheBound(int maxBytes) {
        BlockCache in = open(maxBytes);
        int slack = maxBytes / 32; // a larger lookup table, until the next segment is free
        for (int i = 0; i < 3 * maxBytes / BLOCK; i++) {
            read(in, 1, i);
            assertThat(account.usedBytes(MemoryUse.CACHE)).isLessThanOrEqualTo(maxBytes + slack);
        }
        assertThat(account.usedBytes(MemoryUse.CACHE)).isLessThanOrEqualTo(maxBytes);
        assertThat(account.usedBytes(MemoryUse.CACHE)).isGreaterThan(maxBytes / 4 * 3L);
        assertThat(in.stats().dataBytes()).isGreaterThan(maxBytes / 2);
        assertThat(budget.peakBytes()).as("overdraft on the way").isLessThan(maxBytes + slack + 64 * 1024);
    }

    @Test
    void zeroSize_anyReads_holdNothingForLong() {
        BlockCache in = open(0);
        long handle = 0;
        for (int i = 0; i < 1000; i++) {
            read(in, 1, i);
            assertThat(account.usedBytes(MemoryUse.PINNED)).isLessThanOrEqualTo(3 * 8192);
            if (i == 500) {
                handle = pinned(in, 1, i);
            }
        }
        assertThat(handle).isNotZero();
        assertThat(isContent(in, handle, 1, 500)).isTrue();
        in.unpin(handle);
    }

    @Test
    void reclaim_nobodyInside_givesWhatIsAskedFor() {
        BlockCache in = open(200L * MIB);
        for (int i = 0; i < 60_000; i++) {
            read(in, 1, i);
        }
        assertThat(account.usedBytes(MemoryUse.CACHE)).isGreaterThan(190L * MIB);
        long free = budget.capacityBytes() - budget.usedBytes();
        assertThat(account.tryCharge(MemoryUse.MEMTABLE, free)).isTrue();
        assertThat(account.tryCharge(MemoryUse.MEMTABLE, 64L * MIB)).isTrue();
        assertThat(account.usedBytes(MemoryUse.CACHE)).isLessThan(140L * MIB);
        assertThat(account.tryCharge(MemoryUse.MEMTABLE, 125L * MIB))
                .as("nearly all")
                .isTrue();
        assertThat(budget.overdraftBytes()).isZero();
        read(in, 1, 70_000);
        assertThat(read(in, 1, 70_000)).isTrue();
        account.release(MemoryUse.MEMTABLE, free + 189L * MIB);
    }

    @Test
    void reclaim_readerInside_takesNothingItSees() {
        BlockCache in = open(64L * MIB);
        for (int i = 0; i < 15_000; i++) {
            read(in, 1, i);
        }
        ReaderSlot slot = epochs.enter();
        long[] handles = new long[15_000];
        for (int i = 0; i < handles.length; i++) {
            handles[i] = in.find(1, i);
        }
        long more = budget.capacityBytes() - budget.usedBytes() + 40L * MIB;
        account.charge(MemoryUse.MEMTABLE, more);
        assertThat(budget.overdraftBytes()).isGreaterThan(30L * MIB);
        for (int i = 0; i < handles.length; i++) {
            assertThat(handles[i] == 0 || isContent(in, handles[i], 1, i)).isTrue();
        }
        epochs.exit(slot);
        for (int i = 0; i < 600; i++) {
            read(in, 2, i); // whatever is called next pays what is owed
        }
        assertThat(budget.overdraftBytes()).isLessThan(MIB);
        account.release(MemoryUse.MEMTABLE, more);
    }

    /** The pin comes after the sweep copied the block, but still in the epoch in which it was found. */
    @Test
    void pin_blockMovedSinceItWasFound_keepsIt() {
        BlockCache in = open(8L * MIB);
        for (int i = 0; i < 3000; i++) {
            read(in, 1, i);
        }
        ReaderSlot slot = epochs.enter();
        int oldest = 0;
        while (in.find(1, oldest) == 0) {
            oldest++;
        }
        long handle = in.find(1, oldest);
        for (int i = 0; i < 500; i++) {
            read(in, 2, i);
        }
        assertThat(in.find(1, oldest)).isNotEqualTo(handle);
        in.pin(handle);
        epochs.exit(slot);
        overwriteWhatIsFree(in);
        assertThat(isContent(in, handle, 1, oldest)).isTrue();
        in.unpin(handle);
    }

    /** The block dies after the sweep of its segment, seen by a reader who came after the sweep. */
    @Test
    void drop_blockOfASweptSegment_waitsForItsReaders() {
        BlockCache in = open(8L * MIB);
        for (int i = 0; i < 1500; i++) {
            read(in, 1, i);
        }
        long pinned = pinned(in, 1, 700);
        ReaderSlot before = epochs.enter();
        long more = budget.capacityBytes() - budget.usedBytes() + 8L * MIB;
        account.charge(MemoryUse.MEMTABLE, more);
        account.release(MemoryUse.MEMTABLE, more);
        ReaderSlot after = epochs.enter();
        assertThat(in.find(1, 700)).isEqualTo(pinned);
        in.unpin(pinned);
        in.drop(1);
        epochs.exit(before);
        overwriteWhatIsFree(in);
        assertThat(isContent(in, pinned, 1, 700)).isTrue();
        epochs.exit(after);
    }

    private void overwriteWhatIsFree(BlockCache in) {
        for (int i = 0; i < 4000; i++) {
            read(in, 2, i);
        }
        List<NativeBlock> blocks = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            blocks.add(account.acquire(MemoryUse.SCRATCH, 256 << 10));
        }
        blocks.forEach(block -> block.memory().fill((byte) 0xA5));
        blocks.forEach(block -> account.release(MemoryUse.SCRATCH, block));
    }

    @Test
    void allocate_allQuietNever_overdrawsAndGivesBack() {
        BlockCache in = open(2 * MIB);
        for (int i = 0; i < 2000; i++) {
            read(in, 1, i);
        }
        ReaderSlot slot = epochs.enter();
        for (int i = 0; i < 2000; i++) {
            read(in, 2, i);
        }
        long overdraft = account.usedBytes(MemoryUse.PINNED);
        assertThat(overdraft).isGreaterThan(4 * MIB);
        assertThat(in.stats().overdraftBytes()).isEqualTo(overdraft);
        assertThat(account.usedBytes(MemoryUse.CACHE)).isLessThanOrEqualTo(2 * MIB);
        epochs.exit(slot);
        for (int i = 0; i < 3000; i++) {
            read(in, 3, i);
        }
        assertThat(account.usedBytes(MemoryUse.PINNED)).isLessThanOrEqualTo(4 * 8192);
    }

    @Test
    void allocate_allPinned_overdrawsAndGivesBack() {
        BlockCache in = open(2 * MIB);
        List<Long> pins = new ArrayList<>();
        for (int i = 0; i < 1500; i++) {
            long handle = in.allocate(BLOCK);
            fill(in, handle, 1, i);
            pins.add(in.publish(handle, 1, i, Priority.DATA));
        }
        assertThat(account.usedBytes(MemoryUse.PINNED)).isGreaterThan(4 * MIB);
        for (int i = 0; i < 1500; i++) {
            assertThat(isContent(in, pins.get(i), 1, i)).isTrue();
            in.unpin(pins.get(i));
        }
        for (int i = 0; i < 3000; i++) {
            read(in, 2, i);
        }
        assertThat(account.usedBytes(MemoryUse.PINNED)).isLessThanOrEqualTo(4 * 8192);
        assertThat(in.stats().pinnedBytes()).isZero();
    }

    /** A few pinned blocks in every segment hold up only themselves: the room around them is used again. */
    @Test
    void pins_inEverySegment_leaveTheRestUsable() {
        BlockCache in = open(16 * MIB);
        List<Long> pins = new ArrayList<>();
        for (int i = 0; i < 4000; i++) {
            read(in, 1, i);
            if (i % 64 == 0) {
                pins.add(pinned(in, 1, i));
            }
        }
        int hits = 0;
        for (int round = 0; round < 6; round++) {
            hits = 0;
            for (int i = 0; i < 2800; i++) {
                hits += read(in, 2, i) ? 1 : 0;
            }
        }
        assertThat(hits).isGreaterThan(2400);
        assertThat(account.usedBytes(MemoryUse.PINNED)).isLessThanOrEqualTo(4 * 8192);
        for (int i = 0; i < pins.size(); i++) {
            assertThat(isContent(in, pins.get(i), 1, i * 64L)).isTrue();
            in.unpin(pins.get(i));
        }
    }

    @Test
    void drop_aFile_letsItsBlocksGoAndKeepsPinnedBytes() {
        BlockCache in = open(16 * MIB);
        for (int i = 0; i < 1500; i++) {
            read(in, 1, i);
            read(in, 2, i);
        }
        long pinned = pinned(in, 1, 77);
        long before = in.stats().blocks();
        in.drop(1);
        assertThat(in.stats().blocks()).isEqualTo(before - 1500);
        assertThat(in.find(1, 77)).isZero();
        assertThat(isContent(in, pinned, 1, 77)).isTrue();
        for (int i = 0; i < 1500; i++) {
            assertThat(read(in, 2, i)).isTrue();
        }
        for (int i = 0; i < 4000; i++) {
            read(in, 3, i);
        }
        assertThat(isContent(in, pinned, 1, 77)).isTrue();
        in.unpin(pinned);
    }

    @Test
    void budget_sharedByTwoCaches_bothGetAShare() {
        BlockCache first = open(250L * MIB);
        try (BlockCache second = new BlockCache(account, epochs, 250L * MIB)) {
            for (int i = 0; i < 70_000; i++) {
                read(first, 1, i, 4 * BLOCK, Priority.DATA);
            }
            assertThat(first.stats().heldBytes()).isGreaterThan(200L * MIB);
            for (int i = 0; i < 140_000; i++) {
                read(second, 1, i, BLOCK, Priority.DATA);
            }
            assertThat(second.stats().heldBytes()).isGreaterThan(20L * MIB);
            assertThat(first.stats().heldBytes()).isGreaterThan(20L * MIB);
            assertThat(budget.usedBytes()).isLessThanOrEqualTo(budget.capacityBytes());
        }
    }

    @Test
    void find_hits_allocateNothing() {
        BlockCache in = open(16 * MIB);
        for (int i = 0; i < 1000; i++) {
            read(in, 1, i);
        }
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long self = Thread.currentThread().threadId();
        long sum = findMany(in, 200_000);
        long before = threads.getThreadAllocatedBytes(self);
        sum += findMany(in, 400_000);
        long allocated = threads.getThreadAllocatedBytes(self) - before;
        assertThat(allocated).as("bytes for 400000 finds (sum " + sum + ")").isLessThan(4000);
    }

    private long findMany(BlockCache in, int calls) {
        long sum = 0;
        for (int i = 0; i < calls; i++) {
            ReaderSlot slot = epochs.enter();
            long handle = in.find(1, i % 1000);
            sum += in.memory(handle).get(ValueLayout.JAVA_LONG_UNALIGNED, in.offset(handle) + (i & 1023));
            if ((i & 7) == 0) {
                in.pin(handle);
                in.unpin(handle);
            }
            epochs.exit(slot);
        }
        return sum;
    }

    // ------------------------------------------------------------------------------------------------ threads

    /** Readers in epochs and with pins, against eviction, pressure and dropped files: nobody ever sees another block's bytes. */
    @ParameterizedTest
    @ValueSource(ints = {0, MIB, 8 * MIB, 64 * MIB})
    void threads_anyCalls_seeOnlyWhatWasPublished(int maxBytes) throws InterruptedException {
        BlockCache in = open(maxBytes);
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        AtomicBoolean done = new AtomicBoolean();
        List<Thread> readers = new ArrayList<>();
        for (int t = 0; t < 6; t++) {
            SplittableRandom random = new SplittableRandom(SEED + t);
            readers.add(started(failure, () -> reader(in, random)));
        }
        SplittableRandom random = new SplittableRandom(SEED - 1);
        Thread pressure = started(failure, () -> {
            while (!done.get()) {
                budgetPressure(random.nextInt(1, 4 * MIB));
                in.drop(random.nextInt(8));
                Thread.onSpinWait();
            }
        });
        for (Thread each : readers) {
            each.join();
        }
        done.set(true);
        pressure.join();
        assertThat(failure.get()).as("seed " + SEED).isNull();
        CacheStats stats = in.stats();
        assertThat(stats.pinnedBytes()).isZero();
        assertThat(stats.heldBytes()).isEqualTo(account.usedBytes(MemoryUse.CACHE));
        assertThat(stats.overdraftBytes()).isEqualTo(account.usedBytes(MemoryUse.PINNED));
        assertThat(stats.inserts() - stats.blocks()).isGreaterThanOrEqualTo(stats.evictions());
    }

    private static Thread started(AtomicReference<@Nullable Throwable> failure, Runnable action) {
        Thread thread = new Thread(() -> {
            try {
                action.run();
            } catch (Throwable thrown) {
                failure.compareAndSet(null, thrown);
            }
        });
        thread.start();
        return thread;
    }

    private void reader(BlockCache in, SplittableRandom random) {
        long[][] pins = new long[16][];
        for (int i = 0; i < 25_000; i++) {
            long file = random.nextInt(8);
            long offset = random.nextInt(random.nextBoolean() ? 300 : 3000);
            int length = lengthOf(file, offset);
            Priority priority = offset % 5 == 0 ? Priority.METADATA : Priority.DATA;
            if (random.nextInt(4) != 0) {
                read(in, file, offset, length, priority);
                continue;
            }
            int place = random.nextInt(pins.length);
            long[] old = pins[place];
            if (old != null) {
                if (!isContent(in, old[0], old[1], old[2])) {
                    throw new AssertionError("a pinned block changed");
                }
                in.unpin(old[0]);
            }
            long handle = pinned(in, file, offset);
            if (handle == 0) {
                handle = in.allocate(length);
                fill(in, handle, file, offset);
                handle = in.publish(handle, file, offset, priority);
            }
            pins[place] = new long[] {handle, file, offset};
        }
        for (long[] pin : pins) {
            if (pin != null) {
                in.unpin(pin[0]);
            }
        }
    }

    /** Many blocks of few bytes, published by many threads: the table grows under its readers, and loses few of them. */
    @Test
    void threads_growingTable_findsWhatIsThere() throws InterruptedException {
        BlockCache in = open(64 * MIB);
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            int file = t;
            threads.add(started(failure, () -> {
                for (int i = 0; i < 50_000; i++) {
                    read(in, file, i, 16, Priority.DATA);
                }
            }));
        }
        for (Thread each : threads) {
            each.join();
        }
        assertThat(failure.get()).isNull();
        int found = 0;
        for (int i = 0; i < 200_000; i++) {
            found += read(in, i % 4, i / 4, 16, Priority.DATA) ? 1 : 0;
        }
        assertThat(found).isGreaterThan(150_000);
        assertThat(in.stats().blocks()).isEqualTo(200_000);
    }
}
