package io.beachdb.sstable;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.MemoryUse;
import io.beachdb.base.memory.NativeBlock;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.SplittableRandom;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The oracle is lz4-java: its decompressor must give back what {@link Lz4Encoder} took. */
class Lz4EncoderTest {
    private static final int MOST = 300 << 10;

    private final MemoryBudget budget = MemoryBudget.ofBytes(8 << 20);
    private final MemoryAccount account = budget.openAccount();
    private final NativeBlock raw = account.acquire(MemoryUse.SCRATCH, MOST);
    private final NativeBlock packed = account.acquire(MemoryUse.SCRATCH, Lz4.maxCompressedLength(MOST));
    private final Lz4Encoder encoder = new Lz4Encoder();

    @AfterEach
    void release() {
        account.release(MemoryUse.SCRATCH, raw);
        account.release(MemoryUse.SCRATCH, packed);
        budget.close();
    }

    @Test
    void everyShortLength_comesBack() {
        for (int length = 0; length <= 700; length++) {
            byte[] same = new byte[length];
            comesBack(same);
            byte[] pairs = new byte[length];
            for (int i = 0; i < length; i++) {
                pairs[i] = (byte) (i % 23 < 5 ? i / 23 : i % 7);
            }
            comesBack(pairs);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void randomBlocks_comeBack(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < 300; i++) {
            comesBack(block(random, random.nextInt(1 << random.nextInt(4, 19)), random.nextInt(1, 40)));
        }
    }

    @Test
    void matchesAtTheFarthestDistance_andOneBeyond_comeBack() {
        SplittableRandom random = new SplittableRandom(11);
        byte[] word = new byte[40];
        random.nextBytes(word);
        for (int distance = 65_530; distance < 65_545; distance++) {
            byte[] bytes = new byte[distance + 100];
            System.arraycopy(word, 0, bytes, 3, word.length);
            System.arraycopy(word, 0, bytes, 3 + distance, word.length);
            comesBack(bytes);
        }
    }

    @Test
    void tableOfEarlierBlocks_isForgottenWhenItsNumbersRunOut() {
        byte[] bytes = block(new SplittableRandom(12), MOST, 20);
        int first = comesBack(bytes);
        for (int i = 0; i <= Integer.MAX_VALUE / MOST; i++) {
            encoder.compress(raw, MOST, packed, 0);
        }
        assertThat(comesBack(bytes)).isEqualTo(first);
    }

    @Test
    void blocks_areAboutAsSmallAsThoseOfLz4Java() {
        byte[] bytes = block(new SplittableRandom(13), 16 << 10, 20);
        int ours = comesBack(bytes);
        LZ4Compressor theirs = LZ4Factory.safeInstance().fastCompressor();
        assertThat((double) ours / theirs.compress(bytes).length).isLessThan(1.03);
        assertThat(ours).isLessThan(bytes.length * 2 / 3);
    }

    @Test
    void compress_allocatesNothing() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        comesBack(block(new SplittableRandom(14), 16 << 10, 20));
        long least = Long.MAX_VALUE;
        for (int round = 0; round < 20 && least > 0; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 200; i++) {
                encoder.compress(raw, 16 << 10, packed, 0);
            }
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        assertThat(least).as("bytes allocated by 200 blocks").isLessThan(200);
    }

    /** Random bytes among which pieces of earlier ones return. */
    private static byte[] block(SplittableRandom random, int length, int longestPiece) {
        byte[] bytes = new byte[length];
        int at = 0;
        while (at < length) {
            int piece = Math.min(length - at, random.nextInt(longestPiece) + 1);
            if (at > piece && random.nextInt(3) > 0) {
                System.arraycopy(bytes, random.nextInt(at - piece), bytes, at, piece);
            } else {
                for (int i = 0; i < piece; i++) {
                    bytes[at + i] = (byte) random.nextInt();
                }
            }
            at += piece;
        }
        return bytes;
    }

    /** Compresses behind some bytes that must stay, and decompresses by every codec there is; returns the length. */
    private int comesBack(byte[] bytes) {
        int at = 5;
        MemorySegment.copy(bytes, 0, raw.memory(), ValueLayout.JAVA_BYTE, 0, bytes.length);
        packed.memory().fill((byte) 0x5A);
        int length = encoder.compress(raw, bytes.length, packed, at);
        assertThat(length).isLessThanOrEqualTo(Lz4.maxCompressedLength(bytes.length));
        for (int i = 0; i < at; i++) {
            assertThat(packed.memory().get(ValueLayout.JAVA_BYTE, i)).isEqualTo((byte) 0x5A);
        }
        assertThat(packed.memory().get(ValueLayout.JAVA_BYTE, (long) at + length))
                .as("the byte behind")
                .isEqualTo((byte) 0x5A);
        ByteBuffer back = ByteBuffer.allocateDirect(bytes.length);
        assertThat(Lz4.decompress(packed.view(), at, length, back, 0, bytes.length))
                .isTrue();
        byte[] result = new byte[bytes.length];
        back.get(0, result);
        if (!Arrays.equals(result, bytes)) {
            throw new AssertionError("a block of " + bytes.length + " bytes came back different");
        }
        return length;
    }
}
